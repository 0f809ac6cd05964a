"""A full disk and a place that may not be written to: told with the path and what helps, before the work where it can be."""

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from likeness.dataset.archive import write_zip
from likeness.diffusion.digest import files_digest
from likeness.disk import append, copy_atomic, optional, try_place, write_atomic
from likeness.errors import DiskError, exit_on_error
from likeness.lazy import Spool
from likeness.pipeline.outputs import materialize
from likeness.store.items import ItemStore

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


def test_a_place_beyond_a_link_to_nothing_is_told(in_tmp):
    Path("models").symlink_to("/mnt/gone")
    with pytest.raises(DiskError, match="models is a link to /mnt/gone, where nothing is"):
        try_place(Path("models/jade"))


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


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 64 KiB; mounting one takes root."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(place)]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("no disk can be mounted here")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_disk_that_fills_is_told_with_the_bytes_and_keeps_nothing_half(small_disk, tmp_path):
    with pytest.raises(DiskError, match=r"a\.png: no space is left to write its 100,000 bytes"):
        write_atomic(small_disk / "a.png", bytes(100_000))
    (tmp_path / "b.jpg").write_bytes(bytes(100_000))
    with pytest.raises(DiskError, match=r"set\.zip: no space is left to write its 100,000 bytes"):
        write_zip(small_disk / "set.zip", tmp_path, ["b.jpg"])
    stored = ItemStore(small_disk / "items")
    with pytest.raises(DiskError, match="no space is left"):
        stored.put("a" * 64, {"image": bytes(100_000)}, {})
    with pytest.raises(DiskError, match="no space is left") as caught:
        materialize(tmp_path / "b.jpg", small_disk / "b.jpg")
    assert str(small_disk / "b.jpg") in str(caught.value)
    with pytest.raises(DiskError, match=r"c\.jpg: no space is left to write its 100,000 bytes"):
        copy_atomic(tmp_path / "b.jpg", small_disk / "c.jpg")
    assert not [path for path in small_disk.rglob("*") if path.is_file()]


def test_a_full_folder_for_temporary_files_is_told_with_what_names_another(tmp_path, monkeypatch):
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(DiskError, match=f"{tmp_path}: no space is left") as caught:
        Spool([bytes(100_000)])
    assert "name another by TMPDIR" in caught.value.remedy


def test_a_line_that_a_full_disk_takes_in_part_is_taken_back(small_disk):
    """As of marks/PERSONA.jsonl, in which each line names the one before it."""
    lines = small_disk / "lines.jsonl"
    append(lines, b"one\n")
    with pytest.raises(DiskError, match=r"lines\.jsonl: no space is left to write its 100,000 bytes"):
        append(lines, bytes(100_000))
    append(lines, b"two\n")
    assert lines.read_bytes() == b"one\ntwo\n"


def test_a_name_as_long_as_the_disk_takes_is_written(tmp_path):
    path = tmp_path / f"{'é' * 125}.json"
    write_atomic(path, b"1")
    copy_atomic(path, tmp_path / f"{'a' * 255}")
    assert sorted(len(os.fsencode(one.name)) for one in tmp_path.iterdir()) == [255, 255]


# What lies in a folder of its own that goes as a whole, or is a part of a new one: publish/copies.py, cloud/, cli/persona.py.
COPIES = {
    "disk.py",
    "pipeline/outputs.py",
    "publish/copies.py",
    "cloud/parcel.py",
    "cloud/job.py",
    "cli/persona.py",
}


def test_nothing_is_copied_to_its_place_by_hand():
    """A full disk would leave half of it there."""
    by_hand = {
        path.relative_to(ROOT / "likeness").as_posix()
        for path in (ROOT / "likeness").rglob("*.py")
        if "shutil.copyfile(" in path.read_text() or "shutil.copy(" in path.read_text()
    }
    assert by_hand <= COPIES


def refuse_writing(monkeypatch, number=errno.EROFS):
    def refuse(*where, **options):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("likeness.disk.os.fsync", refuse)


def test_what_only_saves_time_costs_nothing_where_the_disk_does_not_take_it(in_tmp, monkeypatch, capsys):
    Path("base.safetensors").write_bytes(b"weights")
    whole = files_digest([Path("base.safetensors")], Path(), None)
    refuse_writing(monkeypatch)
    assert files_digest([Path("base.safetensors")], Path(), Path("digests")) == whole
    told = capsys.readouterr().err
    assert told.startswith("not written: digests/")
    assert "read-only file system" in told


def test_an_error_of_another_kind_is_not_taken_for_one_of_the_disk(in_tmp):
    with pytest.raises(TimeoutError), optional():
        raise TimeoutError


def test_what_lies_in_the_way_of_a_folder_is_told_by_its_name(in_tmp):
    Path("there").touch()
    with pytest.raises(DiskError, match=r"^there: file exists"):
        write_atomic(Path("there/plan.json"), b"x")


LIMITED = """
import resource, sys
from pathlib import Path
from likeness.errors import exit_on_error
from likeness.disk import write_atomic
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


def test_a_place_where_no_file_can_be_made_is_told(monkeypatch):
    def made(**_: object):
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr("likeness.disk.TemporaryFile", made)
    with pytest.raises(DiskError, match="/proc/x cannot be written to: No such file"):
        try_place(Path("/proc/x"))
