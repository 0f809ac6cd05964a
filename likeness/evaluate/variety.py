"""How much the pictures of a set differ from each other: a LoRA that has learned one pose draws it for every
prompt."""

from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Any

import numpy as np

from likeness.evaluate.looks import Look

MEASURES: Mapping[str, str] = {
    "yaw_deg": "turn of the head, degrees",
    "pitch_deg": "head up or down, degrees",
    "roll_deg": "head to a shoulder, degrees",
    "face_share": "framing: the face's share of the height",
    "mouth_open": "expression: the mouth's gap over its width",
    "smile_width": "expression: the mouth's width over the eyes' distance",
    "eyes_open": "expression: opening of the eyes",
    "lightness": "light: lightness of the picture, 0 to 100",
    "side_light": "light from a side: left cheek over right, lightness",
    "background": "background: distance from the mean colour (CIELAB)",
}
"""What is measured, and what people call it."""


def variety(sets: Mapping[str, Iterable[Look]]) -> list[dict[str, Any]]:
    """The spread of each measure in each set: standard deviation, of colours the mean distance from their mean; None for fewer
    than two pictures."""
    read = attrgetter(*MEASURES)
    values = {of: list(zip(*map(read, found), strict=True)) for of, found in sets.items()}
    return [
        {
            "measure": name,
            "words": words,
            **{of: _spread(measured[number] if measured else ()) for of, measured in values.items()},
        }
        for number, (name, words) in enumerate(MEASURES.items())
    ]


def _spread(values: Sequence[Any]) -> float | None:
    known = np.array([value for value in values if value is not None], np.float64)
    if len(known) < 2:
        return None
    if known.ndim == 1:
        return round(float(known.std(ddof=1)), 3)
    return round(float(np.linalg.norm(known - known.mean(axis=0), axis=1).mean()), 3)
