"""A gate for tests whose pictures are patterns: it sees the person of the folders' consent record in each of them."""

from typing import Any

import numpy as np

from likeness.safety.identity import RESNET, SFACE, vectors_json

FACE = np.eye(1, 128, dtype=np.float32)[0]


def seen(**changes: Any) -> dict[str, Any]:
    """What a gate measures of a harmless picture of her, with changes of its face."""
    face = {
        "side_px": 200.0,
        "sharpness": 0.5,
        "age_years": 30.0,
        **vectors_json({SFACE: FACE, RESNET: FACE}),
    }
    return {"explicit": 0.01, "faces": [face | changes]}


class SeesHer:
    """Measures every picture as one of her."""

    def __init__(self, embedder: Any = None) -> None:
        """As a `PictureGate` is made."""

    def measure(self, rgb: np.ndarray) -> dict[str, Any]:
        return seen()
