"""HEIF and AVIF told by their boxes (ISO 14496-12, ISO 23008-12): how the first picture is turned and coloured, and where
its coded data lie.

Pillow tells neither an AVIF's colours nor whether a HEIF was turned while it was decoded; both stand here.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from math import floor

TURNS = (b"irot", b"imir")
MOST_PADDING_PX = 64  # a coding block of HEVC and AV1, of which encoders fill up the last
FULL_BOX = 4  # bytes of version and flags before what a full box holds


@dataclass(frozen=True, kw_only=True)
class Described:
    """Colour code points (primaries, transfer; ITU-T H.273) where the file names any and has no ICC profile, whether it
    says how the picture is turned (boxes irot and imir), whether that is another way than it is stored, and the left, top,
    right and bottom of the part that is to be shown, where that is not all (box clap), and whether that leaves out more
    than an encoder's padding."""

    nclx: tuple[int, int] | None
    has_turn: bool
    is_turned: bool
    shown: tuple[int, int, int, int] | None = None
    is_cut: bool = False


NO_BOXES = Described(nclx=None, has_turn=False, is_turned=False)


def describe(data: bytes) -> Described:
    """What the boxes of a whole file say of its primary picture; nothing where it has no such boxes.

    Raises:
        struct.error, IndexError: the boxes are broken.
    """
    if (items := _items(data)) is None:
        return NO_BOXES
    own = items.properties.get(items.primary, [])
    # A grid may leave its colours to its tiles.
    colours = _colours(own) or _colours(items.known)
    profile = any(kind in (b"prof", b"rICC") for kind, _ in colours)
    codes = next((struct.unpack_from(">HH", part) for kind, part in colours if kind == b"nclx"), None)
    turns = [kind == b"imir" or part[0] & 3 for kind, part in own if kind in TURNS]
    shown, is_cut = _part_shown(own)
    nclx = None if profile else codes
    return Described(nclx=nclx, has_turn=bool(turns), is_turned=any(turns), shown=shown, is_cut=is_cut)


def coded(data: bytes) -> list[tuple[bytes, bytes]]:
    """The decoder's configuration (box hvcC) and the coded data of the primary picture, or of each tile of its grid; empty data
    where a tile's are not in the file, or are another tile's. None at all where no part of it is coded in HEVC.

    Raises:
        struct.error, IndexError: the boxes are broken.
    """
    if (items := _items(data)) is None:
        return []
    kinds, places = _kinds(items.inner.get(b"iinf", b"")), _places(items.inner.get(b"iloc", b""))
    own = _parts(items.inner.get(b"iref", b""), items.primary) or [items.primary]
    if not any(kinds.get(item) in HEVC for item in own):
        return []
    found: list[tuple[bytes, bytes]] = []
    seen: set[tuple[_Piece, ...]] = set()
    for item in own:
        if kinds.get(item) in DERIVED:
            continue
        setup = next((part for kind, part in items.properties.get(item, []) if kind == b"hvcC"), b"")
        pieces = tuple(places.get(item, ()))
        parts = [_content(piece, data, items.inner) for piece in pieces]
        whole = setup and kinds.get(item) in HEVC and pieces not in seen and all(parts)
        seen.add(pieces)
        found.append((setup, b"".join(parts) if whole else b""))
    return found


HEVC, DERIVED = (b"hvc1", b"hev1"), (b"grid", b"iovl", b"iden")
_Piece = tuple[int, int, int]
"""Where some of an item's data lie: the construction method of iloc (0: in the file, 1: in the box idat), offset and bytes."""


def _content(piece: _Piece, data: bytes, inner: dict[bytes, bytes]) -> bytes:
    """The data of a piece; nothing where they are not all there."""
    method, at, size = piece
    content = {0: data, 1: inner.get(b"idat", b"")}.get(method, b"")[at : at + size]
    return content if len(content) == size else b""


def _kinds(iinf: bytes) -> dict[int, bytes]:
    """The type of each item."""
    found: dict[int, bytes] = {}
    for kind, part in _boxes(iinf[FULL_BOX + (4 if iinf[:1] > b"\0" else 2) :]):
        if kind == b"infe" and part[0] >= 2:
            at = FULL_BOX + (4 if part[0] > 2 else 2)
            found[int.from_bytes(part[FULL_BOX:at], "big")] = part[at + 2 : at + 6]
    return found


@dataclass(frozen=True, kw_only=True)
class _Items:
    """The boxes in `meta` by their types, the primary picture's number, all properties, and those of each item."""

    inner: dict[bytes, bytes]
    primary: int
    known: list[tuple[bytes, bytes]]
    properties: dict[int, list[tuple[bytes, bytes]]]


def _items(data: bytes) -> _Items | None:
    meta = next((part for kind, part in _boxes(data) if kind == b"meta"), None)
    if meta is None:
        return None
    inner = dict(_boxes(meta[FULL_BOX:]))
    stored = dict(_boxes(inner.get(b"iprp", b"")))
    known = list(_boxes(stored.get(b"ipco", b"")))
    pitm = inner.get(b"pitm", bytes(6))
    primary = int.from_bytes(pitm[FULL_BOX : FULL_BOX + (4 if pitm[0] else 2)], "big")
    properties = {
        item: [known[index - 1] for index in indices if 0 < index <= len(known)]
        for item, indices in _indices(stored.get(b"ipma", b"")).items()
    }
    return _Items(inner=inner, primary=primary, known=known, properties=properties)


def _part_shown(own: list[tuple[bytes, bytes]]) -> tuple[tuple[int, int, int, int] | None, bool]:
    """What the box clap leaves of the picture, where it comes before the boxes that turn (ISO 23000-22, 7.3.6.7), and
    whether it cuts off more than padding."""
    clap = next((part for kind, part in own if kind in (b"clap", *TURNS)), b"")
    size = next((part[FULL_BOX:] for kind, part in own if kind == b"ispe"), b"")
    if len(clap) < 32 or len(size) < 8:
        return None, False
    numbers, whole = struct.unpack_from(">IIIIiIiI", clap), struct.unpack_from(">II", size)
    if not all((*numbers[:4], *numbers[5::2])):
        return None, False
    width, height, across, down = (numbers[at] / numbers[at + 1] for at in range(0, 8, 2))
    (left, right), (top, bottom) = (
        (max(0, floor((most - part) / 2 + offset)), min(most, floor((most + part) / 2 + offset)))
        for most, part, offset in zip(whole, (width, height), (across, down), strict=True)
    )
    cut_off = max(whole[0] - (right - left), whole[1] - (bottom - top))
    if left >= right or top >= bottom or not cut_off:
        return None, False
    return (left, top, right, bottom), cut_off > MOST_PADDING_PX


def _colours(boxes: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    return [(part[:4], part[4:]) for kind, part in boxes if kind == b"colr"]


def _indices(ipma: bytes) -> dict[int, list[int]]:
    """Numbers, from 1, of each item's properties."""
    found: dict[int, list[int]] = {}
    if not ipma:
        return found
    id_bytes, wide = (4 if ipma[0] else 2), ipma[3] & 1
    at = FULL_BOX + 4
    for _ in range(struct.unpack_from(">I", ipma, FULL_BOX)[0]):
        own = found.setdefault(int.from_bytes(ipma[at : at + id_bytes], "big"), [])
        count, at = ipma[at + id_bytes], at + id_bytes + 1
        for _ in range(count):
            own.append(struct.unpack_from(">H", ipma, at)[0] & 0x7FFF if wide else ipma[at] & 0x7F)
            at += 2 if wide else 1
    return found


def _parts(iref: bytes, item: int) -> list[int]:
    """The tiles that a picture is laid out of (references of the type dimg)."""
    id_bytes = 4 if iref[:1] == b"\1" else 2
    for kind, part in _boxes(iref[FULL_BOX:]):
        starts = (0, *range(id_bytes + 2, len(part), id_bytes))
        ids = [int.from_bytes(part[at : at + id_bytes], "big") for at in starts]
        if kind == b"dimg" and ids[0] == item:
            return ids[1:]
    return []


def _places(iloc: bytes) -> dict[int, list[_Piece]]:
    """Where each item's data lie."""
    found: dict[int, list[_Piece]] = {}
    if not iloc:
        return found
    version, at = iloc[0], FULL_BOX
    id_bytes = 4 if version == 2 else 2

    def number(size: int) -> int:
        nonlocal at
        at += size
        if at > len(iloc):
            raise IndexError("the box iloc ends early")
        return int.from_bytes(iloc[at - size : at], "big")

    sizes = number(2)
    offset_bytes, length_bytes, base_bytes, index_bytes = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
    for _ in range(number(id_bytes)):
        item = number(id_bytes)
        method = number(2) & 15 if version else 0
        number(2)  # the file itself is the only place that is read
        base, pieces = number(base_bytes), list[_Piece]()
        for _ in range(number(2)):
            if version:
                number(index_bytes)
            pieces.append((method, base + number(offset_bytes), number(length_bytes)))
        found[item] = pieces
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
