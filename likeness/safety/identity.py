"""Whose face it is: embedders of different families decide together. Each has its own limit, and all must agree.

A stranger who comes near in one network's eyes is seldom near in another's too; bench/strangers.py measures who is
(docs/consent.md has the figures). What one network has not measured is nobody's face.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from likeness.faces import Face, FaceAnalyzer, similarity
from likeness.faces.onnx import OnnxEmbedder
from likeness.faces.resnet import NAME as RESNET
from likeness.safety.embedder import EmbedderConfig
from likeness.safety.floors import IdentityLimits, ResnetLimits, SFaceLimits
from likeness.settings import own_path

SFACE = "sface-2021dec-int8bq"

Vectors = Mapping[str, NDArray[np.float32]]
"""A face as each embedder has it, by the embedder's name."""


def face_analyzer(embedder: EmbedderConfig | None) -> FaceAnalyzer:
    """What finds faces and gives them the embeddings of all who decide; cheap to construct."""
    return FaceAnalyzer([own_embedder(embedder)] if embedder else [])


def own_embedder(cfg: EmbedderConfig) -> OnnxEmbedder:
    """The user's own embedder; nothing is loaded yet."""
    return OnnxEmbedder(
        name=cfg.name,
        path=own_path(cfg.path),
        sha256=cfg.sha256,
        side_px=cfg.side_px,
        bgr=cfg.channels == "bgr",
        mean=cfg.mean,
        scale=cfg.scale,
    )


def vectors_of(face: Face) -> Vectors:
    """A face's embeddings, as far as they were measured."""
    return {SFACE: face.embedding, **face.others}


def mean_of(faces: Iterable[Vectors]) -> Vectors:
    """The mean face of some, for each embedder that has measured them all; SFace's is of unit length. One is looked at after the
    other: they may be all photographs of a set."""
    sums: dict[str, NDArray[np.float64]] = {}
    count = 0
    for face in faces:
        if count == 0:
            sums = {name: vector.astype(np.float64) for name, vector in face.items()}
        else:
            sums = {name: total + face[name] for name, total in sums.items() if name in face}
        count += 1
    means = {name: total / count for name, total in sums.items()}
    if SFACE in means:
        means[SFACE] = means[SFACE] / np.linalg.norm(means[SFACE])
    return {name: np.asarray(mean, np.float32) for name, mean in sorted(means.items())}


def vectors_json(face: Vectors) -> dict[str, Any]:
    """A face as JSON values, rounded to 1e-6."""
    rounded = {name: [round(float(value), 6) for value in vector] for name, vector in face.items()}
    return {"embedder": SFACE, "embedding": rounded.pop(SFACE, []), "others": rounded}


def read_vectors_of(face: Mapping[str, Any]) -> Vectors:
    """The inverse of `vectors_json`."""
    others = {name: np.asarray(vector, np.float32) for name, vector in face.get("others", {}).items()}
    return {SFACE: np.asarray(face["embedding"], np.float32), **others}


def distance(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Euclidean distance of two embeddings; the same person is nearer than .6 to dlib's resnet."""
    return float(np.linalg.norm(a - b))


def stranger(face: Vectors, persona: Vectors, limits: IdentityLimits, *, swap: bool = False) -> str | None:
    """Why a photograph's face, or a swap's, is not the persona's: the words of each embedder that says no; None where all
    say it is."""
    use = "swap" if swap else "source"
    return _beyond(face, persona, limits, similarity_limit=f"{use}_min", distance_limit=f"{use}_max")


def drawn_stranger(face: Vectors, persona: Vectors, limits: IdentityLimits) -> str | None:
    """Why a drawn face is not the persona's; None where all say it is. The general floors for photographs decide, not a
    record's stricter ones: those are for photographs of people of one mesh, and a drawing is less like her than they are."""
    return stranger(face, persona, IdentityLimits(sface=SFaceLimits(), resnet=ResnetLimits(), own=limits.own))


def still_target(face: Vectors, target: Vectors, limits: IdentityLimits) -> str | None:
    """Why a swap still shows its target; None where every embedder sees somebody else."""
    return _beyond(face, target, limits, similarity_limit="target_max", distance_limit="target_min")


def _beyond(
    face: Vectors, other: Vectors, limits: IdentityLimits, *, similarity_limit: str, distance_limit: str
) -> str | None:
    """The words of each embedder whose limit of that name two faces break; None where they break none. A NaN breaks any, and
    so does what was not measured."""
    asked: list[tuple[str, str, str, object]] = [
        (SFACE, "SFace's similarity", "similarity", limits.sface),
        (RESNET, "the resnet's distance", "floors.resnet", limits.resnet),
    ]
    if limits.own:
        asked.append((limits.own.name, "faces.embedder's similarity", "faces.embedder", limits.own))
    said: list[str] = []
    for name, what, setting, of in asked:
        a, b, by_distance = face.get(name), other.get(name), name == RESNET
        if a is None:
            said.append(f"{name} has not measured it")
        elif b is None:
            said.append(f"no face of {name} to compare with is known")
        elif not _comparable(a, b, cosine=not by_distance):
            said.append(f"{name}'s embeddings cannot be compared")
        else:
            limit_name = distance_limit if by_distance else similarity_limit
            value, limit = distance(a, b) if by_distance else similarity(a, b), getattr(of, limit_name)
            if not (value >= limit if limit_name.endswith("_min") else value <= limit):
                said.append(f"{what} is {value:.3f}, {setting}.{limit_name} is {limit:g}")
    return "; ".join(said) or None


def _comparable(a: NDArray[np.float32], b: NDArray[np.float32], *, cosine: bool) -> bool:
    """Whether these are two embeddings of one network: numpy would stretch a shorter one, and a vector without a direction is
    like nobody."""
    one_network = a.ndim == 1 and a.shape == b.shape and not (np.isinf(a).any() or np.isinf(b).any())
    return one_network and (not cosine or bool(a.any() and b.any()))
