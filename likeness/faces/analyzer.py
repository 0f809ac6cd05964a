# pyright: basic
# mostly cv2 calls, which are untyped.
"""Find the faces of an image and measure them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from likeness.faces import measure, resnet
from likeness.faces.detect import LONG_SIDES_PX, face_rows
from likeness.faces.face import Face, Floats
from likeness.faces.models import Pool
from likeness.faces.stance import (
    OTHERWISE,
    Models,
    Stance,
    scores_of,
    search,
    stance_of,
    stands_otherwise,
    turned_faces,
)


class Embedder(Protocol):
    """Says by numbers whose face it is; what it says is known by its name."""

    @property
    def name(self) -> str: ...

    def embedding(self, rgb: NDArray[np.uint8], face: Face) -> Floats: ...


_MODELS = Pool(Models)


class FaceAnalyzer:
    """Faces of RGB images, on CPU; cheap to construct: the models are those of the process. `embedders` have a say in whose face
    it is beside SFace and the resnet."""

    def __init__(self, embedders: Sequence[Embedder] = ()) -> None:
        self._embedders: Sequence[Embedder] = (resnet.Resnet(), *embedders)

    def faces(
        self,
        rgb: NDArray[np.uint8],
        long_sides_px: Sequence[int] = LONG_SIDES_PX,
        *,
        least_px: float = 0.0,
        embed: bool = True,
    ) -> list[Face]:
        """All faces of an image uint8 [H, W, 3], upright, of `least_px` on; largest first, none is an empty list. It is looked
        at in these sizes. Without `embed` nobody is to be told by them: their embedding is empty, and compares with none.

        Raises:
            ConfigError: a weights package is missing or another release (see `models.locate`).
        """
        with _MODELS.lent() as models:
            rows = face_rows(rgb, long_sides_px)
            return [_face(models, rgb, row, embed=embed) for row in rows if min(row[2:4]) >= least_px]

    def turned(
        self,
        rgb: NDArray[np.uint8],
        upright: Sequence[Face],
        long_sides_px: Sequence[int],
        *,
        least_px: float,
    ) -> list[tuple[NDArray[np.uint8], Face]]:
        """The faces of `least_px` on, beside those found `upright`, that lie on their sides, stand on their heads or are shown in
        negative, each in the picture turned for it."""
        with _MODELS.lent() as models:
            found = turned_faces(models, rgb, scores_of(upright), long_sides_px, least_px, OTHERWISE)
            return [(whole, _face(models, whole, row, embed=True)) for whole, row in found]

    def identified(self, rgb: NDArray[np.uint8], face: Face) -> Face:
        """The face with the embeddings of all networks that decide whose it is."""
        return replace(face, others={one.name: one.embedding(rgb, face) for one in self._embedders})

    def stances(self, rgb: NDArray[np.uint8], faces: Sequence[Face]) -> list[Stance | None]:
        """How each of an image's faces stands; None where that cannot be told."""
        with _MODELS.lent() as models:
            return [stance_of(models, rgb, face) for face in faces]

    def search(self, rgb: NDArray[np.uint8]) -> Stance | None:
        """How the faces of an image stand that `faces` does not find; None where there are none."""
        with _MODELS.lent() as models:
            return search(models, rgb)

    def stands_otherwise(self, rgb: NDArray[np.uint8], faces: Sequence[Face]) -> bool:
        """Whether a face beside `faces` lies on its side or stands on its head."""
        with _MODELS.lent() as models:
            return stands_otherwise(models, rgb, faces)


def _face(models: Models, rgb: NDArray[np.uint8], row: NDArray[np.float32], *, embed: bool) -> Face:
    points5 = row[4:14].reshape(5, 2).copy()
    landmarks, landmark_score = models.mesh.landmarks(rgb, row[:4], points5[:2])
    yaw, pitch, roll = measure.pose(landmarks)
    x, y, width, height = (float(value) for value in row[:4])
    embedding, length = models.embedding(rgb, points5) if embed else (np.empty(0, np.float32), 0.0)
    return Face(
        box_px=(x, y, width, height),
        score=float(row[14]),
        points5=points5,
        landmarks=landmarks,
        landmark_score=landmark_score,
        embedding=embedding,
        embedding_length=length,
        yaw_deg=yaw,
        pitch_deg=pitch,
        roll_deg=roll,
        sharpness=measure.sharpness(rgb, points5),
        mouth_open=measure.mouth_open(landmarks),
        eyes_open=measure.eyes_open(landmarks),
    )
