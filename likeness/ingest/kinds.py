"""Recognises a file by its own bytes: a picture that is read here, a camera's raw data, or something else by its
name."""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from io import BytesIO
from typing import Any, cast

from PIL import Image
from PIL.TiffImagePlugin import PHOTOMETRIC_INTERPRETATION, SUBIFD, ImageFileDirectory_v2

from likeness.errors import InputError

READ = "JPEG, PNG, WebP, HEIC, AVIF, TIFF, GIF, BMP"

# The first bytes of what is read; HEIF and AVIF have "ftyp" after a length instead (ISO 14496-12).
TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"BM", *TIFF)
HEIF_BRANDS = frozenset({
    b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1", b"avif", b"avis",
})  # fmt: skip

# Raw files that do not look like TIFF (dcraw, identify()); all others are TIFF inside.
RAW_SIGNATURES = {
    b"FUJIFILMCCD-RAW": "Fujifilm RAF",
    b"IIU\0": "Panasonic RW2",
    b"IIRO": "Olympus ORF",
    b"IIRS": "Olympus ORF",
    b"MMOR": "Olympus ORF",
    b"FOVb": "Sigma X3F",
    b"\0MRM": "Minolta MRW",
    b"II\x1a\0\0\0HEAPCCDR": "Canon CRW",
    b"ARRI": "ARRIRAW",
}
RAW_SUFFIXES = frozenset({
    ".3fr", ".arw", ".bay", ".cap", ".cr2", ".cr3", ".crw", ".dcr", ".dcs", ".dng", ".drf", ".eip", ".erf", ".fff",
    ".gpr", ".iiq", ".k25", ".kdc", ".mdc", ".mef", ".mos", ".mrw", ".nef", ".nrw", ".orf", ".ori", ".pef", ".ptx",
    ".pxn", ".raf", ".raw", ".rw2", ".rwl", ".sr2", ".srf", ".srw", ".sti", ".x3f",
})  # fmt: skip

# TIFF 6.0 and DNG 1.7: tags and values by which raw data is told.
NEW_SUBFILE_TYPE, DNG_VERSION, MAKE = 254, 50706, 271
REDUCED = 1
RAW_PHOTOMETRIC = (32803, 34892)  # colour filter array, linear raw

OTHER_PICTURES = {
    b"\0\0\0\x0cJXL ": "JPEG XL", b"\xff\x0a": "JPEG XL", b"\0\0\0\x0cjP": "JPEG 2000", b"\xff\x4f\xff\x51": "JPEG 2000",
    b"II\xbc\x01": "JPEG XR", b"8BPS": "Photoshop", b"gimp xcf": "GIMP", b"v/1\x01": "OpenEXR", b"#?R": "Radiance HDR",
    b"\0\0\1\0": "Windows icon", b"icns": "Apple icon", b"qoif": "QOI", b"BPG\xfb": "BPG",
    b"FLIF": "FLIF", b"\x8aMNG": "MNG", b"\x8bJNG": "JNG", b"DDS ": "DDS", b"SDPX": "DPX", b"XPDS": "DPX",
    b"\x0a\x05\x01": "PCX", b"SIMPLE  =": "FITS", b"AT&TFORM": "DjVu", b"\x01\xda\x00": "SGI",
    b"\x01\xda\x01": "SGI", b"\x59\xa6\x6a\x95": "Sun raster", b"BLP1": "BLP", b"BLP2": "BLP", b"\0\0\2\0\1\0": "Windows cursor",
    b"\xd7\xcd\xc6\x9a": "Windows metafile", b"/* XPM": "XPM", b"farbfeld": "farbfeld",
}  # fmt: skip
NO_PICTURES = {
    b"%PDF": "a PDF document", b"%!PS": "a PostScript program", b"\xc5\xd0\xd3\xc6": "a PostScript program",
    b"PK\3\4": "an archive", b"\x1f\x8b": "an archive", b"7z\xbc\xaf": "an archive", b"Rar!": "an archive",
    b"\x1aE\xdf\xa3": "a film", b"\0\0\1\xba": "a film", b"\0\0\1\xb3": "a film", b"FLV": "a film", b"OggS": "a recording",
    b"ID3": "a recording", b"fLaC": "a recording", b"\0\5\x16\7": "a Mac's notes about another file",
    b"\xd0\xcf\x11\xe0": "a container of Microsoft's (old Office, FlashPix, thumbnails)", b"SQLite format 3": "a database",
    b"bplist": "a settings file",
    b"<": "a web page or a drawing in XML", b"{\\rtf": "a text document", b"{": "text in JSON", b"[": "text in JSON",
}  # fmt: skip
# ITU-T T.81, table B.1: the markers that begin a frame, and those of the kinds that libjpeg decodes.
FRAMES = frozenset({*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC})
JPEG_LS, HEIGHT_LATER = 0xF7, b"\xff\xdc\0\4"
BASIC_FRAMES = frozenset({0xC0, 0xC1, 0xC2, 0xC9, 0xCA})
PNM = re.compile(rb"P[1-7fF]\s+[\d#W]")
TRUEVISION = b"TRUEVISION-XFILE.\0"  # the last bytes of a TGA
LFS_POINTER = b"version https://git-lfs.github.com/"
TEXT_BYTES = 512  # of a file are looked at
FILM_BOXES = frozenset({b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"})


def recognise(data: bytes) -> None:
    """Let pass what looks like one of READ's formats.

    Raises:
        InputError: `camera-raw`, `unsupported-kind` or `not-an-image`, with what it is where that is known.
    """
    if (raw := _raw_family(data)) is not None:
        raise camera_raw(raw)
    rare = _rare_jpeg(data)
    if rare is None and _is_read(data):
        return
    if kind := rare or _named(data, OTHER_PICTURES) or _other_container(data):
        raise unsupported(kind)
    if data.startswith(LFS_POINTER):
        raise InputError(
            "it is Git LFS's note about a photograph, not the photograph",
            reason="not-downloaded",
            remedy="get the photograph itself: `git lfs pull`",
        )
    if not any(data):
        raise _no_image(
            f"all its {len(data)} bytes are zeros, as a copy leaves them that was interrupted",
            "copy it again from where it came from",
        )
    if what := _named(data.lstrip(b"\xef\xbb\xbf \t\r\n"), NO_PICTURES) or _film(data) or _text(data):
        raise _no_image(
            f"it is {what}, no photograph",
            f"replace it by a photograph ({READ}), or remove it from the folder",
        )
    raise _no_image(
        f"the content is not an image that can be read ({READ})",
        "replace it by a photograph in one of these formats, or remove it from the folder",
    )


def _no_image(what: str, remedy: str) -> InputError:
    """The failure of a file that is no picture at all."""
    return InputError(what, reason="not-an-image", remedy=remedy)


def unsupported(kind: str) -> InputError:
    """The refusal of a picture of a format, or of a kind of it, that is not read."""
    return InputError(
        f"it is a picture in the format {kind}, which likeness does not read (it reads {READ})",
        reason="unsupported-kind",
        remedy="open it in a photo program and export it as JPEG, PNG or HEIC",
        kind="refused",
    )


def camera_raw(family: str) -> InputError:
    """The refusal of a camera's raw file."""
    return InputError(
        f"it is a camera's raw data ({family}); likeness can read only a small preview of it",
        reason="camera-raw",
        remedy="develop it in a photo program and export it as JPEG or HEIC",
        kind="refused",
    )


def _is_read(data: bytes) -> bool:
    if data.startswith(b"RIFF"):
        return data[8:12] in (b"WEBP", b"")
    is_heif = data[4:8] == b"ftyp" and (data[8:12] in HEIF_BRANDS or len(data) < 12)
    return is_heif or data.startswith(SIGNATURES)


def _raw_family(data: bytes) -> str | None:
    if found := _named(data, RAW_SIGNATURES):
        return found
    if data[4:12] == b"ftypcrx ":
        return "Canon CR3"
    if not data.startswith(TIFF):
        return None
    if data[8:10] == b"CR":
        return "Canon CR2"
    pages: list[ImageFileDirectory_v2] = []
    with suppress(Exception):  # a broken TIFF: whoever reads the picture says so
        for page in first_page(data):
            pages.append(page)
    if not pages:
        return None
    first = pages[0]
    if DNG_VERSION in first:
        return "DNG"
    if any(page.get(PHOTOMETRIC_INTERPRETATION) in RAW_PHOTOMETRIC for page in pages):
        return str(first.get(MAKE) or "TIFF with a colour filter's pixels").strip("\0 ")
    # With more pages, likeness.ingest.pages looks for the picture among them.
    is_preview = is_reduced(first) and (SUBIFD in first or not first.next)
    return "TIFF that begins with a preview" if is_preview else None


def tags_of(image: Image.Image) -> Mapping[int, Any]:
    """The tags of a TIFF's page; none of another format."""
    return getattr(image, "tag_v2", {})


def is_reduced(page: Mapping[int, Any]) -> bool:
    """Whether a TIFF's page says that it is a smaller copy of another."""
    kind = page.get(NEW_SUBFILE_TYPE)
    return isinstance(kind, int) and bool(kind & REDUCED)


def first_page(data: bytes) -> Iterator[ImageFileDirectory_v2]:
    """The tags of a TIFF's first page, and of the pictures that belong to it."""
    # Pillow's class for tags: it reads both byte orders and both sizes of offsets, and no pixels.
    header, file = data[: 16 if data[2] == 43 or data[3] == 43 else 8], BytesIO(data)

    def page(offset: int | None = None) -> Any:
        tags = cast(Any, ImageFileDirectory_v2)(header)
        file.seek(tags.next if offset is None else offset)
        tags.load(file)
        return tags

    yield (first := page())
    inner: Any = first.get(SUBIFD, ())
    yield from map(page, cast("tuple[int, ...]", inner) if isinstance(inner, tuple) else (inner,))


def _rare_jpeg(data: bytes) -> str | None:
    """A JPEG of a kind that libjpeg does not decode (ITU-T T.81: lossless, hierarchical, more than 8 bits)."""
    at = 2
    while data.startswith(b"\xff\xd8") and data[at : at + 1] == b"\xff" and at + 5 <= len(data):
        marker, size = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if marker in FRAMES:
            bits = data[at + 4]
            if marker == JPEG_LS:
                return "JPEG-LS"
            if data[at + 5 : at + 7] == b"\0\0" and HEIGHT_LATER in data:
                return "JPEG that tells its height behind its pixels (DNL)"
            is_usual = marker in BASIC_FRAMES and bits == 8
            return None if is_usual else f"JPEG of a rare kind ({bits} bits, SOF{marker - 0xC0})"
        at += 1 if marker == 0xFF else size + 2
    return None


def _other_container(data: bytes) -> str | None:
    if data[4:8] == b"ftyp":
        brand, others = data[8:12], data[16 : int.from_bytes(data[:4], "big")]
        if any(others[at : at + 4] in HEIF_BRANDS for at in range(0, len(others), 4)):
            return f"HEIF of the kind {brand.decode('ascii', 'replace')!r}"
        return {b"jxl ": "JPEG XL", b"jp2 ": "JPEG 2000", b"jpx ": "JPEG 2000"}.get(brand)
    if data[128:132] == b"DICM":
        return "DICOM"
    if PNM.match(data):
        return "PNM"
    return "TGA" if data.endswith(TRUEVISION) else None


def _film(data: bytes) -> str | None:
    if data[4:8] == b"ftyp" or data[4:8] in FILM_BOXES:
        return "a film"
    return "a film or a recording" if data.startswith(b"RIFF") else None


def _text(data: bytes) -> str | None:
    try:
        start = data[:TEXT_BYTES].decode("ascii")
    except UnicodeDecodeError:
        return None
    return "text" if all(letter.isprintable() or letter in "\r\n\t" for letter in start) else None


def _named(data: bytes, kinds: dict[bytes, str]) -> str | None:
    return next((name for signature, name in kinds.items() if data.startswith(signature)), None)
