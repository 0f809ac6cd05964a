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

from likeness.dataset.archive import write_zip
from likeness.diffusion.digest import files_digest
from likeness.disk import optional, try_place, write_atomic
from likeness.dvc_files import cache_folder, cached, links_outputs
from likeness.errors import DiskError, exit_on_error
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
    assert not [path for path in small_disk.rglob("*") if path.is_file()]


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


@pytest.mark.parametrize(
    ("types", "linked"),
    [("hardlink,copy", True), ('"symlink"', True), ("reflink,hardlink", False), ("copy", False)],
)
def test_dvc_s_kind_of_cache_is_read_from_its_files(in_tmp, types, linked):
    assert not links_outputs()
    Path(".dvc").mkdir()
    Path(".dvc/config").write_text("[cache]\n    dir = elsewhere\n    type = copy\n")
    Path(".dvc/config.local").write_text(f"[cache]\n    type = {types}\n")
    assert links_outputs() is linked
    assert cache_folder() == Path(".dvc/elsewhere")


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
