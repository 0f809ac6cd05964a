"""A disk that is full: for pictures, for a backup. What cannot be written whole leaves nothing behind, and costs nobody anything."""

import errno
import os
import tarfile
from pathlib import Path
from typing import Any

import pytest
from fsspec.implementations.local import LocalFileSystem
from gallery_queue import run_all
from gallery_world import World

from gallery import settings
from gallery.backup import backup
from gallery.pictures.sweeping import sweep
from gallery.settings import Settings
from likeness.errors import ConfigError


def fill_up(patch: pytest.MonkeyPatch, left: int) -> None:
    """Of each further file so many bytes find room."""

    def pipe_file(_: LocalFileSystem, path: str, value: bytes, **__: Any) -> None:
        Path(path).write_bytes(value[:left])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)

    patch.setattr(LocalFileSystem, "pipe_file", pipe_file)


def test_a_picture_that_finds_no_room_ends_its_wish_and_leaves_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann, version = world.drawing()
    asked = ann.post("/generations", {"version_id": version, "prompt": "smiling", "count": 2}).json()
    with monkeypatch.context() as patch:
        fill_up(patch, 10)
        run_all(world)
    shown = ann.get(f"/generations/{asked['id']}").json()
    assert (shown["status"], shown["pictures"]) == ("failed", [])
    assert ann.get("/people").json()[0]["versions"][0]["right"]["used_today"] == 0
    assert world.gallery.store.names("") == []
    again = ann.post("/generations", {"version_id": version, "prompt": "smiling", "count": 2}).json()
    run_all(world)
    assert ann.get(f"/generations/{again['id']}").json()["status"] == "done"
    assert (sweep(world.gallery).deleted, len(world.gallery.store.names(""))) == (0, 4)


def test_a_backup_that_finds_no_room_leaves_no_half_of_one(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann, version = world.drawing()
    world.drawn(ann, version, 2)
    out, add = tmp_path / "gallery.tar", tarfile.TarFile.add

    def full(archive: tarfile.TarFile, name: Path, arcname: str, *more: Any, **options: Any) -> None:
        if arcname.endswith(".png"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(out))
        add(archive, name, arcname, *more, **options)

    with monkeypatch.context() as patch:
        patch.setattr(tarfile.TarFile, "add", full)
        with pytest.raises(OSError, match="No space"):
            backup(world.gallery, out)
    assert not out.exists()
    assert backup(world.gallery, out) == 4


def test_a_key_that_finds_no_room_is_made_later_and_an_empty_one_signs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, data: bytes) -> None:
        path.write_bytes(data[:0])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    with monkeypatch.context() as patch:
        patch.setattr(settings, "write_private", full)
        with pytest.raises(OSError, match="No space"):
            Settings(folder=tmp_path).key()
    assert list(tmp_path.iterdir()) == []
    assert len(Settings(folder=tmp_path).key()) >= settings.LEAST_SECRET
    for short in ("", "short"):  # of a kill in its middle, by an earlier gallery
        (tmp_path / "secret").write_text(short)
        with pytest.raises(ConfigError, match="holds no key"):
            Settings(folder=tmp_path).key()
