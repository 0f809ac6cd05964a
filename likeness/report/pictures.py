"""Pictures inside the page: small JPEGs as data URIs, until the page is as large as it may be."""

import base64
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from likeness.errors import InputError
from likeness.images import RGB, jpeg_bytes, load_rgb
from likeness.marks.xmp import SourceType, mark_jpeg, source_type
from likeness.pipeline.manifest import Entry


@dataclass(frozen=True)
class Picture:
    """An image of the page; `uri` is complete, width and height are those of the inlined JPEG."""

    uri: str
    width: int
    height: int
    alt: str


class Album:
    """Makes each picture once and counts its bytes; what would not fit any more is left out (None)."""

    def __init__(self, *, quality: int, max_bytes: int, synthetic: bool) -> None:
        self._quality, self._left, self._synthetic = quality, max_bytes, synthetic
        self._made: dict[tuple[str, int], tuple[str, int, int]] = {}
        self.left_out = 0

    def code(self, entry: Entry | None) -> SourceType:
        """What a picture of this entry says of its origin: a target's photograph, or none's, is no synthetic person's."""
        if entry is None or entry.source is None:
            return SourceType.ALGORITHMICALLY_ENHANCED
        return source_type(swapped=entry.target is not None, neural=entry.neural, synthetic=self._synthetic)

    def file(self, path: Path, alt: str, *, width_px: int, code: SourceType) -> Picture | None:
        """A picture of an image that a stage wrote; None also when the file is not there or not readable."""
        key = (str(path), width_px)
        if key not in self._made:
            try:
                self._made[key] = self._encode(load_rgb(path), width_px, code)
            except InputError:
                return None
        return self._take(self._made[key], alt)

    def rgb(self, rgb: RGB, alt: str, *, width_px: int, code: SourceType) -> Picture | None:
        """A picture of pixels in memory."""
        return self._take(self._encode(rgb, width_px, code), alt)

    def _encode(self, rgb: RGB, width_px: int, code: SourceType) -> tuple[str, int, int]:
        image = Image.fromarray(np.ascontiguousarray(rgb))
        if image.width > width_px:
            size = (width_px, max(1, round(image.height * width_px / image.width)))
            image = image.resize(size, Image.Resampling.LANCZOS)
        encoded = jpeg_bytes(image, quality=self._quality, progressive=True)
        uri = "data:image/jpeg;base64," + base64.b64encode(mark_jpeg(encoded, code)).decode()
        return uri, image.width, image.height

    def _take(self, made: tuple[str, int, int], alt: str) -> Picture | None:
        # Counted at every use: a browser needs the bytes wherever the picture stands.
        if len(made[0]) > self._left:
            self.left_out += 1
            return None
        self._left -= len(made[0])
        return Picture(*made, alt)
