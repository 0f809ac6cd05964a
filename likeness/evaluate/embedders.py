"""The networks that say how alike two faces are. Each has its own scale: their scores stand side by side and never mix."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from likeness.evaluate.statistics import Numbers
from likeness.safety.embedder import EmbedderConfig
from likeness.safety.identity import RESNET, SFACE

Embeddings = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Embedder:
    """A network: its name in records, what people call it, and the published threshold of one person on its scale.

    `chooses`: whether steps of training are chosen by it. What chooses is biased by its own choice; the others are not.
    """

    name: str
    label: str
    key: str
    scale: str
    published: float
    chooses: bool = False
    by_distance: bool = False

    def similarities(self, faces: Embeddings, others: Embeddings) -> Numbers:
        """How alike each face [N, D] is to each of others [M, D], [N, M]: 1 is the same."""
        a, b = faces.astype(np.float64), others.astype(np.float64)
        if self.by_distance:
            # One after the other: all differences at once take a hundred times the memory of the distances.
            return 1 - np.array([np.linalg.norm(one - b, axis=1) for one in a]).reshape(len(a), len(b))
        lengths = np.linalg.norm(a, axis=1)[:, None] * np.linalg.norm(b, axis=1)[None]
        return a @ b.T / np.maximum(lengths, 1e-9)


EMBEDDERS = (
    Embedder(name=SFACE, label="SFace", key="sface", scale="cosine", published=0.363, chooses=True),
    Embedder(
        name=RESNET,
        label="dlib's resnet",
        key="resnet",
        scale="1 - distance",
        published=0.4,
        by_distance=True,
    ),
)
"""The two that always have a say. Thresholds: OpenCV Zoo's of SFace (LFW); dlib's, a distance of .6 (dlib, face_recognition.py)."""


def embedders(own: EmbedderConfig | None) -> tuple[Embedder, ...]:
    """Those that measure, the user's own (`faces.embedder`) last; its published threshold is the one its settings name for
    photographs."""
    if own is None:
        return EMBEDDERS
    last = Embedder(name=own.name, label=own.name, key="own", scale="cosine", published=own.source_min)
    return (*EMBEDDERS, last)
