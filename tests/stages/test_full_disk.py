"""Every stage tells a disk that takes nothing or too little, before its work."""

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from likeness.errors import exit_on_error
from likeness.pipeline.stage import BY_NAME
from likeness.stage_program import run
from stages import check

ROOT = Path(__file__).parents[2]


def started(stage: str) -> None:
    """The stage as its program starts it, with work that must not be reached."""
    if stage == "check":
        with exit_on_error("check"):
            check.main()
    else:
        run(stage, lambda current: pytest.fail(f"{stage} went to work"))


@pytest.fixture
def jade(in_tmp, monkeypatch):
    for name in ("conf", "consent"):
        shutil.copytree(ROOT / name, name)
    shutil.copy(ROOT / "params.yaml", "params.yaml")
    monkeypatch.setattr(sys, "argv", ["stage", "jade"])


@pytest.mark.parametrize("stage", BY_NAME)
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EDQUOT], ids=errno.errorcode.get)
def test_every_stage_tells_a_disk_that_takes_nothing(jade, monkeypatch, capsys, stage, number):
    def refuse(*where, **options):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(check, "check_parts", lambda config: None)
    probed = "likeness.disk.os.fsync" if stage == "check" else "likeness.disk.TemporaryFile"
    monkeypatch.setattr(probed, refuse)  # check is done as soon as a trial would be
    with pytest.raises(SystemExit) as ended:
        started(stage)
    told = capsys.readouterr().err
    assert ended.value.code == 1
    assert told.startswith((f"\n{stage}: data/", f"\n{stage}: models/"))
    assert "remedy: " in told
    assert "Traceback" not in told


@pytest.mark.parametrize("stage", [name for name in BY_NAME if name != "check"])
def test_every_stage_tells_a_disk_with_too_little_space(jade, monkeypatch, capsys, stage):
    monkeypatch.setattr("likeness.disk.shutil.disk_usage", lambda folder: SimpleNamespace(free=2**20))
    with pytest.raises(SystemExit):
        started(stage)
    assert ": 1 MB are free there, 256 are needed" in capsys.readouterr().err


@pytest.mark.skipif(not Path("/sys/kernel").is_dir(), reason="Linux's /sys takes no files, from root neither")
def test_a_stage_tries_its_outputs_before_its_work(in_tmp):
    for name in ("conf", "consent"):
        shutil.copytree(ROOT / name, name)
    shutil.copy(ROOT / "params.yaml", "params.yaml")
    Path("models").symlink_to("/sys/kernel")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "stages.dataset", "jade"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    assert "dataset: models/jade/lora_training: " in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(not Path("/sys/kernel").is_dir(), reason="Linux's /sys takes no files, from root neither")
@pytest.mark.parametrize(
    ("stage", "place"), [("resize", "ledger"), ("evaluate", "ledger"), ("train", "training")]
)
def test_a_stage_tries_what_it_keeps_of_a_run_before_its_work(jade, capsys, stage, place):
    Path(".cache").mkdir()
    Path(".cache", place).symlink_to("/sys/kernel")
    with pytest.raises(SystemExit):
        started(stage)
    assert f".cache/{place}: " in capsys.readouterr().err
