"""What DVC's files say of places outside of the clone, or of git's own, is deleted by no purge."""

import json
from pathlib import Path

import pytest
import yaml
from purge_clone import CACHE, keep, lock

from likeness.cli.purge import purge


def test_a_dvc_file_that_leads_out_of_the_clone_deletes_nothing_there(clone):
    outside = clone.parent / "w.safetensors"
    outside.write_bytes(b"somebody's")
    dep, out = {"path": "models/jade/x"}, {"md5": "0" * 32, "path": "../w.safetensors"}
    Path("w.safetensors.dvc").write_text(yaml.safe_dump({"deps": [dep], "outs": [out]}))
    purge("jade", dry_run=False, photographs=False)
    assert outside.exists()


LEADS_OUT = ["../../../../../mine", "ab/{mine}", "..//{mine}", "ab/../../../../../mine"]


@pytest.mark.parametrize("listed_in", ["lock", "folder", "run", "file"])
@pytest.mark.parametrize("digest", LEADS_OUT)
def test_a_digest_that_is_a_path_deletes_nothing(clone, digest, listed_in):
    """As a pulled dvc.lock, list, run or .dvc file could say: caches and remotes join it to their own path."""
    mine = [clone / "mine", clone.parent / "mine", clone.parent.parent / "mine"]
    for path in mine:
        path.write_bytes(b"somebody's")
    digest = digest.format(mine=mine[0])
    if listed_in == "lock":
        Path("dvc.lock").write_text(lock("models/jade/x", digest))
    elif listed_in == "folder":
        inside = keep(json.dumps([{"md5": digest, "relpath": "x"}]).encode(), ".dir")
        Path("dvc.lock").write_text(lock("models/jade/training/checkpoints", inside))
    elif listed_in == "run":
        path = CACHE / "runs/ab" / ("ab" * 32) / ("cd" * 32)
        path.parent.mkdir(parents=True)
        outs = [{"path": "x", "md5": digest}]
        path.write_text(yaml.safe_dump({"cmd": "python -m stages.train jade", "outs": outs}))
    else:
        Path("models/jade").mkdir(parents=True)
        outs = [{"path": "x", "md5": digest}]
        Path("models/jade/x.dvc").write_text(yaml.safe_dump({"outs": outs}))
    purge("jade", dry_run=False, photographs=False)
    assert [path for path in mine if not path.exists()] == []


@pytest.mark.parametrize("out", [".git", ".git/config", "consent", "likeness/../.git", "."])
def test_a_dvc_file_that_names_what_git_keeps_deletes_none_of_it(clone, out):
    dep = {"path": "models/jade/x"}
    Path("w.dvc").write_text(yaml.safe_dump({"deps": [dep], "outs": [{"md5": "0" * 32, "path": out}]}))
    purge("jade", dry_run=False, photographs=False)
    assert Path(".git/config").is_file()
    assert Path("consent/jade.yaml").is_file()
