"""What is known about one face, and its form in a file."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

EMBEDDING_SIZE = 128
LANDMARKS = 468
# The numbers of a face, and to how many decimals a file has each.
DECIMALS = {
    "score": 4, "landmark_score": 4, "yaw_deg": 2, "pitch_deg": 2, "roll_deg": 2, "sharpness": 4, "mouth_open": 4, "eyes_open": 4,
}  # fmt: skip

Floats = NDArray[np.float32]
Box = tuple[float, float, float, float]


@dataclass(frozen=True, kw_only=True)
class Face:
    """One face in one image; pixels are those of the image it was found in."""

    box_px: Box
    """x, y, width, height; may reach over the image's edge."""
    score: float
    """The detector's confidence, 0..1."""
    points5: Floats
    """[5, 2]: the person's right eye, left eye, nose tip, right and left mouth corner."""
    landmarks: Floats
    """[468, 3]: MediaPipe's face mesh; z in pixels too, smaller is nearer to the camera."""
    landmark_score: float = 1.0
    """The mesh's confidence, 0..1; below .5 the landmarks (and pose, mouth, eyes) mean nothing."""
    embedding: Floats
    """[128], unit length (SFace)."""
    others: Mapping[str, Floats] = field(default_factory=dict[str, Floats])
    """The embeddings of other networks by their names, where whose face it is is decided (`FaceAnalyzer.identified`)."""
    yaw_deg: float
    """Positive: the face turns to the image's right."""
    pitch_deg: float
    """Positive: the face looks up."""
    roll_deg: float
    """Positive: the head leans to the image's right (clockwise)."""
    sharpness: float
    """See `likeness.faces.measure.sharpness`."""
    mouth_open: float
    """Gap between the lips over the mouth's width; 0 is closed."""
    eyes_open: float
    """Height over width of the lid opening, mean of both eyes."""
    embedding_length: float = math.inf
    """Length of the embedding before it was made a unit vector, where it was measured just now; not kept in files. Short:
    the network did not take it for an upright face (`likeness.faces.stance`)."""


def shared_px2(a: Box, b: Box) -> float:
    """Area that two boxes share, px²."""
    (ax, ay, aw, ah), (bx, by, bw, bh) = a, b
    return max(0.0, min(ax + aw, bx + bw) - max(ax, bx)) * max(0.0, min(ay + ah, by + bh) - max(ay, by))


def similarity(a: Floats, b: Floats) -> float:
    """Cosine of two embeddings [128], -1..1; they need not be unit length. Of numbers that are none it is none."""
    product, norm = float(np.dot(a, b)), float(np.linalg.norm(a)) * float(np.linalg.norm(b))
    return product / norm if norm else 0.0


def to_json(face: Face) -> dict[str, Any]:
    """A face as JSON values, rounded so that files are stable: landmarks 0.01 px, embeddings 1e-6."""
    others = {name: [round(float(value), 6) for value in vector] for name, vector in face.others.items()}
    return {
        "box_px": [round(float(value), 2) for value in face.box_px],
        "points5": _rows(face.points5, 2),
        "landmarks": _rows(face.landmarks, 2),
        "embedding": [round(float(value), 6) for value in face.embedding],
        **{name: round(getattr(face, name), decimals) for name, decimals in DECIMALS.items()},
        **({"others": others} if others else {}),
    }


def from_json(data: Mapping[str, Any]) -> Face:
    """Inverse of `to_json`, up to its rounding.

    Raises:
        KeyError: a field is missing.
        ValueError: an array has the wrong shape.
    """
    x, y, width, height = (float(value) for value in data["box_px"])
    return Face(
        box_px=(x, y, width, height),
        points5=np.asarray(data["points5"], np.float32).reshape(5, 2),
        landmarks=np.asarray(data["landmarks"], np.float32).reshape(LANDMARKS, 3),
        embedding=np.asarray(data["embedding"], np.float32).reshape(EMBEDDING_SIZE),
        **{name: float(data[name]) for name in DECIMALS},
        others={name: np.asarray(vector, np.float32) for name, vector in data.get("others", {}).items()},
    )


def _rows(values: Floats, decimals: int) -> list[list[float]]:
    return [[round(float(value), decimals) for value in row] for row in values]
