"""likeness.ingest.kinds: what a file is, by its bytes."""

import io
import struct

import pytest
from PIL import Image, TiffImagePlugin

from likeness.errors import InputError
from likeness.ingest.kinds import recognise


def refusal(data: bytes) -> InputError:
    with pytest.raises(InputError) as caught:
        recognise(data)
    return caught.value


def tiff(**tags: object) -> bytes:
    """A small picture as the first page, with these tags."""
    ifd = TiffImagePlugin.ImageFileDirectory_v2()
    for tag, value in tags.items():
        ifd[int(tag[1:])] = value
    buffer = io.BytesIO()
    Image.new("RGB", (160, 120)).save(buffer, "TIFF", tiffinfo=ifd)
    return buffer.getvalue()


def with_sub_ifd(photometric: int) -> bytes:
    """A TIFF whose page has another picture in tag 330, as NEF and ARW have."""
    inner = struct.pack("<HHHII", 1, 262, 3, 1, photometric) + b"\0" * 4
    outer = [(254, 4, 0), (256, 3, 16), (257, 3, 12), (330, 4, 8 + 2 + 4 * 12 + 4)]
    table = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in outer)
    return b"II*\0" + struct.pack("<IH", 8, len(outer)) + table + b"\0" * 4 + inner


RAW = {
    "DNG": tiff(_50706=b"\1\4\0\0"),
    "preview first": tiff(_254=1),
    "CFA": with_sub_ifd(32803),
    "linear raw": with_sub_ifd(34892),
    "CR2": b"II*\0\x10\0\0\0CR\2\0" + b"\0" * 99,
    "CR3": b"\0\0\0\x18ftypcrx \0\0\0\1crx isom" + b"\0" * 99,
    "RAF": b"FUJIFILMCCD-RAW 0201FF383501" + b"\0" * 99,
    "RW2": b"IIU\0\x18\0\0\0" + b"\0" * 99,
    "ORF": b"IIRO\x08\0\0\0" + b"\0" * 99,
    "X3F": b"FOVb" + b"\0" * 99,
}


@pytest.mark.parametrize("family", RAW)
def test_a_cameras_raw_file_is_refused_with_a_way_out(family: str) -> None:
    error = refusal(RAW[family])
    assert error.reason == "camera-raw"
    assert error.kind == "refused"
    assert "export it as JPEG or HEIC" in error.remedy


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
        (b"\xff\x0a\xfa\x1f", "JPEG XL"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
        (b"8BPS\0\1", "Photoshop"),
        (b"\xff\xd8\xff\xc3\0\x11\x08" + b"\0" * 20, "SOF3"),
        (b"\xff\xd8\xff\xe0\0\4\0\0\xff\xc1\0\x11\x0c" + b"\0" * 20, "12 bits"),
        (b"\0\0\0\x18ftypmiaf\0\0\0\0heicmif1", "HEIF of the kind"),
        (b"\xff\xd8\xff\xf7\0\x11\x08" + b"\0" * 20, "JPEG-LS"),
        (b"\xff\xd8\xff\xc0\0\x11\x08\0\0\0\x40" + b"\0" * 20 + b"\xff\xdc\0\4\0\x40", "DNL"),
        (b"P6\n# a comment\n", "PNM"),
        (b"\x01\xda\x01\x01", "SGI"),
        (b"\0\0\2\0\1\0", "cursor"),
    ],
)
def test_a_picture_of_another_kind_is_named_and_not_called_damaged(data: bytes, name: str) -> None:
    error = refusal(data + b"\0" * 64)
    assert error.reason == "unsupported-kind"
    assert name in error.message
    assert "export" in error.remedy


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"\0\0\0\x14ftypqt  \0\0\0\0qt  ", "film"),
        (b"\0\0\0\x18ftypisom\0\0\0\1isommp41", "film"),
        (b"\0\0\0\x08wide\0\0\0\0mdat", "film"),
        (b"RIFF\0\0\0\0AVI LIST", "film"),
        (b"%PDF-1.7", "PDF"),
        (b"PK\3\4", "archive"),
        (rb"{\rtf1\ansi Dear photographer}", "a text document"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "XML"),
        (b"P2 is how we called this one\n" * 20, "text"),
        (b"\0" * 900, "964 bytes are zeros"),
        (b"\xd0\xcf\x11\xe0", "Office"),
    ],
)
def test_what_is_no_picture_is_named(data: bytes, name: str) -> None:
    error = refusal(data + b"\0" * 64)
    assert error.reason == "not-an-image"
    assert name in error.message


def test_git_lfs_s_note_about_a_photograph_says_how_to_get_it() -> None:
    error = refusal(b"version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 12\n")
    assert error.reason == "not-downloaded"
    assert "git lfs pull" in error.remedy


def test_a_tga_is_known_by_its_end() -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (16, 16)).save(buffer, "TGA")
    assert "TGA" in refusal(buffer.getvalue()).message


def test_a_raw_file_that_ends_early_is_raw_still() -> None:
    whole = with_sub_ifd(32803)
    assert refusal(tiff(_50706=b"\1\4\0\0", _330=10**6)).reason == "camera-raw"
    recognise(whole[:-20])  # nothing tells what it was


def test_pictures_that_are_read_pass() -> None:
    for format in ("JPEG", "PNG", "WEBP", "AVIF", "TIFF", "GIF", "BMP", "MPO"):
        buffer = io.BytesIO()
        Image.new("RGB", (16, 16)).save(buffer, format)
        recognise(buffer.getvalue())
