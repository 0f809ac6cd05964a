"""The models that measure photos here; kept apart so that judging and reading need no weights."""

from likeness.digests import sha256_bytes
from likeness.faces import FACES_VERSION, MODELS_DIGEST
from likeness.faces.age import AgeEstimator
from likeness.faces.models import AGE, RESNET
from likeness.ingest.analyse import Instruments
from likeness.safety.embedder import EmbedderConfig
from likeness.safety.identity import face_analyzer
from likeness.safety.rating import RATER_DIGEST, Rater


def local_instruments(embedder: EmbedderConfig | None = None) -> Instruments:
    """YuNet, face mesh, SFace, dlib's resnet, the user's own embedder, the age estimator and the explicit-material rater;
    nothing is loaded yet."""
    analyzer = face_analyzer(embedder)
    own = [embedder.digest] if embedder else []
    digests = [MODELS_DIGEST, RESNET.sha256, AGE.sha256, RATER_DIGEST, *own]
    return Instruments(
        faces=analyzer,
        stances=analyzer,
        identify=analyzer.identified,
        ages=AgeEstimator(),
        rate=Rater().explicit,
        digest=sha256_bytes("".join(digests).encode()),
        faces_version=FACES_VERSION,
    )
