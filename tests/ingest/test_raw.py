"""likeness.ingest.raw: which files count, and the ids they keep."""

from pathlib import Path

import pytest

from likeness.errors import ConfigError
from likeness.ingest.raw import list_raw
from likeness.paths import PersonaPaths


@pytest.fixture
def raw(in_tmp: Path) -> Path:
    folder = in_tmp / "data/jade/raw"
    for name in ("sources/b.jpg", "sources/a.png", "sources/c.heic", "targets/x.jpg"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"anything")
    return folder


def listed(held_out: tuple[str, ...] = ()) -> dict[str, str]:
    return {photo.label: photo.name for photo in list_raw(PersonaPaths("jade"), held_out)}


def test_ids_follow_the_order_of_names(raw: Path) -> None:
    assert listed() == {"s1": "a.png", "s2": "b.jpg", "s3": "c.heic", "t1": "x.jpg"}


def test_papers_and_hidden_files_take_no_id(raw: Path) -> None:
    before = listed()
    for name in (".DS_Store", "LICENSE.txt", "README.md", "a.yaml", "LICENSE", "0_notes.txt", ".hidden.jpg"):
        (raw / "sources" / name).touch()
    assert listed() == before


@pytest.mark.parametrize("name", ["movie.mp4", "empty.jpg", "no_suffix", "Thumbs.db", "readme_photo.jpg"])
def test_anything_else_is_counted_whatever_it_holds(raw: Path, name: str) -> None:
    (raw / "sources" / name).touch()
    assert name in listed().values()


def test_a_dangling_link_is_counted_and_not_dropped(raw: Path) -> None:
    (raw / "sources/z.jpg").symlink_to("gone.jpg")
    assert listed()["s4"] == "z.jpg"


def test_held_out_photos_are_marked(raw: Path) -> None:
    held = [photo.label for photo in list_raw(PersonaPaths("jade"), ("b.jpg",)) if photo.held_out]
    assert held == ["s2"]


def test_a_held_out_name_that_is_not_there_is_a_config_error(raw: Path) -> None:
    with pytest.raises(ConfigError, match=r"gone\.jpg") as caught:
        list_raw(PersonaPaths("jade"), ("a.png", "gone.jpg", "x.jpg"))
    assert "x.jpg" in caught.value.message  # a target cannot be a held-out source
    assert "held_out" in caught.value.remedy


@pytest.mark.parametrize("folder", ["sources", "targets"])
def test_an_empty_or_missing_folder_is_a_config_error(raw: Path, folder: str) -> None:
    for path in (raw / folder).iterdir():
        path.unlink()
    (raw / folder / "README.md").touch()
    with pytest.raises(ConfigError, match="has no photos"):
        list_raw(PersonaPaths("jade"), ())
    (raw / folder / "README.md").unlink()
    (raw / folder).rmdir()
    with pytest.raises(ConfigError, match="there is no folder"):
        list_raw(PersonaPaths("jade"), ())


def test_photos_in_an_inner_folder_are_not_left_out_in_silence(raw: Path) -> None:
    (raw / "targets/more").mkdir()
    with pytest.raises(ConfigError, match="more"):
        list_raw(PersonaPaths("jade"), ())
