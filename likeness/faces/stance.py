# pyright: basic
# mostly cv2 calls, which are untyped.
"""The stance of a face: upright, on its side, upside down, or with light and dark inverted.

The detector finds a face that stands on its head and takes its chin for its forehead; the embedding knows better. Its
length before it is made a unit vector is 8.4 and more for upright faces (24 photographs of the synthetic people, 60
portraits and 9 photographs of real people; median 13.5), 8.8 and less upside down, 6.3 on its side, 9.3 in negative; and in
each picture the product of detector's score, landmark's score and length is highest by 1.5 times for the upright one.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from likeness.faces.crop import FACE_TEMPLATE, FACE_TEMPLATE_SIDE_PX, similarity_transform, warp
from likeness.faces.detect import LONG_SIDES_PX, face_rows
from likeness.faces.face import Face, Floats
from likeness.faces.landmarks import PRESENCE, FaceMesh
from likeness.faces.models import SFACE, weights
from likeness.faces.onnx_file import with_floats
from likeness.faces.session import LazySession

SURE_LENGTH = 10.0
"""An embedding of this length is of an upright face; shorter ones are looked at in all ways."""

CHIP_SIDE_PX, CHIP_SCALE = 256, 2.0
"""The square around a face that is turned and looked at, and its side over the face's."""

DIAGONAL_DEG = 45
NEAREST = {0: 0, 1: 2, 2: 2, 3: 0}
"""Quarter turns after the first 45 degrees -> the half turns that leave a face leaning by 45 degrees at most."""

QUARTERS = {1: cv2.ROTATE_90_COUNTERCLOCKWISE, 2: cv2.ROTATE_180, 3: cv2.ROTATE_90_CLOCKWISE}

LEAST_LEAD = 1.25
LEAST_SCORE = 4.0
"""The best way must lead the others by this factor and have this score, else nothing is said."""

SEARCH_SIDE_PX = 640

SAME_PLACE, SAME_SIZE = 0.25, 1.5
"""Two finds are one face where their middles are nearer than this share of its side, and their sides differ by less than that."""

SURE_SCORE = 0.8
"""The detector's, of a face that stands upright (.91 and more) or leans by 30 degrees (.81 and more); pieces of a face have .7."""

UPRIGHT_SCORE = 0.88
"""Of a face that leans by 45 degrees, where it is turned upright: 27 had .90 and more, and what looked like one .85 at most."""

Known = Callable[[Floats, float], float]
"""The detector's score of the face that is known to have this middle and shorter side, in pixels; 0: none is."""

LEAST_SHARE = 0.5
"""Faces that stand another way count from this share of the largest; smaller ones may be patterns behind."""


@dataclass(frozen=True)
class Stance:
    """Quarter turns counter-clockwise that make the face upright, half of one more, and whether the picture is a negative."""

    turns: int
    negative: bool
    leaning: bool = False


WAYS = tuple(Stance(turns, negative) for negative in (False, True) for turns in range(4))
TURNED = WAYS[1:4]
OTHERWISE = (*WAYS[1:], *(Stance(turns, negative=False, leaning=True) for turns in range(4)))
"""Turned, in negative, or leaning by 45 degrees: in no quarter turn the detector is sure of such a face."""


_SFACE = LazySession(lambda: with_floats(weights(SFACE), (1, 3, *[FACE_TEMPLATE_SIDE_PX] * 2)))


class Models:
    """Everything loaded that looks at a face, for one thread at a time."""

    def __init__(self) -> None:
        self.mesh = FaceMesh()

    def embedding(self, rgb: NDArray[np.uint8], points5: Floats) -> tuple[Floats, float]:
        """Unit vector [128] of the face whose five points are given, and its length before."""
        crop = warp(rgb, similarity_transform(points5, FACE_TEMPLATE), FACE_TEMPLATE_SIDE_PX)
        vector = _SFACE.run(np.asarray(cv2.dnn.blobFromImage(crop), np.float32))[0]
        length = float(np.linalg.norm(vector))
        return vector / max(length, 1e-9), length


def stance_of(models: Models, rgb: NDArray[np.uint8], face: Face) -> Stance | None:
    """How a face of an image stands; None where that cannot be told."""
    if face.embedding_length >= SURE_LENGTH and face.landmark_score >= PRESENCE:
        return Stance(round(face.roll_deg / 90) % 4, False)
    if (found := _best(models, _chip(rgb, face, 0), central=True)) is not None:
        return found
    slanting = _best(models, _chip(rgb, face, DIAGONAL_DEG), central=True)
    return slanting and Stance(NEAREST[slanting.turns], slanting.negative)


def _chip(rgb: NDArray[np.uint8], face: Face, degrees: float) -> NDArray[np.uint8]:
    """The square around a face, turned counter-clockwise."""
    x, y, width, height = face.box_px
    middle = (x + width / 2, y + height / 2)
    scale = CHIP_SIDE_PX / (CHIP_SCALE * max(width, height))
    matrix = np.asarray(cv2.getRotationMatrix2D(middle, degrees, scale), np.float64)
    matrix[:, 2] += CHIP_SIDE_PX / 2 - np.array(middle)
    return warp(rgb, matrix, CHIP_SIDE_PX)


def search(models: Models, rgb: NDArray[np.uint8]) -> Stance | None:
    """How the faces of an image stand in which the detector finds none; None where it finds none any way."""
    return _best(models, _reduced(rgb), central=False)


def _reduced(rgb: NDArray[np.uint8], side_px: int = SEARCH_SIDE_PX) -> NDArray[np.uint8]:
    scale = min(1.0, side_px / max(rgb.shape[:2]))
    size = (max(1, round(rgb.shape[1] * scale)), max(1, round(rgb.shape[0] * scale)))
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)


def stands_otherwise(models: Models, rgb: NDArray[np.uint8], faces: Sequence[Face]) -> bool:
    """Whether there is a face beside `faces`, not much smaller than the largest, that lies on its side or stands on its head: the
    detector may find it in the turned picture alone."""
    least_px = LEAST_SHARE * max((min(face.box_px[2:]) for face in faces), default=0.0)

    def near(middle: Floats, side: float) -> float:
        return math.inf if any(_is_within(middle, face) for face in faces) else 0.0

    return next(turned_faces(models, rgb, near, LONG_SIDES_PX, least_px), None) is not None


def scores_of(faces: Sequence[Face]) -> Known:
    """Of faces that were found upright. Found in another way of looking, too, the detector is less sure of them; of a face that does
    not stand upright it is surest where it is turned so that it does."""

    def score(middle: Floats, side: float) -> float:
        return max((face.score for face in faces if _is_same(middle, side, face)), default=0.0)

    return score


def turned_faces(
    models: Models,
    rgb: NDArray[np.uint8],
    known: Known,
    long_sides_px: Sequence[int],
    least_px: float,
    ways: Sequence[Stance] = TURNED,
) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.float32]]]:
    """The faces of `least_px` on that lie on their sides or stand on their heads, or stand otherwise in one of these ways, each with
    the picture turned so that it is upright, and its row there; but those that are `known` as well or better. Looked for in
    these sizes, of SEARCH_SIDE_PX at most. An upright face is none of them: no other way of looking at it gives an embedding of
    SURE_LENGTH. Where nothing is known, a score of SURE_SCORE is enough in a quarter turn: of a face that leans there the embedding
    is short. In the other ways patterns score as much."""
    level = _reduced(rgb, min(SEARCH_SIDE_PX, max(long_sides_px)))
    less = leaning = level
    if any(way.leaning for way in ways):
        less = _reduced(level, round(max(level.shape) / math.sqrt(2)))  # leaning, it fills a square as large
        leaning = _slanted(less)
    for way in ways:
        whole, small = None, less if way.leaning else level
        scale = small.shape[1] / rgb.shape[1]
        for row in face_rows(_turned(leaning if way.leaning else level, way), long_sides_px):
            side = float(min(row[2:4])) / scale
            middle = _turned_back(row[:2] + row[2:4] / 2, way, small.shape[:2]) / np.float32(scale)
            score, there = float(row[14]), known(middle, side)
            if side < least_px or score <= max(there, UPRIGHT_SCORE if way.leaning else 0.0):
                continue
            whole = _in_that_way(rgb, way) if whole is None else whole
            row = np.append(row[:14] / np.float32(scale), row[14:])
            _, presence = models.mesh.landmarks(whole, row[:4], row[4:8].reshape(2, 2))
            if presence < PRESENCE:  # first: the embedding takes five times as long
                continue
            sure = not (there or way.leaning or way.negative) and score >= SURE_SCORE
            if sure or models.embedding(whole, row[4:14].reshape(5, 2))[1] >= SURE_LENGTH:
                yield whole, row


def _turned_back(point: Floats, way: Stance, shape: tuple[int, ...]) -> Floats:
    """A point of a picture that was turned, in the picture [H, W] as it was."""
    slant, side = _slant(shape)
    height, width = (side, side) if way.leaning else shape
    x, y = point
    back = ((x, y), (width - y, x), (width - x, height - y), (y, height - x))[way.turns]
    return np.array(cv2.invertAffineTransform(slant) @ (*back, 1.0) if way.leaning else back, np.float32)


def _slant(shape: tuple[int, ...]) -> tuple[NDArray[np.float64], int]:
    """What turns a picture [H, W] by 45 degrees counter-clockwise, and the side of the square that it fills then."""
    height, width = shape[:2]
    side = math.ceil(math.hypot(height, width))
    matrix = np.asarray(cv2.getRotationMatrix2D((width / 2, height / 2), DIAGONAL_DEG, 1.0), np.float64)
    matrix[:, 2] += side / 2 - np.array((width / 2, height / 2))
    return matrix, side


def _is_within(point: Floats, face: Face) -> bool:
    """Whether it lies in a face's box, or near its edge: half a side around."""
    low, side = np.array(face.box_px[:2]), np.array(face.box_px[2:])
    return bool(((low - side / 2 <= point) & (point <= low + 1.5 * side)).all())


def _is_same(point: Floats, side: float, face: Face) -> bool:
    """Whether a face with this middle and shorter side is where that face is, and as large."""
    low, sides = np.array(face.box_px[:2]), np.array(face.box_px[2:])
    apart = float(np.abs(point - low - sides / 2).max())
    return apart <= SAME_PLACE * min(sides) and 1 / SAME_SIZE <= side / min(sides) <= SAME_SIZE


def _best(models: Models, rgb: NDArray[np.uint8], *, central: bool) -> Stance | None:
    scores = {way: _score(models, _in_that_way(rgb, way), central) for way in WAYS}
    first, second = sorted(scores, key=lambda stance: -scores[stance])[:2]
    sure = scores[first] >= max(LEAST_SCORE, LEAST_LEAD * scores[second])
    return first if sure else None


def _in_that_way(rgb: NDArray[np.uint8], way: Stance) -> NDArray[np.uint8]:
    """The picture turned, and with light and dark inverted."""
    return _turned(_slanted(rgb) if way.leaning else rgb, way)


def _turned(rgb: NDArray[np.uint8], way: Stance) -> NDArray[np.uint8]:
    # np.rot90's copy takes ten times as long.
    turned = cv2.rotate(rgb, QUARTERS[way.turns]) if way.turns else rgb
    return np.asarray(cv2.bitwise_not(turned) if way.negative else turned, np.uint8)


def _slanted(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The picture turned by 45 degrees counter-clockwise, in a square."""
    slant, side = _slant(rgb.shape)
    return np.asarray(cv2.warpAffine(rgb, slant, (side, side), flags=cv2.INTER_LINEAR), np.uint8)


def _score(models: Models, rgb: NDArray[np.uint8], central: bool) -> float:
    """How much the picture's best face is an upright face; 0 without one."""
    height, width = rgb.shape[:2]
    best = 0.0
    for row in face_rows(rgb):
        x, y, w, h = (float(value) for value in row[:4])
        off = max(abs(x + w / 2 - width / 2), abs(y + h / 2 - height / 2))
        if central and (off > 0.2 * width or w < 0.2 * width):
            continue
        points5 = row[4:14].reshape(5, 2)
        _, presence = models.mesh.landmarks(rgb, row[:4], points5[:2])
        _, length = models.embedding(rgb, points5)
        best = max(best, float(row[14]) * presence * length)
        if not central:  # the largest face will do
            break
    return best
