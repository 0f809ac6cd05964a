"""A comparison in words: figures, intervals, and the sentence that sums them up."""

from collections.abc import Sequence

from likeness.evaluate.paired import Difference

PERCENT = (
    "share of the ceiling",
    "recognised",
    "leak of the name",
    "pictures with a face",
    "prompts followed",
)


def figure(row: Difference, value: float | None) -> str:
    """`72 %`, or `0.61` on an embedder's own scale; a dash where it is not known."""
    if value is None:
        return "-"
    return f"{100 * value:.0f} %" if row.measure in PERCENT else f"{value:.2f}"


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
