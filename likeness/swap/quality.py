# pyright: basic
# mostly cv2 calls, whose stubs don't know array shapes.
"""Measures a swap where it meets the target: a hard edge, another colour, a matte mask on glossy skin; looks for a second mouth."""

from collections.abc import Mapping

import cv2
import numpy as np

from likeness.errors import InputError
from likeness.faces import Face, mesh
from likeness.images import RGB, Lab, to_lab
from likeness.safety.postcondition import refused_swap
from likeness.swap import Portrait, QualityLimits, regions
from likeness.swap.regions import Mask

# The swap ends in this band inside the face's outline, in face widths.
EDGE_FROM, EDGE_TO = 0.03, 0.16
# Shine is what the lightest skin has above the middle one, over spots of this share of the width.
LIGHTEST, SPOT = 97, 0.012
# A second mouth is looked for in a face of this width, at these sizes of a mouth, in what is finer than this share of the width; it
# has as much contrast as the mouth, within this factor, and a mouth of less contrast (CIELAB) is too soft to be known again. Seen
# over 75 swaps of the synthetic people: .72 and less.
MOUTH_FACE_PX, MOUTH_SIZES = 128, (1.0, 0.8, 0.63)
MOUTH_FINER, MOUTH_CONTRAST, LEAST_CONTRAST = 0.12, 2.0, 4.5
LEAST_MOUTH_HIGH, MAX_SECOND_MOUTH = 0.12, 0.78
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
    width = regions.width_of(points)
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
        "tone": round(
            float(np.linalg.norm(np.median(after[edge], axis=0) - np.median(before[edge], axis=0))), 2
        ),
        "matte": round(max(0.0, _shine(before, skin, width) - _shine(after, skin, width)), 4),
    }


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
                reason=f"swap-{name}",
                kind="refused",
                remedy=f"use sources lit and held as the target is, or raise swap.quality.max_{name} if it looks right",
            )


def refuse_second_mouth(swapped: RGB, face: Face, target: Portrait) -> None:
    """See that nothing on a result's face looks as its mouth does, or as the target's did, but the mouth.

    Raises:
        InputError: refused as `swap-two-mouths`.
    """
    if (found := second_mouth(swapped, face, target)) > MAX_SECOND_MOUTH:
        detail = f"a second mouth is on its face: as like one as {found:.2f}, {MAX_SECOND_MOUTH:g} allowed"
        raise refused_swap("swap-two-mouths", detail)


def second_mouth(swapped: RGB, face: Face, target: Portrait) -> float:
    """How like a mouth a place on the face is that is none, at most (-1 to 1): the correlation of Lab colours with the result's mouth
    and the target's, upside down, too."""
    lab, points = _fine(swapped, face)
    shape = lab.shape[:2]
    known = regions.features(points, shape, 1.0) | regions.hull(points[list(mesh.NOSE)], shape)
    known |= regions.hull(points[list(mesh.LIPS_OUTER)], shape, 1.5)
    searched = regions.oval(points, shape) & ~known
    mouths = _mouth(lab, points), _mouth(*_fine(target.rgb, target.face))
    best = 0.0
    for mouth in (*mouths, *(mouth[::-1, ::-1] for mouth in mouths)):
        if not mouth.size or np.sqrt((mouth**2).mean()) < LEAST_CONTRAST:
            continue
        for size in MOUTH_SIZES:
            high, wide = (max(4, int(side * size)) for side in mouth.shape[:2])
            if high >= shape[0] or wide >= shape[1]:
                continue
            sample = np.ascontiguousarray(cv2.resize(mouth, (wide, high), interpolation=cv2.INTER_AREA))
            own = max(float((sample**2).sum()), 1e-6)
            there = cv2.matchTemplate(lab**2, np.ones_like(sample), cv2.TM_CCORR)
            contrast = np.sqrt(np.clip(there, 1e-6, None) / own)
            like = cv2.matchTemplate(lab, sample, cv2.TM_CCORR) / (own * contrast)
            middle = searched[high // 2 :, wide // 2 :][: like.shape[0], : like.shape[1]]
            like[~middle | (contrast > MOUTH_CONTRAST) | (contrast < 1 / MOUTH_CONTRAST)] = 0
            best = max(best, float(like.max()))
    return best


def _fine(rgb: RGB, face: Face):
    """The face, reduced or enlarged to one width, in Lab without what changes slowly; and its landmarks [468, 2] there."""
    points = face.landmarks[:, :2].astype(float)
    width = max(regions.width_of(points), 1.0)
    low = np.maximum(np.floor(points.min(0) - 0.1 * width), 0).astype(int)
    high = np.ceil(points.max(0) + 0.1 * width).astype(int)
    part, share = rgb[low[1] : high[1], low[0] : high[0]], MOUTH_FACE_PX / width
    size = (max(1, round(part.shape[1] * share)), max(1, round(part.shape[0] * share)))
    how = cv2.INTER_AREA if share < 1 else cv2.INTER_LINEAR
    lab = to_lab(np.asarray(cv2.resize(np.ascontiguousarray(part), size, interpolation=how), np.uint8))
    return lab - cv2.GaussianBlur(lab, (0, 0), MOUTH_FINER * MOUTH_FACE_PX), (points - low) * share


def _mouth(lab: Lab, points):
    lips = points[list(mesh.LIPS_OUTER)]
    half = (lips.max(0) - lips.min(0)) / 2 * 1.15
    half[1] = max(half[1], LEAST_MOUTH_HIGH / 2 * MOUTH_FACE_PX)
    low = np.maximum(np.floor(lips.mean(0) - half), 0).astype(int)
    high = np.maximum(np.ceil(lips.mean(0) + half), 0).astype(int)
    return lab[low[1] : high[1], low[0] : high[0]]


def _slope(lab: Lab, width: float):
    down, across = np.gradient(regions.light(lab, SPOT * width))
    return np.hypot(down, across)


def _shine(lab: Lab, skin: Mask, width: float) -> float:
    light = regions.light(lab, SPOT * width)[skin]
    return float(np.percentile(light, LIGHTEST) / max(float(np.median(light)), 1.0))
