"""What the training set is made of."""

from array import array
from collections import Counter
from collections.abc import Sequence

from likeness.dataset.quality import enlargements
from likeness.report.collect import Collected
from likeness.report.metrics import Metric


def _kinds(got: Collected) -> str:
    images = got.steps["lora_training"].entries
    own = sum(entry.target is None for entry in images)
    return f": {own} photographs, {len(images) - own} swaps"


def _left_out(got: Collected) -> Counter[str]:
    return sum((manifest.left_out for manifest in got.steps.values()), Counter[str]())


def _left_out_kinds(got: Collected) -> str:
    kinds = _left_out(got)
    return f": {', '.join(f'{kinds[kind]} {kind}' for kind in ('refused', 'skipped', 'failed'))}"


def _factors(got: Collected) -> Sequence[float]:
    """How many times each image's crop was enlarged; at most 1: its own pixels."""
    return array("d", enlargements(got.steps["lora_training"].entries, got.steps["resized"].entries))


def _own_pixels(got: Collected) -> str:
    factors = _factors(got)
    return f"{sum(factor <= 1 for factor in factors)} of {len(factors)}"


def _enlarged(got: Collected) -> str:
    most = max(_factors(got), default=1)
    return f"; the others enlarged once, {most:.2g} times at most" if most > 1 else ""


METRICS = (
    Metric(
        words="training images",
        place="dataset",
        read=lambda got: str(len(got.steps["lora_training"].entries)),
        note=_kinds,
    ),
    Metric(
        words="left out",
        place="dataset",
        read=lambda got: str(_left_out(got).total()),
        note=_left_out_kinds,
    ),
    Metric(
        words="training images show the photograph's own pixels",
        place="dataset",
        read=_own_pixels,
        note=_enlarged,
    ),
)
