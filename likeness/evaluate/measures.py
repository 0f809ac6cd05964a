"""All that is measured on the samples, as details.json has it: by embedder, then copying, variety, adherence and faces; and
whether the trigger draws the person, and not every prompt."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from likeness.evaluate import EvaluateConfig
from likeness.evaluate.adherence import CUT_TO_FACE, adherence, followed_by_image, share_followed
from likeness.evaluate.ceiling import Scale, binned, described_set, seed_means
from likeness.evaluate.copying import copying
from likeness.evaluate.embedders import EMBEDDERS, Embedder
from likeness.evaluate.evaluation import Faces, Person
from likeness.evaluate.identity import FaceEmbedding
from likeness.evaluate.looks import Look
from likeness.evaluate.samples import Planned
from likeness.evaluate.statistics import Numbers, estimate
from likeness.evaluate.variety import variety
from likeness.lazy import joined

Place = tuple[str, int, bool]
"""Prompt, seed, whether with the LoRA."""


def name_test(
    scale: Scale, scores: Mapping[str, Numbers], planned: Sequence[Planned], twins: Sequence[tuple[str, str]]
) -> dict[str, Any] | None:
    """The figures of one embedder; None where no prompt has a twin without the name, or no seed drew a face in both.

    Args:
        scores: similarities to each reference, by image.
        twins: prompts with and without the name.
    """
    rows = {(one.prompt, one.seed, one.lora): scores[one.id] for one in planned if one.id in scores}
    if not (trios := name_trios((one.seed for one in planned), rows, twins)):
        return None
    # Equal numbers of seeds are drawn alike: the means are paired.
    (with_name, units), (class_word, _), (untaught, _) = (
        seed_means(rows, way, scale.counts) for way in by_way(trios)
    )
    added, leak = with_name - untaught, leaks(with_name, class_word, untaught)
    return {
        "seeds": len(trios),
        "named": asdict(estimate(with_name, units)),
        "class_word": asdict(estimate(class_word, units)),
        "base": asdict(estimate(untaught, units)),
        "gain": asdict(estimate(with_name - class_word, units)),
        "leak": asdict(estimate(leak, units)) if added[0] > 0 else {"value": None, "low": None, "high": None},
    }


def name_trios(
    seeds: Iterable[int], places: Iterable[Place], twins: Sequence[tuple[str, str]]
) -> list[list[tuple[Place, Place, Place]]]:
    """By seed, of each two prompts with and without the name, the places of the pictures drawn three ways: with the name and with
    the class word by the LoRA, and with the class word by the base; where all three are among `places`."""
    drawn = set(places)
    trios = [
        [
            trio
            for with_name, plain in twins
            if drawn.issuperset(trio := ((with_name, seed, True), (plain, seed, True), (plain, seed, False)))
        ]
        for seed in dict.fromkeys(seeds)
    ]
    return [found for found in trios if found]


def by_way(trios: Sequence[Sequence[tuple[Place, Place, Place]]]) -> list[list[list[Place]]]:
    """The places of each of the three ways, by seed."""
    return [[[trio[way] for trio in found] for found in trios] for way in range(3)]


def leaks(with_name: Numbers, class_word: Numbers, untaught: Numbers) -> Numbers:
    """The leak in each draw [B]; NaN where the LoRA adds nothing that could leak."""
    added = with_name - untaught
    return np.divide(class_word - untaught, added, out=np.full(len(added), np.nan), where=added > 0)


LARGEST_FACE_PX = 100_000.0


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What was found: faces of each set, looks of the samples and of the training images, and the samples that were written.
    `cut_to_face`: training sees squares around the faces alone."""

    sets: Mapping[str, Faces]
    looks: Mapping[str, Look]
    trained: Mapping[str, Look]
    planned: Sequence[Planned]
    named: Sequence[str]
    twins: Sequence[tuple[str, str]]
    cut_to_face: bool = False

    @property
    def unjudged(self) -> frozenset[str]:
        """Facets of prompts in which nothing can be followed."""
        return CUT_TO_FACE if self.cut_to_face else frozenset()

    @property
    def trained_faces(self) -> Sequence[FaceEmbedding]:
        """Those of the training images."""
        return joined(self.sets["photographs"].embeddings, self.sets["swaps"].embeddings)

    def samples(self, *, lora: bool) -> list[Planned]:
        """The written samples whose prompts name the person."""
        return [one for one in self.planned if one.lora == lora and one.prompt in self.named]


def measured(options: EvaluateConfig, seen: Seen, by: Sequence[Embedder] = EMBEDDERS) -> dict[str, Any]:
    """The measures as JSON values."""
    person = Person.of(seen.sets)
    with_lora = seen.samples(lora=True)
    drawn = [seen.looks[one.id] for one in with_lora if one.id in seen.looks]
    untaught = [seen.looks[one.id] for one in seen.samples(lora=False) if one.id in seen.looks]
    scales = [Scale(one, person, false_accept_rate=options.false_accept_rate) for one in by]
    return {
        "references": {"held_out": person.held_out, "photographs": len(person.references)},
        "embedders": [_by(scale, seen, options) for scale in scales],
        "faces": _counts(seen.sets["samples_with"]),
        "copying": copying(
            person,
            seen.trained_faces,
            seen.sets["samples_with"].embeddings,
            seen.trained,
            seen.looks,
            with_lora,
        ),
        "variety": variety({"samples": drawn, "base": untaught, "training": seen.trained.values()}),
        "adherence": {
            "samples": adherence(with_lora, seen.looks, seen.unjudged),
            "base": adherence(seen.samples(lora=False), seen.looks, seen.unjudged),
            "by_image": followed_by_image(with_lora, seen.looks, seen.unjudged),
        },
    }


def _by(scale: Scale, seen: Seen, options: EvaluateConfig) -> dict[str, Any]:
    """What one embedder says."""
    faces = seen.sets["samples_with"]
    samples = described_set(scale, faces, seen.samples(lora=True))
    yaws = {face.id: face.yaw_deg for face in faces.embeddings}
    sides = {face.id: face.side_px for face in faces.embeddings}
    drawn = [
        face
        for name in ("samples", "unnamed")
        for end in ("with", "without")
        for face in seen.sets[f"{name}_{end}"].embeddings
    ]
    scores = scale.scores(drawn)
    return {
        "name": scale.embedder.name,
        "label": scale.embedder.label,
        "key": scale.embedder.key,
        "scale": scale.embedder.scale,
        "chooses": scale.embedder.chooses,
        "ceiling": asdict(scale.ceiling),
        "strangers": asdict(scale.strangers),
        "threshold": asdict(scale.threshold),
        "samples": samples,
        "base": described_set(scale, seen.sets["samples_without"], seen.samples(lora=False)),
        "scores": {name: _finite(row) for name, row in scores.items()},
        "by_yaw": binned(scale, samples["by_image"], yaws, options.yaw_edges_deg, 90.0),
        "by_face_px": binned(scale, samples["by_image"], sides, options.face_edges_px, LARGEST_FACE_PX),
        "name_test": name_test(scale, scores, seen.planned, seen.twins),
    }


def _finite(row: Numbers) -> list[float | None]:
    """JSON has no NaN."""
    return [round(float(value), 4) if np.isfinite(value) else None for value in row]


def _counts(faces: Faces) -> dict[str, int]:
    """In how many of the samples there is no face, one, or several."""
    found = list(faces.counts.values())
    return {
        "none": found.count(0),
        "one": found.count(1),
        "several": sum(count > 1 for count in found),
        "of": faces.images,
    }


def flat(measures: Mapping[str, Any]) -> dict[str, float | int | None]:
    """The measures that metrics.json has, for `dvc metrics`."""
    found: dict[str, float | int | None] = {}
    for one in measures["embedders"]:
        key, samples, name = one["key"], one["samples"], one["name_test"] or dict[str, Any]()
        found |= _interval(f"{key}_share_of_ceiling", samples["share"])
        found |= {f"{key}_ceiling": one["ceiling"]["value"], f"{key}_threshold": one["threshold"]["value"]}
        found |= {f"{key}_recognised": samples["recognised"], f"{key}_eer": one["threshold"]["eer"]}
        found |= _interval(f"{key}_name_gain", name.get("gain", {}))
        found |= _interval(f"{key}_leak", name.get("leak", {}))
    counts, copied = measures["faces"], measures["copying"]
    return found | {
        "samples_faceless": counts["none"],
        "samples_several_faces": counts["several"],
        "copy": copied["mean"]["value"],
        "copied": copied["copied"],
        "adherence": share_followed(measures["adherence"]["samples"]),
    }


def _interval(name: str, estimate: Mapping[str, Any]) -> dict[str, float | None]:
    ends = {"": "value", "_low": "low", "_high": "high"}
    return {f"{name}{end}": estimate.get(figure) for end, figure in ends.items()}
