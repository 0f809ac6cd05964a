"""What the evaluation measured."""

from collections.abc import Mapping
from typing import Any, cast

from likeness.formatting import percent
from likeness.report.collect import Collected
from likeness.report.metrics import Metric
from likeness.report.outcome import interval


def _first(got: Collected) -> Mapping[str, Any]:
    """The first embedder's measures."""
    return (got.evaluation.measures or {"embedders": [{}]})["embedders"][0]


def _leak(got: Collected) -> str | None:
    leak = cast(Any, _first(got).get("name_test") or {}).get("leak")
    return percent(leak["value"]) + interval(leak) if leak and leak["value"] is not None else None


def _copied(got: Collected) -> str | None:
    copied = (got.evaluation.measures or {}).get("copying")
    return f"{copied['copied']} of {copied['of']}" if copied and copied["of"] else None


def _copy(got: Collected) -> str | None:
    copied = (got.evaluation.measures or {}).get("copying")
    return None if not copied or copied["mean"]["value"] is None else f"{copied['mean']['value']:.2f}"


def _effect(got: Collected) -> str | None:
    effect = got.evaluation.lora_effect
    return None if effect is None else f"{effect:.1f}"


METRICS = (
    Metric(
        words="leak: what of the LoRA's effect comes without the name; below 0, less than the base",
        place="likeness",
        read=_leak,
    ),
    Metric(words="drawn pictures that repeat a training picture", place="likeness", read=_copied),
    Metric(
        words="copy-paste measure (arXiv:2510.14975; 0 is none, 1 is a copy)", place="likeness", read=_copy
    ),
    Metric(words="mean change of a pixel by the LoRA, of 255", place="samples", read=_effect),
)
