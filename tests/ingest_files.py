"""Photographs as files, and the reason why one is refused."""

from pathlib import Path

import numpy as np
import pytest
from ingest_pictures import (
    LIMITS,
    tiff,
)
from PIL import Image

from likeness.errors import InputError
from likeness.ingest.decode import Limits, decode_photo


def save(path: Path, image: Image.Image, format: str, **options: object) -> Path:
    image.save(path, format=format, **options)
    return path


def reason(path: Path, limits: Limits = LIMITS) -> str:
    with pytest.raises(InputError) as caught:
        decode_photo(path, limits)
    assert caught.value.remedy
    assert path.name not in caught.value.message
    for words in ("decoder", "not processed", "Error:", "data stream"):  # a library's
        assert words not in caught.value.message
    return caught.value.reason


def grey_tiff(values: np.ndarray, photometric: int, bits: int = 16, **more: bytes) -> bytes:
    height, width = values.shape
    tags = {256: width, 257: height, 258: bits, 259: 1, 262: photometric, 277: 1, 278: height}
    return tiff({tag: (3, value) for tag, value in tags.items()}, values.tobytes(), **more)


RAMP = np.tile(np.linspace(0, 65535, 256).astype("<u2"), (32, 1))
