"""Turns a photograph upright whose faces are all upside down or on their sides; refuses it where they disagree."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from likeness.faces import Face, FaceAnalyzer
from likeness.faces.stance import LEAST_SHARE, SURE_LENGTH, Stance
from likeness.images import RGB

Fault = Literal["negative", "faces-disagree", "not-upright"]

# Faces from this share of the largest have a say; smaller ones may be patterns behind, unless their embedding is sure.
SAY = LEAST_SHARE


@dataclass(frozen=True, kw_only=True)
class Upright:
    """Pixels and faces as they are now, what was done in words, and what is wrong, if anything."""

    rgb: RGB
    faces: Sequence[Face]
    notes: tuple[str, ...] = ()
    fault: Fault | None = None


def make_upright(
    rgb: RGB, faces: Sequence[Face], find: Callable[[RGB], list[Face]], finder: FaceAnalyzer
) -> Upright:
    """Turn a photograph by what its faces say, and find them again."""
    stances = _clear(rgb, faces, finder)
    if any(stance.negative for stance in stances):
        return Upright(rgb=rgb, faces=faces, fault="negative")
    turns = {stance.turns for stance in stances}
    if len(turns) > 1:
        return Upright(rgb=rgb, faces=faces, fault="faces-disagree")
    if turns <= {0}:
        return Upright(rgb=rgb, faces=faces, fault=_disagreement(rgb, faces, finder))
    quarter = turns.pop()
    turned = np.ascontiguousarray(np.rot90(rgb, quarter))
    found = find(turned)
    now = {stance.turns for stance in _clear(turned, found, finder)} if found else {1}
    degrees = {1: "90 degrees to the left", 2: "180 degrees", 3: "90 degrees to the right"}[quarter]
    return Upright(
        rgb=turned,
        faces=found,
        notes=(f"turned by {degrees}, as its faces stand: the file says nothing of it, or something else",),
        fault=_disagreement(turned, found, finder) if now <= {0} else "not-upright",
    )


def _disagreement(rgb: RGB, faces: Sequence[Face], finder: FaceAnalyzer) -> Fault | None:
    return "faces-disagree" if faces and finder.stands_otherwise(rgb, faces) else None


def _clear(rgb: RGB, faces: Sequence[Face], finder: FaceAnalyzer) -> list[Stance]:
    """How the faces stand that have a say, where that can be told."""
    least = SAY * max((min(face.box_px[2:]) for face in faces), default=0)
    heard = [face for face in faces if min(face.box_px[2:]) >= least or face.embedding_length >= SURE_LENGTH]
    stances = [stance for stance in finder.stances(rgb, heard) if stance is not None]
    if not stances and (found := finder.search(rgb)) is not None:
        return [found]
    return stances
