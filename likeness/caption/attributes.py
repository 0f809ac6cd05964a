"""Captions from measurements alone: no model that could guess, and nothing said that isn't certain."""

from collections.abc import Callable
from typing import ClassVar, Literal

import cv2
import numpy as np
from pydantic.dataclasses import dataclass

from likeness.caption import Described, attribute_text
from likeness.caption.regions import Portrait, portrait
from likeness.errors import InputError
from likeness.faces import FACES_VERSION, MODELS_DIGEST
from likeness.images import RGB
from likeness.pipeline.manifest import FaceEntry
from likeness.providers import Local
from likeness.store.items import Json

Trait = Literal["framing", "pose", "expression", "hair", "clothes", "background", "lighting"]

# The order of a caption, whatever the order in conf/.
TRAITS: dict[Trait, Callable[[Portrait], str | None]] = {
    "framing": attribute_text.framing,
    "pose": attribute_text.pose,
    "expression": attribute_text.expression,
    "hair": attribute_text.hair,
    "clothes": attribute_text.clothes,
    "background": attribute_text.background,
    "lighting": attribute_text.lighting,
}

ATTRIBUTES_VERSION = 2
"""Raised whenever the same image would get other words."""

# Longest side an image is measured at: bounds in attribute_text.py that are in pixels hold for it.
MEASURED_SIDE_PX = 1024


@dataclass(frozen=True, kw_only=True)
class AttributesCaptioner(Local):
    """Says the traits `describe_always`, and `describe_swapped` where the face is in another's photo."""

    describe_always: tuple[Trait, ...]
    describe_swapped: tuple[Trait, ...]

    name: ClassVar[str] = "attributes"
    neural: ClassVar[bool] = False

    def identity(self) -> dict[str, Json]:
        """The settings, the version of the words, and the face models."""
        return {
            "name": self.name,
            "version": ATTRIBUTES_VERSION,
            "describe_always": sorted(self.describe_always),
            "describe_swapped": sorted(self.describe_swapped),
            "faces": [FACES_VERSION, MODELS_DIGEST],
        }

    def describe(self, rgb: RGB, *, face: FaceEntry | None, swapped: bool, item: str = "") -> Described:
        """The phrases of the chosen traits that are certain, joined by commas.

        Raises:
            InputError: the manifest knows no face (`no-face`).
        """
        if face is None or face.marks_px is None:
            raise InputError(
                "the manifest knows no face in the enhanced image, so nothing can be measured",
                reason="no-face",
                remedy="write its caption in captions_override/, or remove the photo it was made from",
            )
        small = _measured(rgb)
        moved = face.moved(small.shape[1] / rgb.shape[1], small.shape[0] / rgb.shape[0])
        wanted = {*self.describe_always, *(self.describe_swapped if swapped else ())}
        subject = portrait(small, moved, moved.marks_px or {})
        phrases = [phrase(subject) for trait, phrase in TRAITS.items() if trait in wanted]
        return Described(text=", ".join(phrase for phrase in phrases if phrase) or "photo")


def _measured(rgb: RGB) -> RGB:
    height, width = rgb.shape[:2]
    scale = MEASURED_SIDE_PX / max(height, width)
    size = (round(width * scale), round(height * scale))
    if size == (width, height):
        return rgb
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(rgb, size, interpolation=method), np.uint8)
