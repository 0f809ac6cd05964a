"""A full disk and a place that may not be written to: told with the path and what helps, before the work where it can be."""

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from likeness.disk import try_place
from likeness.errors import DiskError, exit_on_error

ROOT = Path(__file__).parents[1]


def test_a_place_that_can_be_written_to_is_left_as_it_was(in_tmp):
    try_place(Path("models/jade/training"))
    assert list(in_tmp.iterdir()) == []


@pytest.mark.skipif(not Path("/sys/kernel").is_dir(), reason="Linux's /sys takes no files, from root neither")
def test_a_place_that_takes_no_files_is_told(in_tmp):
    Path("models").symlink_to("/sys/kernel")
    with pytest.raises(DiskError, match="models/jade") as caught:
        try_place(Path("models/jade"))
    assert "writable" in caught.value.remedy


def test_too_little_space_is_told_with_both_figures(in_tmp):
    with pytest.raises(DiskError, match=r"models: \d+ MB are free there, \d+ are needed"):
        try_place(Path("models"), free_bytes=2**60)


@pytest.mark.parametrize(
    ("number", "words"),
    [(errno.ENOSPC, "no space is left"), (errno.EROFS, "read-only"), (errno.EACCES, "permission denied")],
)
def test_a_program_ends_on_it_in_our_words(capsys, number, words):
    with pytest.raises(SystemExit) as ended, exit_on_error("train"):
        raise OSError(number, os.strerror(number), "models/jade/jade-v1.safetensors")
    assert ended.value.code == 1
    told = capsys.readouterr().err
    assert "train: models/jade/jade-v1.safetensors" in told
    assert words in told
    assert "remedy" in told


def test_an_error_of_another_kind_keeps_its_traceback():
    with pytest.raises(FileNotFoundError), exit_on_error("train"):
        raise FileNotFoundError(errno.ENOENT, "No such file", "x")


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


LIMITED = """
import resource, sys
from pathlib import Path
from likeness.errors import exit_on_error
from likeness.store.items import write_atomic
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
with exit_on_error("resize"):
    write_atomic(Path(sys.argv[1]), bytes(2000))
"""


def test_a_write_that_fails_names_the_file_and_leaves_nothing(tmp_path):
    place = tmp_path / "a.png"
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(place)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith(f"\nresize: {place}: the file would be larger than this disk")
    assert list(tmp_path.iterdir()) == []
