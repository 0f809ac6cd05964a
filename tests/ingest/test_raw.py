"""likeness.ingest.raw: which files count, and the ids they keep."""

import os
from pathlib import Path

import pytest

from likeness.digests import sha256_bytes
from likeness.errors import ConfigError
from likeness.ingest.listing import photographs
from likeness.ingest.raw import list_raw, list_strays
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


@pytest.mark.parametrize(
    "name", ["empty.jpg", "no_suffix", "archive.zip", "readme_photo.jpg", "readme.jpg", "notice.jpg"]
)
def test_anything_else_is_counted_whatever_it_holds(raw: Path, name: str) -> None:
    (raw / "sources" / name).touch()
    assert name in listed().values()


def test_a_dangling_link_is_counted_and_not_dropped(raw: Path) -> None:
    (raw / "sources/z.jpg").symlink_to("gone.jpg")
    assert listed()["s4"] == "z.jpg"


def test_a_pipe_is_told_and_never_read(raw: Path) -> None:
    os.mkfifo(raw / "sources/pipe.jpg")
    found, (stray,) = photographs(raw / "sources")
    assert len(found) == 3
    assert (stray.name, stray.kind, stray.reason) == ("pipe.jpg", "refused", "not-a-file")


def test_held_out_photos_are_marked(raw: Path) -> None:
    held = [photo.label for photo in list_raw(PersonaPaths("jade"), ("b.jpg",)) if photo.held_out]
    assert held == ["s2"]


def test_a_held_out_name_that_is_not_there_is_a_config_error(raw: Path) -> None:
    with pytest.raises(ConfigError, match=r"gone\.jpg") as caught:
        list_raw(PersonaPaths("jade"), ("a.png", "gone.jpg", "x.jpg"))
    assert "x.jpg" in caught.value.message  # a target cannot be a held-out source
    assert "held_out" in caught.value.remedy


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("B.JPG", "there is b.jpg"),
        ("sources/b.jpg", "there is b.jpg"),
        ("data/jade/raw/sources/E\u0301.JPG", "there is \u00e9.jpg"),
        (sha256_bytes(b"the held-out one"), "the sha256 of b.jpg"),
        (f"sha256:{sha256_bytes(b'the held-out one').upper()}", "the sha256 of b.jpg"),
    ],
    ids=["capitals", "a folder", "composed otherwise, too", "digest", "digest, prefixed"],
)
def test_the_photograph_that_a_held_out_name_may_mean_is_shown(raw: Path, name: str, meant: str) -> None:
    (raw / "sources/b.jpg").write_bytes(b"the held-out one")
    (raw / "sources/\u00e9.jpg").touch()
    with pytest.raises(ConfigError) as caught:
        list_raw(PersonaPaths("jade"), (name,))
    assert f"held_out names {name} ({meant}), not in" in caught.value.message


@pytest.mark.parametrize("missing", [False, True])
def test_without_sources_nothing_is_read(raw: Path, missing: bool) -> None:
    for path in (raw / "sources").iterdir():
        path.unlink()
    (raw / "sources/README.md").touch()
    if missing:
        (raw / "sources/README.md").unlink()
        (raw / "sources").rmdir()
    with pytest.raises(ConfigError, match="raw/sources has no photos"):
        list_raw(PersonaPaths("jade"), ())


@pytest.mark.parametrize("missing", [False, True])
def test_without_targets_the_persons_own_photographs_are_read(raw: Path, missing: bool) -> None:
    for path in (raw / "targets").iterdir():
        path.unlink()
    if missing:
        (raw / "targets").rmdir()
    assert {photo.role for photo in list_raw(PersonaPaths("jade"), ())} == {"source"}
    assert [role for role, _ in list_strays(PersonaPaths("jade")) if role == "target"] == []


def test_photos_in_an_inner_folder_are_not_left_out_in_silence(raw: Path) -> None:
    (raw / "targets/more").mkdir()
    with pytest.raises(ConfigError, match="more"):
        list_raw(PersonaPaths("jade"), ())


BESIDE = (
    *(
        "IMG_1.MOV",
        "IMG_1.mp4",
        "IMG_1.AAE",
        "IMG_1.xmp",
        "IMG_1.jpg.json",
        "IMG_1.jpg.supplemental-metadata.json",
    ),
    *(".DS_Store", "Thumbs.db", "desktop.ini", "._IMG_1.jpg", "LICENSE", "LICENSE.txt", "COPYING", "Icon\r"),
    *(
        "IMG_1.jpg@SynoEAStream",
        "~$notes.docx",
        "README.md",
        "picasa.ini",
        "clip.3gp",
        "voice.m4a",
        "IMG_1.THM",
        "PXL_20260101_1.MP",
        "PXL_20260101_1.MP~2",
        "IMG_1.jpg.supplemental-metad.json",
        "Catalog.lrcat-data",
        "descript.ion",
        "IMG_O1.AAE",
        "a.gpx",
    ),
)


@pytest.mark.parametrize("name", BESIDE)
def test_what_phones_systems_and_tools_lay_beside_is_skipped_with_a_line(raw: Path, name: str) -> None:
    before = listed()
    (raw / "targets" / name).write_bytes(b"anything")
    assert listed() == before
    [(role, stray)] = list_strays(PersonaPaths("jade"))
    assert (role, stray.name, stray.kind) == ("target", name, "skipped")
    assert stray.detail
    assert stray.remedy


@pytest.mark.parametrize(
    "name",
    [
        *("@eaDir", "__MACOSX", ".thumbnails", "#recycle", "System Volume Information"),
        *("Previews.lrdata", "Photos Library.photoslibrary", "NKSC_PARAM", "CaptureOne"),
    ],
)
def test_a_systems_folder_is_skipped_with_a_line_and_stops_nothing(raw: Path, name: str) -> None:
    (raw / "sources" / name).mkdir()
    (raw / "sources" / name / "a.jpg").touch()
    _, [stray] = photographs(raw / "sources")
    assert (stray.name, stray.kind) == (name, "skipped")
    assert "1 files or folders" in stray.detail


@pytest.mark.parametrize("name", [".IMG_3.HEIC.icloud", "IMG_3.jpg.crdownload", "~syncthing~IMG_3.jpg.tmp"])
def test_a_photograph_that_is_not_here_yet_is_a_failure(raw: Path, name: str) -> None:
    (raw / "sources" / name).touch()
    _, [stray] = photographs(raw / "sources")
    assert (stray.kind, stray.reason) == ("failed", "not-downloaded")


def test_photographs_beside_both_folders_are_named(raw: Path) -> None:
    (raw / "IMG_9.jpg").touch()
    (raw / "LICENSE.txt").touch()
    [(_, stray)] = list_strays(PersonaPaths("jade"))
    assert (stray.name, stray.reason) == ("IMG_9.jpg", "misplaced")


def test_a_name_that_is_not_utf_8_is_one_line(raw: Path) -> None:
    (raw / "sources" / os.fsdecode(b"caf\xe9.jpg")).touch()
    assert len(listed()) == 4
    [(_, stray)] = list_strays(PersonaPaths("jade"))
    assert (stray.name, stray.reason) == ("caf\\xe9.jpg", "undecodable-name")


def test_names_are_compared_as_people_read_them(raw: Path) -> None:
    decomposed, composed = "zoe\u0308.jpg", "zo\u00eb.jpg"
    (raw / "sources" / decomposed).touch()
    held = [photo.name for photo in list_raw(PersonaPaths("jade"), (composed,)) if photo.held_out]
    assert held == [decomposed]
    (raw / "sources" / composed).touch()
    _, [stray] = photographs(raw / "sources")
    assert stray.reason == "same-name"


def test_what_clients_of_clouds_and_photo_programs_lay_beside_photographs_has_its_line(tmp_path):
    marks = (
        "a.jpg.nextcloud",
        "b.jpg.owncloud",
        ".c.jpg.icloud",
        "d.jpg.aria2",
        "e.jpg.!sync",
        "f.jpg.!qB",
        "g.jpg.!ut",
    )
    beside = ("h.PP2", "i.lrcat-wal", "j.lrmprev", "k.comask", "l.jpg:Zone.Identifier", "m.gdoc", "n.sqlite", "o.db-wal",
              "p.JPG_original", "sync.ffs_db")  # fmt: skip
    for name in (*marks, *beside, "photo.insp", "photo.mpo"):
        (tmp_path / name).write_bytes(b"x")
    for name in ("Old.aplibrary", "Old.photolibrary", "RECYCLER"):
        (tmp_path / name).mkdir()
    found, strays = photographs(tmp_path)
    assert [path.name for path in found] == ["photo.insp", "photo.mpo"]
    kinds = {stray.name: stray.kind for stray in strays}
    assert {kinds.pop(name) for name in marks} == {"failed"}
    assert set(kinds.values()) == {"skipped"}
    assert len(kinds) == len(beside) + 3
