# pyright: basic
# mostly cv2 calls, whose stubs don't know array shapes.
"""Where hair, cheeks, clothes and background are, from the face alone, in face heights and widths."""

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from likeness.images import RGB, Lab, to_lab
from likeness.pipeline.manifest import FaceEntry

# Clothes: this far below the chin (below the neck), and this far to each side of it.
CLOTHES_FROM, CLOTHES_TO, CLOTHES_HALF_WIDTH = 0.55, 1.9, 0.8
# Background: above the chin (shoulders), and beyond long hair.
BACKGROUND_HALF_WIDTH = 1.35
# Hair: a ring around the face's outline, above the eyes: these enlargements of the outline, and this far
# down.
HAIR_INNER, HAIR_OUTER, HAIR_DOWN = 1.12, 1.35, 0.12
CHEEK_HALF_SIDE = 0.05

# Colours nearer than this (CIE76 difference) to a cheek count as skin; hair nearer than this to the
# background as it.
SKIN_DIFFERENCE, BACKGROUND_DIFFERENCE = 25.0, 12.0
# Below the neck, where shadows fall, skin is told by a and b alone; where it is more than this share, no
# clothes are named.
SKIN_TINT_DIFFERENCE, SKIN_SHARE = 7.0, 0.5
# Fewer pixels than this say nothing about a region's colour.
LEAST_PIXELS = 1500


@dataclass(frozen=True, kw_only=True)
class Portrait:
    """An image in CIELAB, float32 [H, W, 3], its face, that face's points (x, y, z) by name, and what the captioner
    measures in: px."""

    lab: Lab
    face: FaceEntry
    points: dict[str, NDArray[np.float64]]
    height_px: float
    width_px: float
    centre_x: float

    @property
    def below_chin(self) -> float:
        """How much of the picture lies below the chin, in face heights."""
        return float(self.lab.shape[0] - self.points["chin"][1]) / self.height_px

    def cheeks(self) -> tuple[Lab, Lab]:
        """Median colours [3] of the cheeks at the image's left and right."""
        return self._patch("right_cheek"), self._patch("left_cheek")

    def clothes(self) -> Lab:
        """Colours [N, 3] below the neck; empty when too little of it is in the picture or most is skin."""
        chin = self.points["chin"][1]
        y, x = self._grid()
        mask = (y > chin + CLOTHES_FROM * self.height_px) & (y < chin + CLOTHES_TO * self.height_px)
        colours = self._colours(mask & (abs(x - self.centre_x) < CLOTHES_HALF_WIDTH * self.width_px))
        skin = np.zeros(len(colours), bool)
        for cheek in self.cheeks():
            skin |= np.linalg.norm(colours[:, 1:] - cheek[1:], axis=1) < SKIN_TINT_DIFFERENCE
        return colours[:0] if len(colours) and skin.mean() > SKIN_SHARE else colours[~skin]

    def background_mask(self) -> NDArray[np.bool_]:
        """bool [H, W], the picture beside the head."""
        y, x = self._grid()
        beside = abs(x - self.centre_x) > BACKGROUND_HALF_WIDTH * self.width_px
        return beside & (y < self.points["chin"][1])

    def background(self) -> Lab:
        """Colours [N, 3] beside the head; empty when the head fills the picture."""
        return self._colours(self.background_mask())

    def hair(self) -> Lab:
        """Colours [N, 3] around the upper face that are neither skin nor background; empty when few are."""
        if self.face.outline_px is None:
            return self.lab[:0, 0]
        y, _ = self._grid()
        ring = (self._outline(HAIR_OUTER) > 0) & (self._outline(HAIR_INNER) == 0)
        colours = self.lab[ring & (y < self.points["forehead"][1] + HAIR_DOWN * self.height_px)]
        keep = np.ones(len(colours), bool)
        for cheek in self.cheeks():
            keep &= np.linalg.norm(colours - cheek, axis=1) > SKIN_DIFFERENCE
        background = self.background()
        if len(background):
            keep &= np.linalg.norm(colours - np.median(background, axis=0), axis=1) > BACKGROUND_DIFFERENCE
        return colours[keep] if keep.sum() >= max(LEAST_PIXELS, 0.3 * len(colours)) else colours[:0]

    def _grid(self):
        return np.ogrid[: self.lab.shape[0], : self.lab.shape[1]]

    def _colours(self, mask) -> Lab:
        colours = self.lab[mask]
        return colours if len(colours) >= LEAST_PIXELS else colours[:0]

    def _patch(self, point: str) -> Lab:
        x, y = self.points[point][:2]
        r = max(2.0, CHEEK_HALF_SIDE * self.width_px)
        patch = self.lab[max(0, int(y - r)) : int(y + r), max(0, int(x - r)) : int(x + r)].reshape(-1, 3)
        return np.median(patch, axis=0) if len(patch) else np.full(3, np.nan, np.float32)

    def _outline(self, enlarged: float) -> NDArray[np.uint8]:
        corners = np.array(self.face.outline_px, np.float32)
        middle = self.points["middle"][:2].astype(np.float32)
        hull = cv2.convexHull((corners - middle) * enlarged + middle)
        mask = np.zeros(self.lab.shape[:2], np.uint8)
        return np.asarray(cv2.fillPoly(mask, [hull.astype(np.int32)], 1), np.uint8)


def portrait(rgb: RGB, face: FaceEntry, marks_px: Mapping[str, tuple[float, float, float]]) -> Portrait:
    """Prepare an image uint8 [H, W, 3] RGB and its face with its points for measuring."""
    points = {name: np.array(point) for name, point in marks_px.items()}
    return Portrait(
        lab=to_lab(rgb),
        face=face,
        points=points,
        height_px=float(np.linalg.norm((points["chin"] - points["forehead"])[:2])),
        width_px=float(np.linalg.norm(points["left_side"] - points["right_side"])),
        centre_x=face.box_px[0] + face.box_px[2] / 2,
    )
