# pyright: basic
# mostly cv2 calls, whose stubs don't know array shapes.
"""Facts about a photograph that the choice of pairs needs beside its face: its light, glasses, and what flaws.py
measures."""

import cv2
import numpy as np
from numpy.typing import NDArray

from likeness.faces import Face, mesh
from likeness.images import to_lab
from likeness.settings import Record
from likeness.swap import Portrait, flaws, regions

TRAITS_VERSION = 2
"""Raised whenever the same photo would get other traits; part of item keys."""

# The strip over the bridge of the nose that a frame would cross: interocular distances from the eyes' middle.
BRIDGE_FROM, BRIDGE_TO, BRIDGE_HALF_WIDTH = -0.30, 0.32, 0.05
BRIDGE_SAMPLES, BRIDGE_COLUMNS = 48, 7
# A frame is thinner than this many samples; what is wider is shading.
BRIDGE_WINDOW = 21
# Samples at either end belong to forehead and nose tip.
BRIDGE_ENDS = 5
# Grain is blurred away over this share of the interocular distance before a line is looked for.
BRIDGE_SIGMA = 0.012


class Traits(Record):
    """Cheeks as CIE Lab (L 0..100), left and right in the image, and how strongly a line crosses the nose.

    bridge_line: contrast of the strongest thin line across the bridge, as a share of the skin's lightness.
    Bare noses measure up to .12 on the synthetic people and .27 on 150 small portraits, dark frames drawn on them
    .35 and more. Rimless, golden and skin-coloured frames are not seen, nor very thin dark ones on dark skin.
    shadow, teeth, gaze_apart: as flaws.py measures them.
    """

    left_cheek: tuple[float, float, float]
    right_cheek: tuple[float, float, float]
    bridge_line: float
    shadow: float = 0.0
    teeth: float = 1.0
    gaze_apart: float = 0.0


def measure(portrait: Portrait) -> Traits:
    """The traits of the face in a portrait."""
    points = portrait.face.landmarks[:, :2].astype(float)
    left, right = (_cheek(portrait.rgb, points[list(side)]) for side in (mesh.LEFT_CHEEK, mesh.RIGHT_CHEEK))
    edge = np.array(portrait.rgb.shape[1::-1]) - 1
    low = np.clip(np.floor(points.min(0)), 0, edge).astype(int)
    high = np.clip(np.ceil(points.max(0)), low + 1, edge + 1).astype(int)
    lab, inside = to_lab(portrait.rgb[low[1] : high[1], low[0] : high[0]]), points - low
    width = regions.width_of(points)
    return Traits(
        left_cheek=left,
        right_cheek=right,
        bridge_line=_bridge_line(portrait.rgb, portrait.face),
        shadow=flaws.shadow(lab, inside, width),
        teeth=flaws.teeth(lab, inside, (left[0] + right[0]) / 2, portrait.face),
        gaze_apart=flaws.gaze_apart(lab, inside),
    )


def _cheek(rgb: NDArray[np.uint8], points: NDArray[np.float64]) -> tuple[float, float, float]:
    height, width = rgb.shape[:2]
    x0, y0 = np.clip(np.floor(points.min(0)), 0, [width - 2, height - 2]).astype(int)
    x1, y1 = np.clip(np.ceil(points.max(0)) + 1, [x0 + 2, y0 + 2], [width, height]).astype(int)
    region = rgb[y0:y1, x0:x1]
    inside = regions.hull(points - [x0, y0], (int(y1 - y0), int(x1 - x0)))
    lab = to_lab(region)
    light, a, b = np.median(lab[inside] if inside.any() else lab.reshape(-1, 3), axis=0)
    return round(float(light), 2), round(float(a), 2), round(float(b), 2)


def _bridge_line(rgb: NDArray[np.uint8], face: Face) -> float:
    points = face.landmarks[:, :2].astype(float)
    across = points[263] - points[33]
    eyes_px = max(float(np.linalg.norm(across)), 1.0)
    across = across / eyes_px
    down = np.array([-across[1], across[0]])
    rows = np.linspace(BRIDGE_FROM, BRIDGE_TO, BRIDGE_SAMPLES)[:, None, None]
    columns = np.linspace(-BRIDGE_HALF_WIDTH, BRIDGE_HALF_WIDTH, BRIDGE_COLUMNS)[None, :, None]
    at = (points[133] + points[362]) / 2 + eyes_px * (rows * down + columns * across)
    x0, y0 = np.maximum(np.floor(at.min((0, 1))) - eyes_px, 0).astype(int)
    region = rgb[y0 : int(at[..., 1].max() + eyes_px), x0 : int(at[..., 0].max() + eyes_px)]
    if region.size == 0:
        return 0.0
    light = cv2.GaussianBlur(to_lab(region)[..., 0], (0, 0), max(BRIDGE_SIGMA * eyes_px, 0.1))
    at = (at - [x0, y0]).astype(np.float32)
    line = cv2.remap(light, at[..., 0], at[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE).mean(1)
    half = BRIDGE_WINDOW // 2
    around = [np.median(line[max(0, i - half) : i + half + 1]) for i in range(len(line))]
    strongest = np.abs(line - around)[BRIDGE_ENDS:-BRIDGE_ENDS].max()
    return round(float(strongest / max(np.median(line), 1.0)), 4)
