"""Compares sides: the measures of each, and the differences from the first, paired by seed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from likeness.evaluate.adherence import share_followed
from likeness.evaluate.paired import Details, Difference, differences
from likeness.run import Run
from likeness.versions.sides import Side, differing

if TYPE_CHECKING:  # what is told of evaluations that exist loads nothing that draws
    from likeness.evaluate.draw import Renderer
    from likeness.evaluate.face_embeddings import Finder


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Sides with their evaluations; `differences` has those of each side but the first from the first. `strength` is that of
    the LoRAs where they were drawn for this, None where evaluations that existed are compared."""

    persona: str
    sides: Sequence[Side]
    differences: Sequence[Sequence[Difference]]
    strength: float | None = None

    @property
    def settings(self) -> list[tuple[str, list[str]]]:
        """(setting, its value of each side) where they differ."""
        return differing(self.sides)

    def values(self) -> dict[str, Any]:
        """JSON values."""
        return {
            "persona": self.persona,
            "strength": self.strength,
            "sides": [
                {"name": side.name, "sha256": side.sha256, "version": side.version or None}
                | summary(side.details or {})
                for side in self.sides
            ],
            "settings": dict(self.settings),
            "differences": [
                {"of": side.name, "from": self.sides[0].name, "measures": [one.values() for one in found]}
                for side, found in zip(self.sides[1:], self.differences, strict=True)
            ],
        }  # fmt: skip


def compared(persona: str, sides: Sequence[Side], strength: float | None = None) -> Comparison:
    """Compare sides whose evaluations are known."""
    first, *others = (side.details or {} for side in sides)
    found = [differences(first, other) for other in others]
    return Comparison(persona=persona, sides=sides, differences=found, strength=strength)


def drawn(run: Run, renderer: "Renderer", sides: Sequence[Side], find: "Finder") -> Comparison:
    """Draw what the store lacks with each side's weights, by the settings at hand, and compare.

    Raises:
        InputError: weights do not fit the base, are not on this machine, or too many pictures were refused.
    """
    from likeness.evaluate.results import evaluate_weights  # loads what draws

    strength = run.config.evaluate.lora_scale
    made: list[Side] = []
    for number, side in enumerate(sides, start=1):
        folder = run.paths.compared(number, strength)
        details = evaluate_weights(run, renderer, side.weights(), find, folder)
        made.append(replace(side, details=details, picture=folder.joinpath))
    return compared(run.persona.name, made, strength)


def summary(details: Details) -> dict[str, Any]:
    """The figures of a side by themselves, on all its pictures: of each embedder, then of all."""
    measures: Mapping[str, Any] = details["measures"]
    tests = {one["key"]: one["name_test"] for one in measures["embedders"]}
    copied = measures["copying"]
    return {
        "share": {one["key"]: one["samples"]["share"] for one in measures["embedders"]},
        "recognised": {one["key"]: [one["samples"]["recognised"], one["samples"]["of"]] for one in measures["embedders"]},
        "leak": {key: test and test["leak"]["value"] for key, test in tests.items()},
        "copied": copied["copied"] if copied["measured"] else None,
        "adherence": share_followed(measures["adherence"]["samples"]),
    }  # fmt: skip
