"""Converts any Pillow mode, bit depth and colour description to sRGB."""

from io import BytesIO
from typing import Any, cast

import numpy as np
from PIL import ExifTags, Image, ImageChops, ImageCms
from PIL import TiffImagePlugin as tag

from likeness.errors import InputError
from likeness.ingest import encoding, png
from likeness.ingest.encoding import Encoding
from likeness.ingest.kinds import tags_of

# ICC.1:2022 7.2.6: colour space signatures, by the Pillow mode whose numbers they describe.
ICC_SPACES = {"RGB": "RGB", "L": "GRAY", "CMYK": "CMYK", "LAB": "Lab"}

# Decoders of lossy grey pictures round the three colours apart.
SAME_GREY = 2

WHITE_IS_ZERO = 0  # of TIFF's PhotometricInterpretation: what 0 means in a grey picture

# Numbers of 16 bits that hold fewer: cameras and scanners give 8, 10, 12 or 14.
DEPTHS = (8, 10, 12, 14, 16)

# EXIF 2.32 annex E and DCF 2.0: a picture in Adobe RGB says "uncalibrated" and the interoperability index R03.
UNCALIBRATED, ADOBE_RGB_INDEX, INDEX_TAG = 0xFFFF, "R03", 1

# Adobe's technical note 5116: the transforms of a JPEG of four inks, none and YCCK.
INKS = (0, 2)

# PNG 3rd edition: cICP counts before iCCP, that before sRGB, that before gAMA and cHRM. gAMA of sRGB is 0.45455; a picture
# near it is shown as sRGB.
CICP = b"cICP"
SRGB_GAMMA, GAMMA_TOLERANCE, GAMMAS = 0.45455, 0.02, (0.1, 2.0)


def plain_mode(image: Image.Image, data: bytes, notes: list[str]) -> tuple[Image.Image, Image.Image | None]:
    """Split into colour (mode RGB, L, CMYK or LAB, 8 bits) and alpha (mode L, None when opaque); `data` is the file."""
    if image.mode.startswith("I;16"):
        return _grey_of_16_bits(image, notes), None
    if image.mode in {"I", "F"}:
        raise InputError(
            f"pixels are 32-bit numbers (Pillow mode {image.mode}): their range is unknown",
            reason="unsupported-mode",
            remedy="save it with 8 or 16 bits a channel",
        )
    if image.mode == "CMYK" and image.format == "JPEG" and image.info.get("adobe_transform") not in INKS:
        # Pillow takes 0 for full ink, as Adobe's programs write it; others read such a file the other way round.
        raise InputError(
            "its four inks are told without a marker (Adobe, APP14) that says whether 0 is full ink or none",
            reason="unsupported-colour",
            remedy="export it as JPEG with an sRGB profile",
            kind="refused",
        )
    _refuse_empty_high_bytes(image, _has_16_bits(image, data))
    if image.has_transparency_data:
        rgba = (image.convert("LA") if image.mode == "La" else image).convert("RGBA")
        alpha = rgba.getchannel("A")
        least, most = alpha.getextrema()
        if most == 0:
            notes.append("its transparency hides all of it: ignored")
        return rgba.convert("RGB"), (None if least == 255 or most == 0 else alpha)
    if image.mode == "P":
        _spread_palette(image, notes)
    if image.mode in ICC_SPACES:
        return image, None
    return image.convert("L" if image.mode == "1" else "RGB"), None


def _grey_of_16_bits(image: Image.Image, notes: list[str]) -> Image.Image:
    # Pillow's own conversion of 16-bit grey clips at 255 instead of scaling, and leaves WhiteIsZero as it is.
    grey = np.asarray(image).astype(np.uint16)
    bits = _bits(image)
    if bits == 16 and (bits := next(bits for bits in DEPTHS if int(grey.max()) < 1 << bits)) < 16:
        notes.append(f"its 16-bit numbers hold {bits} bits: scaled up")
    grey = (grey.astype(np.uint32) * 255 // ((1 << bits) - 1)) if bits < 16 else grey >> 8
    if tags_of(image).get(tag.PHOTOMETRIC_INTERPRETATION) == WHITE_IS_ZERO:
        notes.append("its numbers count from white to black (WhiteIsZero): inverted")
        grey = 255 - grey
    return Image.fromarray(grey.astype(np.uint8))


def _spread_palette(image: Image.Image, notes: list[str]) -> None:
    """Pillow keeps the high byte of a TIFF's palette; some programs fill the low one alone, as libtiff knows, too."""
    levels = np.array(tags_of(image).get(tag.COLORMAP, ()), np.uint16)
    if len(levels) and levels.max() < 256:
        image.putpalette(levels.reshape(3, -1).T.astype(np.uint8).tobytes())
        notes.append("the 16-bit numbers of its palette hold 8 bits: scaled up")


def _refuse_empty_high_bytes(image: Image.Image, has_16_bits: bool) -> None:
    """Pillow keeps the high byte of colours of 16 bits: of 14 bits and fewer next to nothing is left in it."""
    if image.mode not in ("RGB", "RGBA", "CMYK", "LAB") or not has_16_bits:
        return
    numbers = image.getchannel("L") if image.mode == "LAB" else image.convert(image.mode.removesuffix("A"))
    largest = int(np.max(cast(Any, numbers.getextrema())))
    if largest < 64:
        raise InputError(
            f"its 16-bit numbers hold fewer bits (the largest is {largest} of 255): next to nothing would be seen",
            reason="unsupported-mode",
            remedy="save it with 8 bits a channel, or scaled to all 16",
            kind="refused",
        )


def _has_16_bits(image: Image.Image, data: bytes) -> bool:
    if image.format == "PNG":
        header = png.content(data, png.HEADER)
        return header is not None and header[8] == 16
    return image.format == "TIFF" and _bits(image) == 16


def _bits(image: Image.Image) -> int:
    """Bits of a number, as a TIFF says; 16 in other formats."""
    return int(np.max(tags_of(image).get(tag.BITSPERSAMPLE, 16)))


def told_encoding(image: Image.Image, data: bytes, nclx: tuple[int, int] | None) -> Encoding | None:
    """What a file says of its colours where it has no ICC profile; None for sRGB and for silence."""
    codes = nclx
    if image.format == "PNG" and (chunk := png.content(data, CICP)) is not None:
        primaries, transfer, matrix, full_range = chunk
        if matrix or not full_range:
            raise encoding.unsupported_colour(f"matrix {matrix}, range {full_range}")
        codes = primaries, transfer
    if codes is not None:
        told = encoding.from_code_points(*codes)
    elif image.format == "PNG" and "srgb" not in image.info:
        told = _by_numbers(image.info.get("gamma"), image.info.get("chromaticity"))
    elif image.format in {"JPEG", "MPO", "TIFF"} and _is_adobe_rgb(image):
        told = Encoding(name="Adobe RGB (told by EXIF)", primaries=encoding.ADOBE_RGB, gamma=563 / 256)
    else:
        return None
    return None if told is None or told.is_srgb else told


def _by_numbers(gamma: Any, chromaticity: Any) -> Encoding | None:
    """PNG's gAMA and cHRM."""
    if not gamma or not GAMMAS[0] <= gamma <= GAMMAS[1]:
        return None
    power = None if abs(gamma - SRGB_GAMMA) < GAMMA_TOLERANCE else 1 / gamma
    primaries = tuple(chromaticity) if chromaticity and len(chromaticity) == 8 else None
    if primaries is not None and encoding.spans_colours(primaries):
        return Encoding(name=f"gAMA {gamma:g} and cHRM", primaries=primaries, gamma=power)
    return Encoding(name=f"gAMA {gamma:g}", gamma=power)


def _is_adobe_rgb(image: Image.Image) -> bool:
    try:
        exif = image.getexif()
        space = exif.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.ColorSpace)
        index = exif.get_ifd(ExifTags.IFD.Interop).get(INDEX_TAG)
    except Exception:  # metadata that does not read is no reason to lose the photo
        return False
    return space in (UNCALIBRATED, 2) and str(index).strip("\0 ") == ADOBE_RGB_INDEX


def to_srgb(image: Image.Image, profile: object, told: Encoding | None, notes: list[str]) -> Image.Image:
    """Colours as sRGB: through the embedded profile where it reads and fits, by what else the file says of them, else
    as they are."""
    if isinstance(profile, bytes) and profile and (converted := _by_profile(image, profile, notes)):
        return converted
    if image.mode == "CMYK":
        notes.append("CMYK without a usable profile: converted by formula, colours may differ from print")
    plain = image.convert("RGB")
    if told is None:
        return plain
    notes.append(f"colours converted from {told.name} to sRGB")
    return Image.fromarray(encoding.convert(np.asarray(plain), told))


def _by_profile(image: Image.Image, profile: bytes, notes: list[str]) -> Image.Image | None:
    cms = cast(Any, ImageCms)  # half of it is untyped
    try:
        source = cms.getOpenProfile(BytesIO(profile))
        space = str(source.profile.xcolor_space).strip()
        if space == "GRAY" and image.mode == "RGB" and _is_grey(image):
            image = image.convert("L")
        if space != ICC_SPACES[image.mode]:
            notes.append(f"colour profile is for {space}, the pixels are {image.mode}: profile ignored")
            return None
        converted = cms.profileToProfile(
            image,
            source,
            cms.createProfile("sRGB"),
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            outputMode="RGB",
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
        name = ImageCms.getProfileDescription(source).strip()
    except Exception as error:  # PyCMSError, and whatever a broken profile makes the library raise
        notes.append(f"colour profile unreadable ({error}): ignored")
        return None
    notes.append(f"colours converted from {name or space} to sRGB")
    return converted


def _is_grey(image: Image.Image) -> bool:
    """Whether a picture in three colours is a grey one: WebP, AVIF and what has transparency have no other grey."""
    red, green, blue = image.split()
    apart = (ImageChops.difference(green, other).getextrema() for other in (red, blue))
    return max(cast(int, most) for _, most in apart) <= SAME_GREY
