"""Captions from measurements alone: no model guesses, and a caption says only what is certain."""

from typing import TYPE_CHECKING, ClassVar, Literal, get_args

from pydantic.dataclasses import dataclass

from likeness.caption import Described
from likeness.digests import Json
from likeness.errors import InputError
from likeness.providers import Local

if TYPE_CHECKING:
    from likeness.images import RGB
    from likeness.pipeline.manifest import FaceEntry

Trait = Literal["framing", "pose", "expression", "hair", "clothes", "background", "lighting"]
"""Functions of attribute_text.py, in the order of a caption, whatever the order in conf/."""
TRAITS: tuple[Trait, ...] = get_args(Trait)

ATTRIBUTES_VERSION = 3
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
        from likeness.faces import FACES_VERSION, MODELS_DIGEST

        return {
            "name": self.name,
            "version": ATTRIBUTES_VERSION,
            "describe_always": sorted(self.describe_always),
            "describe_swapped": sorted(self.describe_swapped),
            "faces": [FACES_VERSION, MODELS_DIGEST],
        }

    def describe(self, rgb: "RGB", *, face: "FaceEntry | None", swapped: bool, item: str = "") -> Described:
        """The phrases of the chosen traits that are certain, joined by commas.

        Raises:
            InputError: the manifest knows no face (`no-face`).
        """
        from likeness.caption import attribute_text  # here: `check` builds a provider and looks at no picture
        from likeness.caption.regions import portrait

        if face is None or face.marks_px is None:
            raise InputError(
                "the manifest knows no face in the enhanced image, so nothing can be measured",
                reason="no-face",
                remedy="write its caption in captions_override/, or remove the photo it was made from",
            )
        small = measured(rgb)
        moved = face.moved(small.shape[1] / rgb.shape[1], small.shape[0] / rgb.shape[0])
        wanted = {*self.describe_always, *(self.describe_swapped if swapped else ())}
        subject = portrait(small, moved, moved.marks_px or {})
        phrases = [getattr(attribute_text, trait)(subject) for trait in TRAITS if trait in wanted]
        return Described(text=", ".join(phrase for phrase in phrases if phrase) or "photo")


def measured(rgb: "RGB", side_px: int = MEASURED_SIDE_PX) -> "RGB":
    """The image with this longest side; the words' bounds hold for MEASURED_SIDE_PX."""
    import cv2
    import numpy as np

    height, width = rgb.shape[:2]
    scale = side_px / max(height, width)
    size = (round(width * scale), round(height * scale))
    if size == (width, height):
        return rgb
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(rgb, size, interpolation=method), np.uint8)
