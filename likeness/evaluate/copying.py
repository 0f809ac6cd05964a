"""Does the LoRA draw the person, or repeat a training picture?

The copy-paste measure of H. Xu et al., "WithAnyone: Towards Controllable and ID Consistent Image Generation" (arXiv:2510.14975,
2025): (angle(generated, held-out) - angle(generated, nearest training)) / angle(held-out, nearest training), by the angles of
face embeddings. 1: the face is the training picture's; 0: it is as near to photographs that training never saw; below: nearer.
The nearest of many training pictures is near by chance, too, so a little above 0 is no copying.

A whole picture is known again by PDQ, whatever the face: mirrored, upside down, in negative and stretched, too; so is the part of it
that training sees, where that cuts images to the face: a LoRA can repeat nothing else. One that is cut otherwise or turned by some
degrees is known by the face and what is around it (face_patch.py).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from likeness.evaluate.ceiling import PHOTOGRAPHS, SEEDS, by_seed
from likeness.evaluate.embedders import EMBEDDERS, Embeddings
from likeness.evaluate.evaluation import Person
from likeness.evaluate.face_patch import SAME_PICTURE, SURELY_SAME, same_pictures
from likeness.evaluate.identity import Embedding, FaceEmbedding
from likeness.evaluate.looks import Look
from likeness.evaluate.samples import Planned
from likeness.evaluate.statistics import UNKNOWN, Estimate, Numbers, Resampler, crossed_means, estimate
from likeness.marks.pdq import SAME_PICTURE_BITS, distance, negative

SFACE, _ = EMBEDDERS
COPIED = 0.7
"""From this measure on a face counts as copied, if it is less than half as far from the training picture as the held-out
photographs are: ours. Without the second condition a face far beyond the training picture would count."""

ALIKE = 0.85
"""From this correlation of what is around the face on, a face that is so near is copied, too: a copy that is stretched, cut tightly,
lit from a side or laid in half as large beside another reaches no SAME_PICTURE. Ours; measured on 2026-11-30 on the demo's 32 training
images: none of the 992 pairs of two of them is flagged by it that is not by another rule, and no sample is within twice the angle."""

LEAST_COPY = 0.1
"""A face below this measure is as far from the training picture as the held-out photographs are: what is around it alone shows no
copy before SURELY_SAME. Ours; measured on 2026-11-30: of 44 cuts and turns of 11 training images of the demo at 128 px 39 have a
correlation of SAME_PICTURE and none of them is lost by it; of the demo's samples at 20 seeds two of 59 were flagged, at .980 with a
measure of .02 and .04, which show her as one photograph does, in other clothes."""

FARTHER = 257
"""More bits than two hashes can differ in."""

LEAST_ANGLE = 0.05
"""Radians: nearer held-out and training faces would divide by nothing."""


def copying(
    person: Person,
    trained: Sequence[FaceEmbedding],
    drawn: Sequence[FaceEmbedding],
    trained_looks: Mapping[str, Look],
    looks: Mapping[str, Look],
    planned: Sequence[Planned],
) -> dict[str, Any]:
    """The measure of each drawn picture with its nearest training picture, their mean over seeds and photographs, and how
    many are copied; JSON values. Where no photograph is held out the measure is null: only whole pictures are compared.

    Args:
        looks: of the drawn pictures, by id.
        planned: the drawn pictures that count, in the order of their seeds.
    """
    faces = {face.id: face for face in drawn}
    names = [face.id for face in trained]
    vectors = np.stack([face.embedding for face in trained]) if names else np.empty((0, 0), np.float32)
    references = np.stack([one.embedding for one in person.references]) if person.references else None
    of_faces = {
        name: _measure(references, person, vectors, face)
        for name, face in faces.items()
        if names and references is not None
    }
    shown = {one.id: looks[one.id] for one in planned if one.id in looks}
    matches, nearest = _same_around_face(shown, trained_looks), _nearest_hash(shown, trained_looks)
    pictures: list[dict[str, Any]] = []
    for one in planned:
        if one.id not in looks:
            continue
        same, bits = nearest[one.id]
        is_same = same is not None and bits <= SAME_PICTURE_BITS
        alike, match = matches.get(one.id, (None, 0.0))
        face = of_faces.get(one.id)
        far = face is not None and face.copy is not None and face.copy < LEAST_COPY
        around = match >= (SURELY_SAME if far else SAME_PICTURE)
        is_cut = around or bool(match >= ALIKE and face and face.near)
        by_embedding = same if face is None else names[face.nearest]
        pictures.append(
            {
                "id": one.id,
                # Swaps of one target are one picture to PDQ: the face tells which of them.
                "nearest": alike if is_cut else same if is_same else by_embedding,
                "angle_deg": face and face.angle_deg,
                "copy": face and face.copy,
                "picture_bits": bits if same else None,
                "face_match": match,
                "copied": bool(is_same or is_cut or (face and face.copied)),
            }
        )
    return {
        "measured": person.held_out and bool(trained),
        "copied_from": COPIED,
        "mean": vars(_mean(of_faces, planned)),
        "copied": sum(one["copied"] for one in pictures),
        "of": len(pictures),
        "pictures": pictures,
    }


def _nearest_hash(
    looks: Mapping[str, Look], trained: Mapping[str, Look]
) -> dict[str, tuple[str | None, int]]:
    """The training picture whose hash is nearest to a drawn one's, and how many bits apart, by the drawn picture's id. Each training
    picture is read once, and none is held."""
    drawn_as = {name: [look.pdq, *look.turned_pdqs] for name, look in looks.items()}
    drawn_as = {name: [*forms, *map(negative, forms)] for name, forms in drawn_as.items()}
    best: dict[str, tuple[str | None, int]] = dict.fromkeys(drawn_as, (None, FARTHER))
    for known, look in trained.items():
        hashes = (look.pdq, *look.stretched_pdqs, *look.cut_pdqs)
        for name, forms in drawn_as.items():
            bits = min(distance(one, forms) for one in hashes)
            if bits < best[name][1]:
                best[name] = known, bits
    return best


def _same_around_face(looks: Mapping[str, Look], trained: Mapping[str, Look]) -> dict[str, tuple[str, float]]:
    """The training picture that looks most like a drawn one around the face, and how much, by the drawn picture's id."""
    drawn = {name: one.face_patch for name, one in looks.items() if one.face_patch}
    names: list[str] = []

    def patches() -> Iterator[str]:
        for name, look in trained.items():
            if look.face_patch:
                names.append(name)
                yield look.face_patch

    matches = same_pictures([*drawn.values()], patches()) if drawn else ()
    if not names:
        return {}
    best = [(names[int(row.argmax())], round(float(row.max()), 4)) for row in matches]
    return dict(zip(drawn, best, strict=True))


@dataclass(frozen=True, kw_only=True)
class FaceCopy:
    """A drawn face beside the nearest training picture: the measure by each held-out photograph [R], None without them."""

    nearest: int
    angle_deg: float
    by_reference: Numbers | None
    between_deg: float

    @property
    def copy(self) -> float | None:
        """The measure."""
        return None if self.by_reference is None else round(float(np.mean(self.by_reference)), 4)

    @property
    def near(self) -> bool:
        """Whether it is less than half as far from the training picture as the held-out photographs are."""
        return self.by_reference is not None and self.angle_deg < self.between_deg / 2

    @property
    def copied(self) -> bool:
        """Whether the face counts as copied by itself."""
        return self.near and self.copy is not None and self.copy >= COPIED


def _measure(references: Embeddings, person: Person, trained: Embeddings, face: FaceEmbedding) -> FaceCopy:
    to_trained = _angles(face.embedding, trained)
    nearest = int(np.argmin(to_trained))
    to_held_out = _angles(face.embedding, references)
    between = _angles(trained[nearest], references)
    measure = (to_held_out - to_trained[nearest]) / np.maximum(between, LEAST_ANGLE)
    return FaceCopy(
        nearest=nearest,
        angle_deg=round(float(np.degrees(to_trained[nearest])), 2),
        by_reference=measure if person.held_out else None,
        between_deg=float(np.degrees(between.mean())),
    )


def _mean(of_faces: Mapping[str, FaceCopy], planned: Sequence[Planned]) -> Estimate:
    seeds = [
        [row for name in names if name in of_faces and (row := of_faces[name].by_reference) is not None]
        for names in by_seed(planned)
    ]
    if not (seeds := [rows for rows in seeds if rows]):
        return UNKNOWN
    weights = np.repeat(Resampler(SEEDS).counts(len(seeds)), [len(rows) for rows in seeds], axis=1)
    scores = np.vstack([row for rows in seeds for row in rows])
    photographs = Resampler(PHOTOGRAPHS).counts(scores.shape[1])
    return estimate(crossed_means(scores, weights, photographs), len(seeds))


def _angles(face: Embedding, others: Embeddings) -> Numbers:
    """Angles [M] in radians between SFace's embeddings."""
    return np.arccos(np.clip(SFACE.similarities(face[None], others)[0], -1, 1))
