"""One byte changed in anything that was published is found and named."""

import shutil
import zipfile
from pathlib import Path

import pytest
from publications import ARCHIVE, PICTURE, WEIGHTS, elsewhere, faults, flip

from likeness.publish.verify import verify


def test_an_archive_whose_packed_bytes_are_damaged_is_told(tmp_path: Path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("train/metadata.jsonl", bytes(range(256)) * 8)
    whole = path.read_bytes()
    for at in range(50, 300):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 255]) + whole[at + 1 :])
        assert faults(path)


LONG = [pytest.mark.slow, pytest.mark.long]


@pytest.mark.parametrize(
    "where", [0.02, pytest.param(0.3, marks=LONG), 0.5, pytest.param(0.7, marks=LONG), 0.98]
)
@pytest.mark.parametrize(
    "name",
    [
        PICTURE,
        ARCHIVE,
        WEIGHTS,
        "report/index.html",
        "README.md",
        "marks.jsonl",
        "captions/jade-s1-t1-sfw-enhanced.txt",
    ],
)
def test_one_byte_changed_anywhere_is_found_and_named(published: Path, name: str, where: float):
    flip(published / name, int((published / name).stat().st_size * where))
    assert any(name in one.what for one in faults(published))


@pytest.mark.parametrize("name", [PICTURE, ARCHIVE, WEIGHTS])
@pytest.mark.parametrize("where", [0.1, 0.5, 0.9])
def test_one_byte_changed_is_found_in_a_file_alone(published: Path, name: str, where: float, tmp_path: Path):
    shutil.copy(published / "marks.jsonl", tmp_path)
    alone = Path(shutil.copy(published / name, tmp_path))
    flip(alone, int(alone.stat().st_size * where))
    assert any(one.state == "changed" for one in faults(alone))


def test_one_byte_in_the_text_of_a_report_alone_is_found(published: Path):
    page = published / "report/index.html"
    flip(page, page.stat().st_size - 20)  # in </body></html>: no picture knows of it
    assert any(one.state == "changed" for one in verify(page, elsewhere(published)))


def test_a_picture_of_a_report_whose_text_is_damaged_is_told(published: Path):
    page = published / "report/index.html"
    page.write_bytes(page.read_bytes().replace(b"base64,/9j/", b"base64,/9j/=A", 1))
    assert any(one.state == "changed" for one in verify(page, elsewhere(published)))
