"""The similarity of two sets of faces: cosines of their embeddings.

Scores of different embedders never mix. A score against the training photographs would reward copying them, so the
references are photographs that training never saw.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Embedding = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class FaceEmbedding:
    """A face found in an image: SFace's unit embedding [D], those of `others` by their names, yaw in degrees, the shorter side
    of its box in the image's px; `id` names the image."""

    id: str
    embedding: Embedding
    yaw_deg: float
    others: Mapping[str, Embedding] = field(default_factory=dict[str, Embedding])
    side_px: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Scores of a set of images; the means are None when no face was found, which proves nothing."""

    images: int
    faces: int
    mean: float | None
    by_image: dict[str, float]

    @property
    def face_share(self) -> float:
        """Share of the images with a face, 0..1; 0 for no images."""
        return self.faces / self.images if self.images else 0.0


def against(references: Sequence[FaceEmbedding], faces: Sequence[FaceEmbedding], *, images: int) -> Identity:
    """Score each face by its mean cosine to all `references`.

    A face never counts against itself: a reference with the same id is left out.

    Args:
        images: how many images were searched for `faces`, at least len(faces).
    """
    by_image: dict[str, float] = {}
    names = np.array([reference.id for reference in references], object)
    every = np.stack([reference.embedding for reference in references]) if references else np.empty((0, 0))
    own = set(names)
    for face in faces:
        others = every[names != face.id] if face.id in own else every
        if len(others):
            by_image[face.id] = round(float(np.mean(others @ face.embedding)), 4)
    mean = round(float(np.mean(list(by_image.values()))), 4) if by_image else None
    return Identity(images=images, faces=len(faces), mean=mean, by_image=by_image)


def bins(edges: Sequence[float], last: float) -> list[str]:
    """Names of the bins from 0 to `last` with these rising edges: `0_15`, `15_30`, `30_90`."""
    return [f"{low:g}_{high:g}" for low, high in pairwise([0.0, *edges, last])]


def bin_index(value: float, edges: Sequence[float]) -> int:
    """The bin of an absolute value; an edge belongs to the bin above it."""
    return int(np.searchsorted(np.asarray(edges), abs(value), side="right"))
