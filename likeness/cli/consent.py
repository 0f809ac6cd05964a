"""consent: read and bind consent records.

python -m likeness.cli.consent show PERSONA        the record, and whether it is in force
python -m likeness.cli.consent bind PERSONA        the `face:` lines to record, from data/PERSONA/raw/sources
python -m likeness.cli.consent artefacts PERSONA   every file made from this likeness, for a revocation
"""

import datetime
import sys
from pathlib import Path

import numpy as np

from likeness.config import load_config
from likeness.errors import ConfigError, InputError, LikenessError
from likeness.faces import FaceAnalyzer
from likeness.ingest.decode import decode_photo
from likeness.ingest.entries import limits_of
from likeness.paths import PersonaPaths
from likeness.pipeline.stage import ALL_USES
from likeness.run import CONSENT, PARAMS
from likeness.safety.consent import RecordedFace, load_consent
from likeness.store.items import sha256_file


def show(persona: str) -> None:
    """The record in a few lines, and its standing today."""
    record = load_consent(CONSENT, persona)
    sys.stdout.write(f"{record.id}: {record.subject} ({record.kind}), scope {', '.join(record.scope)}\n")
    record.require(
        ALL_USES,
        today=datetime.datetime.now(datetime.UTC).date(),
    )
    sys.stdout.write(
        f"in force, until {record.expires or 'revoked'}; evidence {record.evidence.file} is as recorded\n"
    )


def bind(persona: str) -> None:
    """The mean of the source faces, to be recorded by whoever has checked that they show the subject."""
    analyzer = FaceAnalyzer()
    embeddings: list[np.ndarray] = []
    for path in sorted(PersonaPaths(persona).raw_sources.glob("*")):
        faces = analyzer.faces(decode_photo(path, limits_of(load_config(PARAMS).ingest)).rgb)
        sys.stderr.write(f"{path.name}: {len(faces)} face(s)\n")
        if len(faces) == 1:
            embeddings.append(faces[0].embedding)
    if not embeddings:
        raise InputError(f"no source photo of {persona} shows exactly one face", reason="no-face")
    mean = np.mean(embeddings, axis=0)
    encoded = RecordedFace.encode(mean / np.linalg.norm(mean))
    sys.stdout.write(f"face:\n  embedder: sface-2021dec-int8bq\n  embedding: {encoded}\n")


def artefacts(persona: str) -> None:
    """Works for a revoked record too: that is when it is needed."""
    places = PersonaPaths(persona)
    for folder in (places.data, places.models):
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                sys.stdout.write(f"{sha256_file(path)}  {path}\n")
    sys.stderr.write(
        "Also made from this likeness: the item store (.cache), DVC's cache and remotes (`dvc gc`, `dvc push`), "
        "MLflow runs tagged likeness.persona, and every copy of the files above.\n"
    )


def main(arguments: list[str]) -> None:
    commands = {"show": show, "bind": bind, "artefacts": artefacts}
    if len(arguments) != 2 or arguments[0] not in commands:
        raise ConfigError(f"not a command: {' '.join(arguments)!r}", remedy=str(__doc__).partition("\n\n")[2])
    if not (Path("data") / arguments[1]).is_dir():
        raise ConfigError(f"there is no folder data/{arguments[1]}", remedy="name a persona of params.yaml")
    commands[arguments[0]](arguments[1])


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except LikenessError as error:
        sys.stderr.write(f"\nconsent: {error}\n")
        raise SystemExit(1) from error
