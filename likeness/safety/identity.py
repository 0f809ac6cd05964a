"""Whose face it is: embedders of different families decide together. Each has its own limit, and all must agree.

A stranger who comes near in one network's eyes is seldom near in another's too; bench/strangers.py measures who is
(docs/consent.md has the figures). What one network has not measured is nobody's face.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from likeness.faces import Face, FaceAnalyzer, similarity
from likeness.faces.onnx import OnnxEmbedder
from likeness.faces.resnet import NAME as RESNET
from likeness.safety.embedder import EmbedderConfig
from likeness.safety.floors import IdentityLimits, ResnetLimits, SFaceLimits

SFACE = "sface-2021dec-int8bq"
EMBEDDERS = (SFACE, RESNET)

Vectors = Mapping[str, NDArray[np.float32]]
"""A face as each embedder has it, by the embedder's name."""


def face_analyzer(embedder: EmbedderConfig | None) -> FaceAnalyzer:
    """What finds faces and gives them the embeddings of all who decide; cheap to construct."""
    return FaceAnalyzer([own_embedder(embedder)] if embedder else [])


def own_embedder(cfg: EmbedderConfig) -> OnnxEmbedder:
    """The user's own embedder; nothing is loaded yet."""
    return OnnxEmbedder(
        name=cfg.name, path=cfg.path, sha256=cfg.sha256, side_px=cfg.side_px, bgr=cfg.channels == "bgr",
        mean=cfg.mean, scale=cfg.scale,
    )  # fmt: skip


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
    return _joined(_unlike(face, persona, limits, swap=swap))


def drawn_stranger(face: Vectors, persona: Vectors, limits: IdentityLimits) -> str | None:
    """Why a drawn face is not the persona's; None where all say it is. The general floors for photographs decide, not a
    record's stricter ones: those are for photographs of people of one mesh, and a drawing is less like her than they are."""
    return stranger(face, persona, IdentityLimits(sface=SFaceLimits(), resnet=ResnetLimits(), own=limits.own))


def still_target(face: Vectors, target: Vectors, limits: IdentityLimits) -> str | None:
    """Why a swap still shows its target; None where every embedder sees somebody else."""
    return _joined(_like(face, target, limits))


# Written so that a NaN, and what was not measured, is refused.
def _unlike(face: Vectors, other: Vectors, limits: IdentityLimits, *, swap: bool) -> Iterator[str]:
    use = "swap" if swap else "source"
    sface_min, resnet_max = getattr(limits.sface, f"{use}_min"), getattr(limits.resnet, f"{use}_max")
    yield from _unmeasured(face, other, limits)
    if (value := _cosine(face, other, SFACE)) is not None and not value >= sface_min:
        yield f"SFace's similarity is {value:.3f}, similarity.{use}_min is {sface_min:g}"
    if (value := _distance(face, other)) is not None and not value <= resnet_max:
        yield f"the resnet's distance is {value:.3f}, floors.resnet.{use}_max is {resnet_max:g}"
    if own := limits.own:
        own_min = getattr(own, f"{use}_min")
        if (value := _cosine(face, other, own.name)) is not None and not value >= own_min:
            yield f"faces.embedder's similarity is {value:.3f}, faces.embedder.{use}_min is {own_min:g}"


def _like(face: Vectors, other: Vectors, limits: IdentityLimits) -> Iterator[str]:
    sface_max, resnet_min, own = limits.sface.target_max, limits.resnet.target_min, limits.own
    yield from _unmeasured(face, other, limits)
    if (value := _cosine(face, other, SFACE)) is not None and not value <= sface_max:
        yield f"SFace's similarity is {value:.3f}, similarity.target_max is {sface_max:g}"
    if (value := _distance(face, other)) is not None and not value >= resnet_min:
        yield f"the resnet's distance is {value:.3f}, floors.resnet.target_min is {resnet_min:g}"
    if own and (value := _cosine(face, other, own.name)) is not None and not value <= own.target_max:
        yield f"faces.embedder's similarity is {value:.3f}, faces.embedder.target_max is {own.target_max:g}"


def _unmeasured(face: Vectors, other: Vectors, limits: IdentityLimits) -> Iterator[str]:
    for name in (*EMBEDDERS, *([limits.own.name] if limits.own else [])):
        if name not in face or name not in other:
            yield (
                f"{name} has not measured it"
                if name not in face
                else f"no face of {name} to compare with is known"
            )
        elif not _comparable(face[name], other[name], cosine=name != RESNET):
            yield f"{name}'s embeddings cannot be compared"


def _comparable(a: NDArray[np.float32], b: NDArray[np.float32], *, cosine: bool) -> bool:
    """Whether these are two embeddings of one network: numpy would stretch a shorter one, and a vector without a direction is
    like nobody."""
    one_network = a.ndim == 1 and a.shape == b.shape and not (np.isinf(a).any() or np.isinf(b).any())
    return one_network and (not cosine or bool(a.any() and b.any()))


def _cosine(face: Vectors, other: Vectors, name: str) -> float | None:
    measured = name in face and name in other and _comparable(face[name], other[name], cosine=True)
    return similarity(face[name], other[name]) if measured else None


def _distance(face: Vectors, other: Vectors) -> float | None:
    measured = RESNET in face and RESNET in other and _comparable(face[RESNET], other[RESNET], cosine=False)
    return distance(face[RESNET], other[RESNET]) if measured else None


def _joined(words: Iterator[str]) -> str | None:
    return "; ".join(words) or None
