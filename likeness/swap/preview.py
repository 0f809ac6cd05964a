"""Swaps one pair before a whole run, with the stage's own provider, thresholds and gates.

What passes is kept in the item store, as the stage keeps it, so that a run makes it no second time and buys it no second time.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from likeness.errors import ConfigError, InputError
from likeness.formatting import format_usd
from likeness.pipeline.batch import Outcome, outcome_of
from likeness.pipeline.manifest import Failure
from likeness.purchases.prices import Quote
from likeness.run import Run
from likeness.stage_input import read_judged
from likeness.swap.choice import Chosen, choose
from likeness.swap.inputs import Photo, Photos, measure_photos, read_photos
from likeness.swap.items import IMAGE, works
from likeness.swap.pairs import choose_pairs
from likeness.swap.range import Candidate


@dataclass(frozen=True, kw_only=True)
class Preview:
    """The swap's picture, or why there is none; `in_run` says whether the stage would choose the pair."""

    source: Photo
    target: Photo
    picture: Path | None
    failure: Failure | None
    in_run: bool


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """The photographs that pairs are made of, and what is measured on each; read once for many previews."""

    sources: Photos
    targets: Photos
    candidates: Mapping[str, Candidate]


def pairs_of(run: Run) -> Pairs:
    """What ingest accepted.

    Raises:
        InputError: ingest has not run, or its files are not what its manifest says.
    """
    sources, targets = read_photos(read_judged(run, run.paths.ingested)[0])
    measured = measure_photos(sources, targets, run.items, run.config.items.workers, run.stop)
    return Pairs(sources=sources, targets=targets, candidates=measured)


def price(run: Run) -> Quote | None:
    """What one swap costs at most; None where nothing is bought."""
    return run.provider.quote(run.config.prices)


def preview(run: Run, pairs: Pairs, source: str, target: str, *, pay_usd: float = 0.0) -> Preview:
    """Swap one pair; `run` is at the stage swap, `pay_usd` the price that a person agreed to.

    Raises:
        InputError: there is no such photograph. ConfigError: it costs more than was agreed to.
        ConsentError: the record does not cover swaps. ProviderError: the provider does not answer.
    """
    run.require(*run.uses)
    for label, photos in ((source, pairs.sources), (target, pairs.targets)):
        if label not in photos:
            raise InputError(
                f"{label} is no photograph that ingest accepted",
                reason="unknown-photograph",
                remedy=f"take one of {', '.join(photos)}",
            )
    chosen = choose(run, pairs.sources, pairs.targets, pairs.candidates)
    one, other = pairs.sources[source], pairs.targets[target]
    in_run = (source, target) in chosen.pairs
    mine, theirs = {source: pairs.candidates[source]}, {target: pairs.candidates[target]}
    _, skipped = choose_pairs(run.persona.name, mine, theirs, run.config.swap)
    if skipped:
        return Preview(source=one, target=other, picture=None, failure=skipped[0], in_run=False)
    outcome = _swapped(run, replace(chosen, kept=[], pairs=[(source, target)]), pay_usd)
    picture = outcome.item.files[IMAGE].path if outcome.item else None
    return Preview(source=one, target=other, picture=picture, failure=outcome.failure, in_run=in_run)


def _swapped(run: Run, chosen: Chosen, pay_usd: float) -> Outcome:
    work = works(run, chosen)[0]
    if (item := run.items.get(work.key)) is not None and (known := outcome_of(work, item)) is not None:
        return known
    quote = price(run)
    if quote is not None and quote.usd > pay_usd:
        raise ConfigError(
            f"a swap by {run.provider.name} costs up to {format_usd(quote.usd)}, and you have not agreed to that price",
            reason="price-not-agreed",
            remedy=f"agree to it: --pay {quote.usd:g}",
        )
    with run.provider.opened(run.buyer) as swapper:
        return run.batch(works(run, chosen, swapper), workers=1)[0]
