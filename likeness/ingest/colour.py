"""Any Pillow mode and any embedded profile -> sRGB."""

from io import BytesIO
from typing import Any, cast

import numpy as np
from PIL import Image, ImageCms

from likeness.errors import InputError

# ICC.1:2022 7.2.6: colour space signatures, by the Pillow mode whose numbers they describe.
ICC_SPACES = {"RGB": "RGB", "L": "GRAY", "CMYK": "CMYK", "LAB": "LAB"}


def plain_mode(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """Split into colour (mode RGB, L, CMYK or LAB) and alpha (mode L, None when opaque)."""
    if image.mode.startswith("I;16"):
        # Pillow's own conversion of 16-bit grey clips at 255 instead of scaling.
        grey = np.asarray(image).astype(np.uint16) >> 8
        return Image.fromarray(grey.astype(np.uint8)), None
    if image.mode in {"I", "F"}:
        raise InputError(
            f"pixels are 32-bit numbers (Pillow mode {image.mode}): their range is unknown",
            reason="unsupported-mode",
            remedy="save it with 8 or 16 bits a channel",
        )
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        alpha = rgba.getchannel("A")
        return rgba.convert("RGB"), (None if alpha.getextrema()[0] == 255 else alpha)
    if image.mode in ICC_SPACES:
        return image, None
    return image.convert("L" if image.mode == "1" else "RGB"), None


def to_srgb(image: Image.Image, profile: object, notes: list[str]) -> Image.Image:
    """Colours as sRGB: through the embedded profile where it reads and fits, else as they are."""
    cms = cast(Any, ImageCms)  # half of it is untyped
    if isinstance(profile, bytes) and profile:
        try:
            source = cms.getOpenProfile(BytesIO(profile))
            space = str(source.profile.xcolor_space).strip()
            if space == ICC_SPACES[image.mode]:
                converted = cms.profileToProfile(
                    image,
                    source,
                    cms.createProfile("sRGB"),
                    renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
                    outputMode="RGB",
                    flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
                )
                if converted is not None:
                    name = ImageCms.getProfileDescription(source).strip()
                    notes.append(f"colours converted from {name or space} to sRGB")
                    return converted
            notes.append(f"colour profile is for {space}, the pixels are {image.mode}: profile ignored")
        except (ImageCms.PyCMSError, OSError) as error:
            notes.append(f"colour profile unreadable ({error}): ignored")
    if image.mode == "CMYK":
        notes.append("CMYK without a usable profile: converted by formula, colours may differ from print")
    return image.convert("RGB")
