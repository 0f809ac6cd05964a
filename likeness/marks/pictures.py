"""Marks a published picture: the label, the mark in its pixels, the source type in XMP, and last the signature."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from likeness.errors import InputError
from likeness.images import JPEG, PNG, RGB, decode_rgb, encode_jpeg, encode_png, mime_of
from likeness.marks import claims, xmp
from likeness.marks.claims import Claim, Ingredient
from likeness.marks.keys import SigningKey
from likeness.marks.pixels import ENOUGH, least_chance, write_mark
from likeness.marks.xmp import SourceType

MARKS_VERSION = 3
"""Raised whenever the same picture would be marked otherwise."""

WHY_NOT = ("too-small-to-mark", "mark-does-not-hold")
"""Why a picture may leave without the mark in its pixels; the signed statement says so."""

LABEL_MIN_PX = 10
LABEL_SHARE = 0.035  # height of the label's letters, of the picture's shorter side


@dataclass(frozen=True, kw_only=True)
class Origin:
    """How a picture came to be: its source type and what it was made from. `statement` goes into the signed claim."""

    code: SourceType
    ingredients: Sequence[Ingredient] = ()
    statement: Mapping[str, Any]


def mark_picture(
    data: bytes, name: str, origin: Origin, *, mark: str, key: SigningKey, label: str | None = None
) -> bytes:
    """The picture with all its marks; JPEG stays JPEG, PNG stays PNG. Metadata of the input are left behind.

    One that cannot carry the mark in its pixels gets the others, and its statement says why.

    Raises:
        InputError: `unreadable`, `not-signable`.
    """
    mime, rgb = mime_of(data), decode_rgb(data, name=name)
    if label is not None:
        rgb = with_label(rgb, label)
    rgb, why_not = _in_pixels(rgb, mark)
    if mime == PNG:
        marked = xmp.mark_png(encode_png(rgb), origin.code)
    else:
        mime, marked = JPEG, xmp.mark_jpeg(encode_jpeg(rgb), origin.code)
    said = {**origin.statement, "mark": mark} | ({"no_mark_in_pixels": why_not} if why_not else {})
    claim = Claim(
        title=name,
        code=origin.code,
        ingredients=origin.ingredients,
        mark=None if why_not else mark,
        publication=said,
    )
    return claims.sign(marked, mime, claim, key)


def check_marks(data: bytes, name: str, *, mark: str, key: SigningKey) -> RGB | None:
    """Refuse a picture that would leave without a mark, or with one of another publication or key.

    Returns its pixels; None where its statement says why they carry no mark.

    Raises:
        InputError: `unmarked`.
    """
    mime = mime_of(data)
    found = claims.read(data, mime) if mime else None
    if found is None:
        raise _unmarked(name, "it has no C2PA statement")
    if not found.valid:
        raise _unmarked(name, f"its C2PA statement does not hold: {', '.join(found.problems)}")
    if claims.serial_of(key) not in found.signer or found.publication.get("mark") != mark:
        raise _unmarked(name, "its C2PA statement is another key's or another publication's")
    code = xmp.find_code(data)
    if code is None or code.uri != found.source_type:
        raise _unmarked(name, "its XMP does not name the source type that its C2PA statement names")
    if found.publication.get("no_mark_in_pixels") in WHY_NOT:
        return None
    rgb = decode_rgb(data, name=name)
    if found.mark != mark or least_chance(rgb, int(mark, 16), ENOUGH) > ENOUGH:
        raise _unmarked(name, "the mark in its pixels does not read back")
    return rgb


def _in_pixels(rgb: RGB, mark: str) -> tuple[RGB, str | None]:
    """The picture with the mark in its pixels; where it cannot carry it, as it is, and why."""
    try:
        return write_mark(rgb, int(mark, 16)).rgb, None
    except InputError as error:
        if error.reason not in WHY_NOT:
            raise
        return rgb, error.reason


def with_label(rgb: RGB, text: str) -> RGB:
    """The picture with a text on a dark strip in its lower left corner; a long one is written smaller, so that all is there."""
    image = Image.fromarray(np.ascontiguousarray(rgb))
    size = max(LABEL_MIN_PX, round(min(image.size) * LABEL_SHARE))
    needed = ImageFont.load_default(size).getlength(text) + size
    font = ImageFont.load_default(size := max(1, int(size * min(1.0, image.width / needed))))
    left, top, right, bottom = font.getbbox(text)
    pad = size // 2
    box = (
        0,
        image.height - round(bottom - top) - 2 * pad,
        min(image.width, round(right - left) + 2 * pad),
        image.height,
    )
    shade = Image.new("RGB", (box[2] - box[0], box[3] - box[1]), (0, 0, 0))
    image.paste(Image.blend(image.crop(box), shade, 0.6), box[:2])
    ImageDraw.Draw(image).text((pad - left, box[1] + pad - top), text, font=font, fill=(255, 255, 255))
    return np.asarray(image)


def _unmarked(name: str, why: str) -> InputError:
    return InputError(
        f"{name} would leave unmarked: {why}",
        reason="unmarked",
        remedy="run `likeness publish` again; report it if it stays so",
        kind="refused",
    )
