"""A full disk and a place that may not be written to: told with the path and what helps, before the work where it can be."""

import errno
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from dvc.config import Config as DvcConfig

from likeness.dataset.archive import write_zip
from likeness.diffusion.digest import files_digest
from likeness.disk import append, copy_atomic, optional, try_place, write_atomic
from likeness.dvc_files import cache_folder, cached, links_outputs, links_to_cache
from likeness.errors import ConfigError, DiskError, exit_on_error
from likeness.lazy import Spool
from likeness.pipeline.outputs import materialize, require_room_in_cache
from likeness.pipeline.stage import BY_NAME
from likeness.stage_program import run
from likeness.store.items import ItemStore
from stages import check

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


def test_a_cache_without_room_for_the_outputs_is_told_before_dvc_fills_it(in_tmp, monkeypatch):
    """DVC itself exits with 0 there, and leaves halves."""
    folder, cache = Path("resized"), Path("cache")
    folder.mkdir()
    (folder / "a.png").write_bytes(bytes(3000))
    (folder / "b.png").write_bytes(bytes(2000))
    require_room_in_cache([folder], cache)
    monkeypatch.setattr(
        "likeness.pipeline.outputs.shutil.disk_usage", lambda place: SimpleNamespace(free=4000)
    )
    monkeypatch.setattr("likeness.pipeline.outputs._takes_clones", lambda path, place: False)
    with pytest.raises(DiskError, match=r"cache: .*copy of resized: it takes 5,000 bytes, 4,000 are free"):
        require_room_in_cache([folder, Path("not-there")], cache)
    require_room_in_cache([folder], cache, linked=True)  # DVC moves them there
    there = cached(cache, hashlib.md5(bytes(3000), usedforsecurity=False).hexdigest())
    there.parent.mkdir(parents=True)
    there.write_bytes(bytes(3000))
    require_room_in_cache([folder], cache)  # what the cache has already takes nothing


@pytest.fixture
def dvc_s_own(in_tmp, monkeypatch):
    """Where DVC's files of the machine and of the user lie."""
    for level in ("SYSTEM", "GLOBAL"):
        monkeypatch.setenv(f"DVC_{level}_CONFIG_DIR", str(in_tmp / level))
        (in_tmp / level).mkdir()
    Path(".dvc").mkdir()


@pytest.mark.usefixtures("dvc_s_own")
@pytest.mark.parametrize(
    ("types", "linked"),
    [("hardlink,copy", True), ('"symlink"', True), ("symlink, copy,", True), ("reflink,hardlink", False), ("copy", False),
     (",", False)],
)  # fmt: skip
def test_dvc_s_kind_of_cache_is_read_from_its_files(types, linked):
    assert not links_outputs()
    Path(".dvc/config").write_text("[cache]\n    dir = elsewhere\n    type = copy\n")
    Path(".dvc/config.local").write_text(f"[CACHE]\n    Type = {types}\n")
    assert links_outputs() is linked
    assert cache_folder() == Path(".dvc/elsewhere")


@pytest.mark.usefixtures("dvc_s_own")
@pytest.mark.parametrize(
    ("said", "folder"),
    [
        ("/big/dvc", "/big/dvc"),
        ('"/big, slow/#1"', "/big, slow/#1"),
        ("~/dvc", "~/dvc"),
        ("here", "{level}/here"),
    ],
)
@pytest.mark.parametrize("level", ["SYSTEM", "GLOBAL"])
def test_a_cache_of_the_machine_or_of_the_user_is_dvc_s_cache(in_tmp, level, said, folder):
    """As `dvc config --global cache.dir` sets it for all clones."""
    Path(level, "config").write_text(f"[cache]\n    dir = {said}\n    type = symlink\n")
    place = Path(folder.format(level=in_tmp / level)).expanduser()
    assert cache_folder() == place
    assert DvcConfig(".dvc")["cache"]["dir"] == str(place)
    assert links_outputs()
    stored = place / "files" / "md5" / "ab"
    Path("linked").symlink_to(stored)
    assert links_to_cache(Path("linked"))


@pytest.mark.usefixtures("dvc_s_own")
def test_a_file_of_dvc_s_that_does_not_read_is_named():
    Path(".dvc/config").write_text(
        "[cache]\n<<<<<<< HEAD\n    dir = /a\n=======\n    dir = /b\n>>>>>>> theirs\n"
    )
    with pytest.raises(ConfigError, match=r"\.dvc/config does not read: .*line 2") as caught:
        cache_folder()
    assert "DVC itself stops" in caught.value.remedy


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
