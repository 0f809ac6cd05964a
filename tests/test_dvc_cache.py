"""DVC's cache: which folder it is, of which kind, and whether it has room for what a stage made."""

import hashlib
from pathlib import Path
from types import SimpleNamespace

import pytest
from dvc.config import Config as DvcConfig

from likeness.dvc_files import cache_folder, cached, links_outputs, links_to_cache
from likeness.errors import ConfigError, DiskError
from likeness.pipeline.outputs import require_room_in_cache


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
