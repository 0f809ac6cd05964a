"""Faces whose embeddings are known, for what is measured on them."""

from collections.abc import Callable, Sequence
from types import SimpleNamespace

import numpy as np

from likeness.evaluate.identity import FaceEmbedding
from likeness.faces import Face
from likeness.safety.identity import RESNET


def known_face(
    embedding: Sequence[float], *, yaw_deg: float = 0.0, side_px: float = 20.0, resnet: Sequence[float] = ()
) -> Face:
    """A face with this embedding of SFace; the resnet's is the same unless given."""
    vector = np.zeros(128, np.float32)
    vector[: len(embedding)] = embedding
    other = np.zeros(128, np.float32)
    other[: len(resnet or embedding)] = resnet or embedding
    ring = np.linspace(0, 2 * np.pi, 468)
    landmarks = np.stack([10 + 5 * np.cos(ring), 10 + 5 * np.sin(ring), 0 * ring], axis=1)
    return Face(
        box_px=(5.0, 5.0, side_px, side_px), score=0.9, points5=np.ones((5, 2), np.float32),
        landmarks=landmarks.astype(np.float32), embedding=vector, others={RESNET: other}, yaw_deg=yaw_deg,
        pitch_deg=0.0, roll_deg=0.0, sharpness=0.5, mouth_open=0.0, eyes_open=0.3,
    )  # fmt: skip


def analyzer(find: Callable[..., Sequence[Face]]) -> SimpleNamespace:
    """Stands in for `FaceAnalyzer`."""
    return SimpleNamespace(faces=lambda rgb: list(find(rgb)), identified=lambda rgb, face: face)


def at_angle(degrees: float) -> tuple[float, float]:
    """An embedding whose angle to that of 0 degrees is this."""
    return float(np.cos(np.deg2rad(degrees))), float(np.sin(np.deg2rad(degrees)))


def embedded(name: str, degrees: float, resnet_degrees: float | None = None) -> FaceEmbedding:
    """A face found in an image, its embeddings at these angles; the head turns by as much as the last digit of the name."""
    turn = 10.0 * int(name.partition("-seed")[2][:1] or 0)
    face = known_face(
        at_angle(degrees), resnet=at_angle(degrees if resnet_degrees is None else resnet_degrees)
    )
    return FaceEmbedding(
        id=name, embedding=face.embedding, others=face.others, yaw_deg=turn - 10.0, side_px=70.0
    )
