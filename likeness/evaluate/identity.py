"""The similarity of two sets of faces: cosines of their embeddings.

Scores of different embedders never mix. A mean hides that similarity falls as heads turn (|yaw| correlates
-0.76 with it in published measurements), so scores also come in bins of |yaw|; and a score against the
training photographs would reward copying them, so the references are photographs that training never saw.
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
    by_yaw: dict[str, float | None]
    by_image: dict[str, float]

    @property
    def face_share(self) -> float:
        """Share of the images with a face, 0..1; 0 for no images."""
        return self.faces / self.images if self.images else 0.0


def against(
    references: Sequence[FaceEmbedding],
    faces: Sequence[FaceEmbedding],
    *,
    images: int,
    yaw_edges_deg: Sequence[float],
) -> Identity:
    """Score each face by its mean cosine to all `references`.

    A face never counts against itself: a reference with the same id is left out.

    Args:
        images: how many images were searched for `faces`, at least len(faces).
        yaw_edges_deg: rising upper edges of the bins of |yaw|; the last bin is open.
    """
    by_image: dict[str, float] = {}
    binned: dict[str, list[float]] = {name: [] for name in yaw_bins(yaw_edges_deg)}
    for face in faces:
        others = [reference.embedding for reference in references if reference.id != face.id]
        if not others:
            continue
        score = float(np.mean(np.stack(others) @ face.embedding))
        by_image[face.id] = round(score, 4)
        binned[yaw_bin(face.yaw_deg, yaw_edges_deg)].append(score)
    return Identity(
        images=images,
        faces=len(faces),
        mean=_mean(list(by_image.values())),
        by_yaw={name: _mean(scores) for name, scores in binned.items()},
        by_image=by_image,
    )


def bins(edges: Sequence[float], last: float) -> list[str]:
    """Names of the bins from 0 to `last` with these rising edges: `0_15`, `15_30`, `30_90`."""
    return [f"{low:g}_{high:g}" for low, high in pairwise([0.0, *edges, last])]


def yaw_bins(edges_deg: Sequence[float]) -> list[str]:
    """Names of the bins: `0_15`, `15_30`, `30_90` for the edges 15 and 30."""
    return bins(edges_deg, 90.0)


def yaw_bin(yaw_deg: float, edges_deg: Sequence[float]) -> str:
    """The bin of a head turned by `yaw_deg` to either side; an edge belongs to the bin above it."""
    return yaw_bins(edges_deg)[bin_index(yaw_deg, edges_deg)]


def bin_index(value: float, edges: Sequence[float]) -> int:
    """The bin of an absolute value; an edge belongs to the bin above it."""
    return int(np.searchsorted(np.asarray(edges), abs(value), side="right"))


def _mean(values: Sequence[float]) -> float | None:
    return round(float(np.mean(values)), 4) if values else None
