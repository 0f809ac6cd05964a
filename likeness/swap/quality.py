# pyright: basic
# mostly cv2 calls, whose stubs don't know array shapes.
"""Measures a swap where it meets the target: a hard edge, another colour, a matte mask on glossy skin."""

from collections.abc import Mapping

import cv2
import numpy as np

from likeness.errors import InputError
from likeness.faces import mesh
from likeness.images import RGB, Lab, to_lab
from likeness.swap import Portrait, QualityLimits, regions
from likeness.swap.regions import Mask

# The swap ends in this band inside the face's outline, in face widths.
EDGE_FROM, EDGE_TO = 0.03, 0.16
# Shine is what the lightest skin has above the middle one, over spots of this share of the width.
LIGHTEST, SPOT = 97, 0.012
WORDS = {
    "seam": "a hard edge runs where the swap ends, steeper than the target's own skin",
    "tone": "the skin's colour where the swap ends is not the target's (CIELAB)",
    "matte": "the skin shines less than the target's, as a mask does",
}


def quality(swapped: RGB, target: Portrait) -> dict[str, float]:
    """What the swap has that the target's face has not, on its own outline; 0 is as the target.

    `seam`: steeper lightness in the band where the swap ends, as a share of the skin's lightness and a face width. `tone`: how far
    the skin's colour in that band is off (CIELAB). `matte`: how much less the skin shines, as a share of its lightness.
    """
    points = target.face.landmarks[:, :2].astype(float)
    low = np.maximum(np.floor(points.min(0)) - 4, 0).astype(int)
    high = np.ceil(points.max(0)).astype(int) + 4
    region = np.s_[low[1] : high[1], low[0] : high[0]]
    before, after = to_lab(target.rgb[region]), to_lab(swapped[region])
    points, shape = points - low, before.shape[:2]
    width = float(np.linalg.norm(points[mesh.SIDES[1]] - points[mesh.SIDES[0]]))
    inside, features = regions.oval(points, shape), regions.features(points, shape, 1.3)
    covered = regions.overlay(before, regions.cheeks(points, shape), inside, features, width)
    depth = regions.from_outline(inside)
    skin = inside & ~features & ~covered
    edge = skin & (depth > EDGE_FROM * width) & (depth < EDGE_TO * width)
    if not edge.any() or not skin.any():
        return {"seam": 0.0, "tone": 0.0, "matte": 0.0}
    typical = max(float(np.median(before[skin][:, 0])), 1.0)
    steeper = np.clip(_slope(after, width) - _slope(before, width), 0, None)[edge]
    return {
        "seam": round(float(np.percentile(steeper, 90)) * width / typical, 4),
        "tone": round(float(np.linalg.norm(np.median(after[edge], axis=0) - np.median(before[edge], axis=0))), 2),
        "matte": round(max(0.0, _shine(before, skin, width) - _shine(after, skin, width)), 4),
    }  # fmt: skip


def judge_quality(measured: Mapping[str, float], limits: QualityLimits) -> None:
    """See that a swap stays within the limits that are asked.

    Raises:
        InputError: refused as `swap-seam`, `swap-tone` or `swap-matte`.
    """
    for name, what in WORDS.items():
        limit = getattr(limits, f"max_{name}")
        if limit is not None and not measured[name] <= limit:
            raise InputError(
                f"{what}: {measured[name]:.2f}, swap.quality.max_{name} is {limit:g}",
                reason=f"swap-{name}", kind="refused",
                remedy=f"use sources lit and held as the target is, or raise swap.quality.max_{name} if it looks right",
            )  # fmt: skip


def _slope(lab: Lab, width: float):
    light = np.asarray(cv2.GaussianBlur(lab[..., 0], (0, 0), max(SPOT * width, 0.5)))
    return np.hypot(*np.gradient(light))


def _shine(lab: Lab, skin: Mask, width: float) -> float:
    light = np.asarray(cv2.GaussianBlur(lab[..., 0], (0, 0), max(SPOT * width, 0.5)))[skin]
    return float(np.percentile(light, LIGHTEST) / max(float(np.median(light)), 1.0))
