"""The page's words for slugs and numbers, and what it does not show."""

from collections.abc import Mapping

from likeness.formatting import format_usd
from likeness.report.collect import Evaluation

# Photographs refused for these reasons may be shown again: what is wrong with them is technical. Everything
# else (explicit, apparent minors, strangers, photographs without a licence) stays out of sight.
SHOWABLE = frozenset({"no-face", "too-small", "blurred", "exact-duplicate", "near-duplicate"})

GROUP_WORDS: Mapping[str, tuple[str, str]] = {
    "held_out": ("Held-out photographs", "compared with each other"),
    "photographs": ("Own photographs", "in the training set"),
    "swaps": ("Swapped images", "in the training set"),
    "samples_with": ("Samples with the LoRA", "prompts with the name"),
    "samples_without": ("Samples of the base", "prompts with the name"),
    "unnamed_with": ("Class word alone, with the LoRA", "prompts with the class word alone"),
    "unnamed_without": ("Class word alone, base", "prompts with the class word alone"),
    "targets": ("The target people", "other people"),
}


def reason_words(reason: str) -> str:
    """`near-duplicate` as `Near duplicate`."""
    return reason.replace("-", " ").capitalize()


def bin_words(name: str) -> str:
    """`15_30` as `15-30°`, the open last bin as `over 30°`."""
    low, high = name.split("_")
    return f"over {low}°" if float(high) >= 90 else f"{low}-{high}°"


def number_words(value: float) -> str:
    """`485,376` or `1.131`."""
    return f"{value:,.0f}" if value.is_integer() else f"{value:.4g}"


def usd(value: float) -> str:
    """Money, with a dash for nothing."""
    return format_usd(value) if value else "-"


def verdict(evaluation: Evaluation) -> list[str]:
    """The identity scores in plain sentences; where one is missing, that is sentences instead."""
    groups = {name: group.mean for name, group in evaluation.groups.items()}
    ceiling, floor = groups.get("held_out"), groups.get("targets")
    sentences: list[str] = []
    if ceiling is not None and floor is not None:
        sentences.append(
            f"On this set the same person scores {ceiling:.2f} and other people {floor:.2f}: a score means "
            "something only between these two."
        )
    for name, what in (("photographs", "Own photographs"), ("swaps", "Swapped images")):
        if (mean := groups.get(name)) is not None:
            sentences.append(
                f"{what} in the training set score {mean:.2f} on average{_place(mean, floor, ceiling)}."
            )
    if (mean := groups.get("samples_with")) is not None:
        without = groups.get("samples_without")
        beside = f", {without:.2f} without the LoRA" if without is not None else ""
        sentences.append(
            f"Samples drawn with the LoRA score {mean:.2f}{beside}{_place(mean, floor, ceiling)}."
        )
    return [*sentences, *evaluation.notes]


def _place(mean: float, floor: float | None, ceiling: float | None) -> str:
    """Where a mean lies between strangers and the persona herself."""
    if floor is None or ceiling is None or ceiling - floor < 0.05:
        return ""
    share = (mean - floor) / (ceiling - floor)
    if share >= 0.85:
        return ", as close as the persona's own photographs are to each other"
    if share >= 0.5:
        return ", nearer to the persona than to other people"
    if share >= 0.15:
        return ", nearer to other people than to the persona"
    return ", no closer than other people"
