"""A whole consent record of a real person, signed with the tests' key, to be changed."""

import contextlib
import datetime
from pathlib import Path

import numpy as np
import yaml
from signing import sign_as_test

from likeness.digests import sha256_bytes
from likeness.errors import ConsentError
from likeness.safety.consent import RecordedFace

FACE = np.full(128, 128**-0.5, np.float32)
# The term of a record: tests that run on any later day find it in force.
SIGNED = datetime.datetime.now(datetime.UTC).date() - datetime.timedelta(days=60)
EXPIRES = SIGNED + datetime.timedelta(days=365)
PDF = b"%PDF-1.7 signed"
EVIDENCE = {"file": "mia.pdf", "type": "pdf", "sha256": sha256_bytes(PDF)}
RECORD = {
    "id": "mia-2026-01",
    "persona": "mia",
    "kind": "release",
    "subject": "Mia Example",
    "adult": {"attested_by": "passport seen by J. Doe", "age_years": 31},
    "scope": ["swap", "train", "generate"],
    "signed": SIGNED,
    "expires": EXPIRES,
    "evidence": EVIDENCE,
    "face": {"embedder": "sface-2021dec-int8bq", "embedding": RecordedFace.encode(FACE)},
    "photos": {"a.jpg": {"sha256": "a" * 64, "age_years": 30}},
}
TARGETS = {
    "licence": "CC0-1.0",
    "origin": "renders",
    "release": EVIDENCE,
    "photos": {
        "t.jpg": {"sha256": "b" * 64, "age_years": 40, "shows": "Ann Example"},
        "u.jpg": {"sha256": "c" * 64, "licence": "CC-BY-4.0", "shows": "Ben Example"},
    },
}


def write(root: Path, changes=None, drop=(), targets=TARGETS, sign=True):
    folder = root / "consent"
    folder.mkdir(exist_ok=True)
    record = {key: value for key, value in {**RECORD, **(changes or {})}.items() if key not in drop}
    (folder / "mia.yaml").write_text(yaml.safe_dump(record))
    (folder / "mia.pdf").write_bytes(PDF)
    if targets:
        (folder / "mia.targets.yaml").write_text(yaml.safe_dump(targets))
    if sign:
        with contextlib.suppress(ConsentError):  # one that is not whole cannot be signed
            sign_as_test(folder, "mia")
    return folder
