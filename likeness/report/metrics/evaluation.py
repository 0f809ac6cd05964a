"""What the evaluation measured."""

from likeness.report.collect import Collected
from likeness.report.metrics import Metric


def _likeness(got: Collected) -> str | None:
    mean = got.evaluation.groups["swaps"].mean
    return None if mean is None else f"{mean:.2f}"


def _effect(got: Collected) -> str | None:
    effect = got.evaluation.lora_effect
    return None if effect is None else f"{effect:.1f}"


METRICS = (
    Metric(words="likeness of the swaps to held-out photographs", place="head", read=_likeness),
    Metric(words="mean change of a pixel by the LoRA, of 255", place="samples", read=_effect),
)
