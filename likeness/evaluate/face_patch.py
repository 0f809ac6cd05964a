"""A face with what is around it as one small grey picture, upright and always as large: a training picture is known again by
it where it was cut, turned or mirrored.

The face mesh's points say where the face lies, how large it is and how far it leans; since they are not exact in a small
picture, a drawn face is moved a little, too. Structures of a few pixels are compared, without the light on the whole.
Another picture of the same person has another turn of the head, smile, hair or background, and correlates less.
"""

import base64
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice, product

import cv2
import numpy as np
from numpy.typing import NDArray

from likeness.faces import Face
from likeness.faces.landmarks import OUTER_EYE_CORNERS
from likeness.images import RGB
from likeness.lazy import Spool

SAME_PICTURE = 0.975
"""From this correlation on it shows the same picture: ours. Measured with synthetic people on 2026-11-30. Of 352 cuts to 60 % and
turns by up to 15 degrees (64 of them mirrored) of the demo's training images 351 reach it, of 80 at 128 px and JPEG quality
80 78; two faces swapped onto one photograph do, too. Other pictures of one person reach .951 (742 pairs), of two people
.887 (12,480), the demo's 32 samples .968 beside any training image: no false flag, and not much room."""

SURELY_SAME = 0.985
"""From this one on whatever the face's embedding says."""

SIDE_PX = 32
MARGIN_PX = 4
"""What a patch has around it, so that it can be moved."""
LANDMARKS_PX = 0.15 * SIDE_PX
"""Root mean square distance of the mesh's points from their middle."""
FINE_PX, COARSE_PX = 0.7, 3.0
"""Structures between these Gaussian sigmas are compared."""
SCALES, TURNS_RAD, MOVES_PX = (0.97, 1.0, 1.03), (-0.035, 0.0, 0.035), (-0.6, 0.0, 0.6)
"""How a drawn patch is moved."""
LEAST_LANDMARK_SCORE = 0.5
AT_ONCE = 128
"""Training pictures that are compared at once: 30 kB of memory each."""
WHOLE_PX = SIDE_PX + 2 * MARGIN_PX

Numbers = NDArray[np.float32]


def face_patch(rgb: RGB, face: Face, scale: float = 1.0) -> str | None:
    """The face's patch [40,40] as text, 0 outside of the picture; None where the mesh does not fit.

    Args:
        scale: the face was found in `rgb` enlarged as many times.
    """
    points = face.landmarks[:, :2].astype(np.float64) / scale
    middle, eyes = points.mean(axis=0), points[OUTER_EYE_CORNERS[1]] - points[OUTER_EYE_CORNERS[0]]
    spread, apart = np.sqrt(((points - middle) ** 2).sum(axis=1).mean()), np.linalg.norm(eyes)
    if face.landmark_score < LEAST_LANDMARK_SCORE or not (spread and apart):
        return None
    smaller = LANDMARKS_PX / spread
    x, y = smaller * eyes / apart
    grey = np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), np.uint8)
    if smaller < 1:
        grey = np.asarray(cv2.GaussianBlur(grey, (0, 0), 0.5 / smaller), np.uint8)
    patch = _moved(np.maximum(grey, 1), np.array([[x, y], [-y, x]]), middle, WHOLE_PX)
    inside = _moved(np.full_like(grey, 255), np.array([[x, y], [-y, x]]), middle, WHOLE_PX) > 252
    return base64.b64encode(np.where(inside, patch, 0).astype(np.uint8).tobytes()).decode()


def same_pictures(drawn: Sequence[str], trained: Iterable[str]) -> Numbers:
    """Correlations [M,N] of drawn faces' patches with those of training pictures: the best of a patch's own, its mirror image's,
    and of both moved a little."""
    inner, texts = slice(MARGIN_PX, -MARGIN_PX), iter(trained)
    blocks = Spool[tuple[Numbers, Numbers]]()
    while some := list(islice(texts, AT_ONCE)):
        blocks.append(_compared([_picture(text)[inner, inner] for text in some]))

    def row(picture: NDArray[np.uint8]) -> Numbers:
        moved = _compared([*_variants(picture), *_variants(picture[:, ::-1])])
        best = [_correlations(moved, known).max(axis=0) for known in blocks]
        return np.concatenate(best) if best else np.empty(0, np.float32)

    return np.stack([row(picture) for picture in map(_picture, drawn)])


def _picture(text: str) -> NDArray[np.uint8]:
    return np.frombuffer(base64.b64decode(text), np.uint8).reshape(WHOLE_PX, WHOLE_PX)


def _variants(picture: NDArray[np.uint8]) -> Iterator[NDArray[np.uint8]]:
    middle = (WHOLE_PX - 1) / 2
    for scale, turn, x, y in product(SCALES, TURNS_RAD, MOVES_PX, MOVES_PX):
        way = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        inside = _moved(np.where(picture > 0, 255, 0).astype(np.uint8), way, (middle + x, middle + y)) > 252
        yield np.where(inside, _moved(picture, way, (middle + x, middle + y)), 0).astype(np.uint8)


def _moved(
    grey: NDArray[np.uint8],
    way: NDArray[np.float64],
    middle: Sequence[float] | NDArray[np.float64],
    side_px: int = SIDE_PX,
) -> NDArray[np.uint8]:
    """Turned and scaled, `middle` in the middle."""
    place = np.column_stack([way, np.full(2, (side_px - 1) / 2) - way @ np.asarray(middle)])
    return np.asarray(cv2.warpAffine(grey, place, (side_px, side_px)), np.uint8)


def _compared(patches: Sequence[NDArray[np.uint8]]) -> tuple[Numbers, Numbers]:
    """[N,K] structures of patches, and where they lie in the picture."""
    structures: list[Numbers] = []
    inside: list[Numbers] = []
    for patch in patches:
        there = (patch > 0).astype(np.float32)
        mean = float(patch[patch > 0].mean()) if there.any() else 0.0
        filled = np.where(patch > 0, patch, mean).astype(np.float32)
        fine, coarse = (cv2.GaussianBlur(filled, (0, 0), sigma) for sigma in (FINE_PX, COARSE_PX))
        structures.append(np.asarray(fine - coarse, np.float32))
        inside.append(np.asarray(cv2.erode(there, np.ones((3, 3)), borderValue=1), np.float32))
    return np.stack(structures).reshape(len(patches), -1), np.stack(inside).reshape(len(patches), -1)


def _correlations(drawn: tuple[Numbers, Numbers], trained: tuple[Numbers, Numbers]) -> Numbers:
    """[V,N], over the pixels that both have."""
    (a, in_a), (b, in_b) = drawn, trained
    a, b = a * in_a, b * in_b
    shared, sum_a, sum_b = np.maximum(in_a @ in_b.T, 1), a @ in_b.T, in_a @ b.T
    both = a @ b.T - sum_a * sum_b / shared
    own = ((a * a) @ in_b.T - sum_a**2 / shared) * (in_a @ (b * b).T - sum_b**2 / shared)
    return (both / np.sqrt(np.maximum(own, 1e-6))).astype(np.float32)
