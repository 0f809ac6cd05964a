"""The models that measure photos here; kept apart so that judging and reading need no weights."""

from likeness.faces import FACES_VERSION, MODELS_DIGEST, FaceAnalyzer
from likeness.faces.age import AgeEstimator
from likeness.faces.models import AGE, RESNET
from likeness.ingest.analyse import Instruments
from likeness.safety.rating import RATER_DIGEST, Rater
from likeness.store.items import sha256_bytes


def local_instruments() -> Instruments:
    """YuNet, face mesh, SFace, dlib's resnet, the age estimator and the explicit-material rater; nothing is loaded yet."""
    analyzer = FaceAnalyzer()
    return Instruments(
        faces=analyzer,
        stances=analyzer,
        identify=analyzer.identified,
        ages=AgeEstimator(),
        rate=Rater().explicit,
        digest=sha256_bytes((MODELS_DIGEST + RESNET.sha256 + AGE.sha256 + RATER_DIGEST).encode()),
        faces_version=FACES_VERSION,
    )
