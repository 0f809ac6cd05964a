"""HEIF and AVIF told by their boxes (ISO 14496-12, ISO 23008-12): how the first picture is turned and coloured.

Pillow tells neither an AVIF's colours nor whether a HEIF was turned while it was decoded; both stand here.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

FULL_BOX = 4  # bytes of version and flags before what a full box holds


@dataclass(frozen=True, kw_only=True)
class Described:
    """Colour code points (primaries, transfer; ITU-T H.273) where the file names any and has no ICC profile, whether it
    says how the picture is turned (boxes irot and imir), and whether that is another way than it is stored."""

    nclx: tuple[int, int] | None
    has_turn: bool
    is_turned: bool


NO_BOXES = Described(nclx=None, has_turn=False, is_turned=False)


def describe(data: bytes) -> Described:
    """What the boxes of a whole file say of its primary picture; nothing where it has no such boxes.

    Raises:
        struct.error, IndexError: the boxes are broken.
    """
    meta = next((part for kind, part in _boxes(data) if kind == b"meta"), None)
    if meta is None:
        return NO_BOXES
    inner = dict(_boxes(meta[FULL_BOX:]))
    properties = dict(_boxes(inner.get(b"iprp", b"")))
    known = list(_boxes(properties.get(b"ipco", b"")))
    own = [known[index - 1] for index in _indices(inner, properties) if 0 < index <= len(known)]
    # A grid may leave its colours to its tiles.
    colours = _colours(own) or _colours(known)
    profile = any(kind in (b"prof", b"rICC") for kind, _ in colours)
    codes = next((struct.unpack_from(">HH", part) for kind, part in colours if kind == b"nclx"), None)
    turns = [kind == b"imir" or part[0] & 3 for kind, part in own if kind in (b"irot", b"imir")]
    return Described(nclx=None if profile else codes, has_turn=bool(turns), is_turned=any(turns))


def _colours(boxes: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    return [(part[:4], part[4:]) for kind, part in boxes if kind == b"colr"]


def _indices(inner: dict[bytes, bytes], properties: dict[bytes, bytes]) -> list[int]:
    """Numbers, from 1, of the primary picture's properties."""
    if b"pitm" not in inner or b"ipma" not in properties:
        return []
    pitm, ipma = inner[b"pitm"], properties[b"ipma"]
    primary = int.from_bytes(pitm[FULL_BOX : FULL_BOX + (4 if pitm[0] else 2)], "big")
    id_bytes, wide = (4 if ipma[0] else 2), ipma[3] & 1
    at, found = FULL_BOX + 4, list[int]()
    for _ in range(struct.unpack_from(">I", ipma, FULL_BOX)[0]):
        item = int.from_bytes(ipma[at : at + id_bytes], "big")
        count, at = ipma[at + id_bytes], at + id_bytes + 1
        for _ in range(count):
            index = struct.unpack_from(">H", ipma, at)[0] & 0x7FFF if wide else ipma[at] & 0x7F
            at += 2 if wide else 1
            if item == primary:
                found.append(index)
    return found


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Type and content of the boxes in `data`, one after another."""
    at = 0
    while at + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        start = at + 8
        if size == 1:
            size, start = struct.unpack_from(">Q", data, start)[0], start + 8
        end = len(data) if size == 0 else min(at + size, len(data))
        if end < start:
            return
        yield kind, data[start:end]
        at = end
