"""From faces and pictures to metrics.json (flat, for `dvc metrics`) and details.json (for the report)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from likeness.evaluate.identity import FaceEmbedding, Identity, against

# The sets that are compared with the held-out photographs, in the order people read them.
GROUPS = (
    "held_out", "photographs", "swaps", "samples_with", "samples_without", "unnamed_with", "unnamed_without", "targets",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Faces:
    """The largest faces found in a set of `images` images; `counts` says how many faces each has."""

    images: int
    embeddings: Sequence[FaceEmbedding]
    counts: Mapping[str, int] = field(default_factory=dict[str, int])


MOST_PHOTOGRAPHS = 500
"""Of more held-out photographs, others or strangers so many are compared, evenly from all of them: pairs grow with the square."""


@dataclass(frozen=True, kw_only=True)
class Person:
    """What the samples are compared with: reference photographs, the person's other photographs, and strangers."""

    references: Sequence[FaceEmbedding]
    others: Sequence[FaceEmbedding]
    strangers: Sequence[FaceEmbedding]
    held_out: bool

    @staticmethod
    def of(sets: Mapping[str, Faces]) -> "Person":
        """Of the faces of the ingested photographs."""
        held, rest, strangers = (
            _evenly(sets[name].embeddings) for name in ("held_out", "sources", "targets")
        )
        return Person(
            references=held or rest, others=rest if held else (), strangers=strangers, held_out=bool(held)
        )


def _evenly(faces: Sequence[FaceEmbedding]) -> list[FaceEmbedding]:
    count = min(len(faces), MOST_PHOTOGRAPHS)
    return [faces[number * len(faces) // count] for number in range(count)]


@dataclass(frozen=True, kw_only=True)
class CheckpointScore:
    """How like the person the LoRA of a training step draws at a strength: mean similarity of the `faces` found in `images`."""

    step: int
    strength: float
    images: int
    faces: int
    similarity: float | None


def best_checkpoint(scores: Sequence[CheckpointScore]) -> CheckpointScore | None:
    """The most alike of those that draw a face as often as any; of equals the earlier."""
    most = max((score.faces / max(1, score.images) for score in scores), default=0.0)
    judged = [s for s in scores if s.similarity is not None and s.faces / max(1, s.images) == most]
    return max(judged, key=lambda score: (score.similarity or 0.0, -score.step), default=None)


def at_one_strength(found: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The steps of training in a details.json whose similarity is known, at the strength of its samples; an older one has one."""
    scale = found.get("drawn_with", {}).get("lora_scale")
    return [
        one
        for one in found.get("checkpoints", ())
        if one["similarity"] is not None and one.get("strength") == scale
    ]


def identities(groups: Mapping[str, Faces]) -> dict[str, Identity]:
    """Every group scored against the group `held_out` (the held-out photographs against each other); where none is held out,
    against all photographs."""
    references = Person.of(groups).references
    return {name: against(references, groups[name].embeddings, images=groups[name].images) for name in GROUPS}


def flat_metrics(
    scores: Mapping[str, Identity], *, lora_effect: float | None, refused: int
) -> dict[str, float | int | None]:
    """metrics.json; a mean is null where there is no face to judge."""
    flat: dict[str, float | int | None] = {"lora_effect": lora_effect, "samples_refused": refused}
    for name, identity in scores.items():
        flat[f"identity_{name}"] = identity.mean
        flat[f"face_share_{name}"] = round(identity.face_share, 4)
    return flat


def notes(scores: Mapping[str, Identity], *, lora_effect: float | None) -> list[str]:
    """What the numbers do not say by themselves, in sentences."""
    sentences: list[str] = []
    if not scores["held_out"].faces:
        sentences.append(
            "No photograph is held out: the samples are compared with the photographs that were trained on, so a copy "
            "scores high. Name some under `held_out` in conf/persona/."
        )
    with_lora = scores["samples_with"]
    if not with_lora.faces:
        sentences.append(
            f"No face was found in the {with_lora.images} samples drawn with the LoRA, so their likeness "
            "cannot be measured. The base tiny_random cannot draw people; this says nothing about the LoRA on another."
        )
    elif with_lora.face_share < 1:
        sentences.append(
            f"A face was found in {with_lora.faces} of the {with_lora.images} samples drawn with the LoRA; "
            "the others do not count in the mean."
        )
    if lora_effect == 0.0:
        sentences.append("The LoRA changed no pixel of any sample: it was not trained, or it was not loaded.")
    return sentences


def details(
    scores: Mapping[str, Identity],
    samples: Sequence[Mapping[str, Any]],
    checkpoints: Sequence[CheckpointScore],
    measures: Mapping[str, Any],
    *,
    lora_effect: float | None,
) -> dict[str, Any]:
    """details.json: the groups with every image's score, the samples, the steps of training, the measures, and the notes."""
    return {
        "lora_effect": lora_effect,
        "groups": {
            name: vars(one) | {"face_share": round(one.face_share, 4)} for name, one in scores.items()
        },
        "samples": list(samples),
        "checkpoints": [vars(score) for score in checkpoints],
        "measures": dict(measures),
        "notes": notes(scores, lora_effect=lora_effect),
    }
