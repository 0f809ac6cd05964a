"""Bootstrap intervals, and the threshold that separates the scores of one person from those of strangers.

A pair of pictures is no independent observation: the same photograph stands in many pairs. So whole photographs and whole
seeds are drawn again, never pairs. Percentiles of few units are too narrow; they are widened by Student's t.
Source: T. Hesterberg, "What Teachers Should Know About the Bootstrap", The American Statistician 69 (2015), section 5.3
(expanded percentile interval).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, stdtrit  # pyright: ignore[reportMissingTypeStubs]

RESAMPLES = 2000
CONFIDENCE = 0.95

Numbers = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A figure with its 95 % interval; None: it cannot be told."""

    value: float | None
    low: float | None
    high: float | None


UNKNOWN = Estimate(value=None, low=None, high=None)


class Resampler:
    """Draws units again, with replacement; the same stream and order of calls give the same draws."""

    def __init__(self, stream: int) -> None:
        self._random = np.random.default_rng(stream)

    def counts(self, units: int) -> Numbers:
        """How often each unit is drawn, [RESAMPLES + 1, units]; the first row is the data itself, each unit once."""
        if not units:
            return np.empty((RESAMPLES + 1, 0))
        drawn = self._random.multinomial(units, np.full(units, 1 / units), size=RESAMPLES)
        return np.vstack([np.ones(units), drawn]).astype(np.float64)


def crossed_means(scores: Numbers, rows: Numbers, columns: Numbers) -> Numbers:
    """Mean of scores [R, C] in each draw, [B]: rows and columns weighted by their counts [B, R] and [B, C]. A NaN is no score;
    a draw without a score is NaN."""
    known = np.isfinite(scores)
    sums = np.einsum("br,rc,bc->b", rows, np.where(known, scores, 0.0), columns, optimize=True)
    weights = np.einsum("br,rc,bc->b", rows, known.astype(np.float64), columns, optimize=True)
    return np.divide(sums, weights, out=np.full(len(sums), np.nan), where=weights > 0)


def estimate(draws: Numbers, units: int) -> Estimate:
    """The first of the draws [B] with the interval of the others; `units` is how many were drawn again, one has no interval."""
    value = rounded(draws[0])
    spread = draws[1:][np.isfinite(draws[1:])]
    if value is None or units < 2 or not len(spread):
        return Estimate(value=value, low=None, high=None)
    t = float(stdtrit(units - 1, (1 + CONFIDENCE) / 2))
    tail = float(ndtr(-t * np.sqrt(units / (units - 1))))
    low, high = np.quantile(spread, [tail, 1 - tail])
    return Estimate(value=value, low=rounded(low), high=rounded(high))


@dataclass(frozen=True, kw_only=True)
class Threshold:
    """From which score on a face counts as the person's: `origin` says where it comes from, `false_accepts` and `false_rejects`
    are the shares of strangers above and of the person's own pairs below; `eer` is where both would be equal."""

    value: float
    origin: str
    false_accepts: float | None = None
    false_rejects: float | None = None
    eer: float | None = None
    area_under_roc: float | None = None
    same_pairs: int
    stranger_pairs: int


def calibrate(
    same: Sequence[float], strangers: Sequence[float], *, false_accept_rate: float, published: float
) -> Threshold:
    """The threshold at the stated false-accept rate; where there are too few strangers to tell such a rate, that of equal
    errors; where one of the sets is empty, the `published` one."""
    own, other = np.sort(np.asarray(same, np.float64)), np.sort(np.asarray(strangers, np.float64))
    if not len(own) or not len(other):
        lacks = "no pictures of strangers" if len(own) else "not enough photographs"
        origin = f"published: there are {lacks} to calibrate on"
        return Threshold(value=published, origin=origin, same_pairs=len(own), stranger_pairs=len(other))
    candidates = _between(np.concatenate([own, other]))
    accepted, rejected = len(other) - np.searchsorted(other, candidates), np.searchsorted(own, candidates)
    accepts, rejects = accepted / len(other), rejected / len(own)
    apart = np.abs(accepted * len(own) - rejected * len(other))  # whole numbers: ties are ties
    equal = np.flatnonzero(apart == apart.min())
    at = int(equal[len(equal) // 2])
    eer = float(accepts[at] + rejects[at]) / 2
    if len(other) * false_accept_rate >= 1:
        at = int(np.flatnonzero(accepts <= false_accept_rate)[0])
        origin = f"calibrated to take at most {100 * false_accept_rate:g} % of the pairs with a stranger for the persona"
    else:
        origin = (
            f"calibrated to err equally often both ways, since {len(other)} pairs with a stranger are too few for a false-accept "
            f"rate of {100 * false_accept_rate:g} %"
        )
    return Threshold(
        value=round(float(candidates[at]), 4),
        origin=origin,
        false_accepts=round(float(accepts[at]), 4),
        false_rejects=round(float(rejects[at]), 4),
        eer=round(eer, 4),
        area_under_roc=round(_area(own, other), 4),
        same_pairs=len(own),
        stranger_pairs=len(other),
    )


def _between(scores: Numbers) -> Numbers:
    """Below, between and above the scores: every threshold that parts them otherwise."""
    values = np.unique(scores)
    return np.concatenate([values[:1] - 1e-6, (values[1:] + values[:-1]) / 2, values[-1:] + 1e-6])


def _area(own: Numbers, other: Numbers) -> float:
    """How often a pair of the person scores above one of strangers; a tie is half."""
    below, upto = np.searchsorted(other, own, side="left"), np.searchsorted(other, own, side="right")
    return float(np.mean((below + upto) / 2)) / len(other)


def rounded(value: float) -> float | None:
    """As metrics are written; None for what is no number."""
    return round(float(value), 4) if np.isfinite(value) else None
