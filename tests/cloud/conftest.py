"""A clone whose stages take no time: the same names, programs of one line."""

import os
import re
import shutil
import sys
from contextlib import chdir
from pathlib import Path

import pytest

from likeness.cli.params import params_command
from tools.repository_clone import RepositoryClone, clone_repository

CHECK = """
stages:
  check: {cmd: 'echo {} > data/checked.json', wdir: .., always_changed: true, outs: [data/checked.json]}
"""
DVC = """
stages:
  dataset:
    foreach: ${personas}
    do:
      cmd: mkdir -p models/${key}/lora_training && echo pixels > models/${key}/lora_training/one.txt
      deps: [data/checked.json]
      params: [dataset]
      outs: ['models/${key}/lora_training']
  train:
    foreach: ${personas}
    do:
      cmd: python train.py ${key}
      deps: ['data/checked.json', 'train.py', 'models/${key}/lora_training']
      params: [train]
      outs: ['models/${key}/${key}-v1.safetensors']
  evaluate:
    foreach: ${personas}
    do:
      cmd: cp models/${key}/${key}-v1.safetensors models/${key}/scores.json
      deps: ['models/${key}/${key}-v1.safetensors']
      outs: ['models/${key}/scores.json']
  report:
    foreach: ${personas}
    do:
      cmd: cp models/${key}/scores.json models/${key}/README.md
      deps: ['models/${key}/scores.json']
      outs: ['models/${key}/README.md']
"""
TRAIN = """
import os, pathlib, sys, time
import yaml
steps = yaml.safe_load(open("params.yaml"))["train"]["schedule"]["steps"]
print("train: 1/%d, 1.0/s, about 5 s left" % steps, flush=True)
print("environment:", dict(os.environ), flush=True)
number = os.getpid()
while True:  # up to the job, as another program of this user sees them
    line = pathlib.Path(f"/proc/{number}/cmdline").read_bytes()
    print("process:", line, pathlib.Path(f"/proc/{number}/environ").read_bytes(), flush=True)
    if b"likeness.cloud.job" in line or number == 1:
        break
    number = int(pathlib.Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[1])
if steps == 13:
    time.sleep(3600)
if steps == 66:
    sys.exit("CUDA out of memory")
pathlib.Path(f"models/{sys.argv[1]}/{sys.argv[1]}-v1.safetensors").write_text(f"weights of {steps} steps")
print("train: %d/%d, 1.0/s, about 0 s left" % (steps, steps), flush=True)
"""


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> RepositoryClone:
    """The clone with its dataset made and committed, a DVC remote and a store beside it."""
    folder = tmp_path_factory.mktemp("cloud") / "clone"
    folder.mkdir()
    clone = clone_repository(folder, (), ())
    (folder / "dvc.yaml").write_text(DVC)
    (folder / "stages" / "dvc.yaml").write_text(CHECK)
    (folder / "train.py").write_text(TRAIN)
    items = folder / "conf" / "items" / "local.yaml"
    text = items.read_text()
    assert "remote: null" in text
    items.write_text(text.replace("remote: null", f"remote: {(folder.parent / 'store').as_uri()}"))
    (folder.parent / "dvc").mkdir()
    clone.dvc("remote", "add", "--default", "team", str(folder.parent / "dvc"))
    with chdir(folder):
        params_command([])
    clone.dvc("repro", "dataset@jade")
    commit(clone, "data")
    clone.dvc("push")
    return clone


def commit(clone: RepositoryClone, message: str) -> None:
    """Commit everything."""
    clone.run("git", "add", "-A")
    clone.run("git", "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qm", message)


@pytest.fixture
def clone(prepared: RepositoryClone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RepositoryClone:
    """A clone of one's own, in which the test stands, with an empty store; its DVC remote is the session's."""
    # `likeness cloud fetch --all` and `status` read all jobs of a store: those of other tests are none of this one's.
    shutil.rmtree(prepared.folder.parent / "store", ignore_errors=True)
    prepared.run("git", "clone", "-q", str(prepared.folder), str(tmp_path / "clone"))
    own = RepositoryClone(tmp_path / "clone")
    monkeypatch.chdir(own.folder)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    monkeypatch.setenv("PATH", own.env["PATH"])
    monkeypatch.setenv("LIKENESS_HOME", str(tmp_path / "home"))
    own.env |= {"LIKENESS_HOME": str(tmp_path / "home")}
    for name in [one for one in os.environ if one.startswith(("AWS_", "RUNPOD_"))]:
        monkeypatch.delenv(name)
    return own


@pytest.fixture
def engine(clone: RepositoryClone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An engine that runs jobs on this machine (local_engine.py); its state lies in the folder."""
    folder = tmp_path / "engine"
    folder.mkdir()
    program = folder / "python"
    program.write_text(
        f"#!/bin/sh\nexec {sys.executable} {Path(__file__).with_name('local_engine.py')} {folder}\n"
    )
    program.chmod(0o700)
    monkeypatch.setenv("LIKENESS_SKY", str(program))
    return folder


@pytest.fixture
def bucket(clone: RepositoryClone, tmp_path: Path) -> None:
    """A clone for machines that are rented: its store and its DVC remote are no folders of this computer."""
    config, items = clone.folder / ".dvc" / "config", clone.folder / "conf" / "items" / "local.yaml"
    config.write_text(re.sub("url = .*", "url = s3://likeness/dvc", config.read_text()))
    items.write_text(re.sub("remote: file:.*", f"remote: memory://{tmp_path.name}", items.read_text()))
    params_command([])
    commit(clone, "a bucket")
