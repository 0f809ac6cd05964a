"""Compares sides: the measures of each, and the differences from the first, paired by seed; in figures and in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from likeness.evaluate.adherence import share_followed
from likeness.evaluate.paired import Details, Difference, differences
from likeness.formatting import percent
from likeness.run import Run
from likeness.versions.sides import Side

MAX_VALUE = 80  # characters of a setting that are shown
PERCENT = (
    "share of the ceiling",
    "recognised",
    "leak of the name",
    "pictures with a face",
    "prompts followed",
)

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
        names = sorted({name for side in self.sides for name in side.settings})
        rows = [(name, [side.settings.get(name) for side in self.sides]) for name in names]
        return [
            (name, ["-" if value is None else _short(value) for value in values])
            for name, values in rows
            if any(value != values[0] for value in values)
        ]

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
        }


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
        "recognised": {
            one["key"]: [one["samples"]["recognised"], one["samples"]["of"]] for one in measures["embedders"]
        },
        "leak": {key: test and test["leak"]["value"] for key, test in tests.items()},
        "copied": copied["copied"] if copied["measured"] else None,
        "adherence": share_followed(measures["adherence"]["samples"]),
    }


def figure(row: Difference, value: float | None) -> str:
    """`72 %`, or `0.61` on an embedder's own scale; a dash where it is not known."""
    if value is None:
        return "-"
    return percent(value) if row.measure in PERCENT else f"{value:.2f}"


def interval(row: Difference) -> str:
    """`+5 (2 to 8)`: the difference with its interval, in points of a percentage or on the scale."""
    known = row.difference
    if known.value is None:
        return "-"
    share = row.measure in PERCENT

    def said(value: float) -> str:
        return f"{100 * value:+.0f}" if share else f"{value:+.2f}"

    if known.low is None or known.high is None:
        return said(known.value)
    return f"{said(known.value)} ({said(known.low)} to {said(known.high)})"


def verdict(name: str, first: str, found: Sequence[Difference]) -> str:
    """Which differences are sure, in one sentence."""
    if not found:
        return f"{name} and {first} have no picture of one prompt and seed to compare."
    figures = {
        one for row in found for one in (row.difference.value, row.difference.low, row.difference.high)
    }
    if figures <= {0.0, None} and 0.0 in figures:
        return f"{name} and {first} draw alike: every difference is zero."
    sure = [row for row in found if row.sure]
    if all(row.seeds < 2 for row in found):
        return f"Whether {name} or {first} is better cannot be told of one seed: evaluate both with several (evaluate.seeds)."
    if not sure:
        return f"No difference between {name} and {first} is sure: every interval that can be told has zero in it."
    words = [f"{row.measure}{f' by {row.by}' if row.by else ''} {interval(row)}" for row in sure]
    better = [wanted(row) for row in sure]
    judged = "better" if all(better) else "worse" if not any(better) else "better in some and worse in others"
    return f"{name} is surely {judged} than {first}: {'; '.join(words)}."


def wanted(row: Difference) -> bool:
    """Whether the second has more of what is wanted."""
    return ((row.difference.value or 0) > 0) == (row.better == "more")


def _short(value: Any) -> str:
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text if len(text) <= MAX_VALUE else f"{text[: MAX_VALUE - 3]}..."
