"""One digest over the files of conf/, so that params.yaml can tell whether it is still what they compose to."""

import hashlib
from pathlib import Path


def conf_digest(folder: Path) -> str:
    """Hex sha256 over the names and bytes of every .yaml file under `folder`."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.yaml")):
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
