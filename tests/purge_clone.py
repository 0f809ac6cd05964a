"""A clone of which DVC keeps what a purge has to find."""

import hashlib
import shutil
from pathlib import Path

import pytest
import yaml
from consent_clone import commit, git

ROOT = Path(__file__).parents[1]
CACHE, FAR = Path(".dvc/cache"), Path("../remote")
WEIGHTS = b"weights of jade"


def keep(data: bytes, suffix: str = "", *, places: tuple[Path, ...] = (CACHE, FAR)) -> str:
    """Bytes in DVC's cache and its remote; their name."""
    name = hashlib.md5(data, usedforsecurity=False).hexdigest() + suffix
    for place in places:
        path = place / "files/md5" / name[:2] / name[2:]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return name


def held(data: bytes) -> list[str]:
    return [
        str(path)
        for place in (CACHE, FAR)
        for path in place.rglob("*")
        if path.is_file() and path.read_bytes() == data
    ]


def lock(
    path: str, digest: str, *, stage: str = "train@jade", cmd: str = "python -m stages.train jade"
) -> str:
    stages = {stage: {"cmd": cmd, "outs": [{"path": path, "hash": "md5", "md5": digest}]}}
    return yaml.safe_dump({"schema": "2.0", "stages": stages})


def clone_of_jade(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone with settings and records, committed; the working directory."""
    root = tmp_path / "clone"
    for name in ("conf", "consent"):
        shutil.copytree(ROOT / name, root / name)
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    params["tracking"]["enabled"] = False
    (root / "params.yaml").write_text(yaml.safe_dump(params))
    monkeypatch.chdir(root)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    Path(".dvc").mkdir()
    Path(".dvc/config").write_text(f"['remote \"far\"']\n    url = {tmp_path / 'remote'}\n")
    Path(".gitignore").write_text(".dvc/cache\n.dvc/tmp\n")
    git(root, "init", "-q")
    commit(root)
    return root
