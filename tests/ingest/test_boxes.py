"""likeness.ingest.boxes: what a HEIC or AVIF says of its picture beside the pixels, and files that contradict themselves."""

import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from ingest_files import save
from ingest_pictures import LIMITS, RED, assert_upright, corner_colours, corners, refusal

from likeness.ingest.decode import decode_photo

FORMATS = ["HEIF", "AVIF"]
TURN = struct.pack(">I4sB", 9, b"irot", 1)

pillow_heif.register_heif_opener()


def boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        yield kind, data[at + 8 : at + size]
        at += size


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


def clap(width: int, height: int, across: int = 0, down: int = 0, of: int = 1) -> bytes:
    return box(b"clap", struct.pack(">IIIIiIiI", width, of, height, of, across, of, down, of))


def with_properties(data: bytes, *added: bytes) -> bytes:
    """A HEIC or AVIF of one picture, as our encoders write them, with these properties behind its own."""
    outer = dict(boxes(data))
    inner = dict(boxes(outer[b"meta"][4:]))
    properties = dict(boxes(inner[b"iprp"]))
    known, told = list(boxes(properties[b"ipco"])), properties[b"ipma"]
    essential = bytes(128 | number for number in range(len(known) + 1, len(known) + 1 + len(added)))
    inner[b"iprp"] = box(b"ipco", properties[b"ipco"] + b"".join(added)) + box(
        b"ipma", told[:10] + bytes([told[10] + len(added)]) + told[11:] + essential
    )
    before, further = data.index(b"mdat") + 4, len(b"".join(added)) + len(added)
    start = struct.pack(">I", before)
    assert inner[b"iloc"].count(start) == 1
    inner[b"iloc"] = inner[b"iloc"].replace(start, struct.pack(">I", before + further))
    meta = outer[b"meta"][:4] + b"".join(box(kind, content) for kind, content in inner.items())
    outer[b"meta"] = meta
    return b"".join(box(kind, content) for kind, content in outer.items())


def saved(tmp_path: Path, format: str, *added: bytes) -> Path:
    path = save(tmp_path / "a", corners(192, 128), format, quality=95)
    path.write_bytes(with_properties(path.read_bytes(), *added))
    return path


@pytest.mark.parametrize("format", FORMATS)
def test_the_part_that_a_file_cuts_out_of_its_picture_is_the_photograph(tmp_path: Path, format: str) -> None:
    photo = decode_photo(saved(tmp_path, format, clap(60, 40, -40, -20)), LIMITS)
    assert photo.rgb.shape == (40, 60, 3)
    assert photo.stored_px == (60, 40)
    assert np.abs(np.subtract(corner_colours(photo), RED)).max() <= 14
    assert photo.notes == ("cut to 60x40 px, as the file says (box clap)",)


@pytest.mark.parametrize("format", FORMATS)
def test_a_picture_is_cut_before_it_is_turned(tmp_path: Path, format: str) -> None:
    photo = decode_photo(saved(tmp_path, format, clap(160, 120), TURN), LIMITS)
    assert photo.rgb.shape == (160, 120, 3)


@pytest.mark.parametrize("format", FORMATS)
def test_what_cuts_nothing_and_what_cuts_the_encoders_padding_is_not_told(
    tmp_path: Path, format: str
) -> None:
    for part in (clap(192, 128), clap(400, 300)):
        assert_upright(photo := decode_photo(saved(tmp_path, format, part), LIMITS))
        assert photo.notes == ()
    photo = decode_photo(saved(tmp_path, format, clap(191, 127)), LIMITS)
    assert (photo.rgb.shape, photo.notes) == ((127, 191, 3), ())


def test_a_senseless_part_of_an_avif_is_ignored(tmp_path: Path) -> None:
    for part in (clap(0, 0), clap(60, 40, of=0), clap(60, 40, 4000)):
        photo = decode_photo(saved(tmp_path, "AVIF", part), LIMITS)
        assert (photo.rgb.shape, photo.notes) == ((128, 192, 3), ())


@pytest.mark.parametrize("size", [(96, 64), (384, 256), (128, 192)])
def test_a_heic_whose_pixels_are_of_another_size_than_it_says_is_told_as_that(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    data = save(tmp_path / "a", corners(192, 128), "HEIF").read_bytes()
    told, other = (b"ispe" + struct.pack(">III", 0, *both) for both in ((192, 128), size))
    error = refusal(tmp_path / "b", data.replace(told, other))
    assert error.reason == "truncated"
    assert error.message.endswith("its pixels are of another size than its header says")
