"""The plan: the stages' own works, looked up in the item store and not made.

What is stored gives the next stage's pictures, and these its keys. What is to do in one stage is to do in all that
follow, at most: some of it may be refused. Where ingest has not seen a raw file yet, only the numbers of files are known,
and the most that can come of them. The light on a photo is measured here while no swap has asked for it yet.
"""

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from likeness.caption import items as caption
from likeness.caption.refused import without_refused
from likeness.caption.text import find_overrides
from likeness.enhance import items as enhance
from likeness.errors import InputError
from likeness.ingest import choice as ingest
from likeness.ingest.analyse import FACE, PHOTO
from likeness.pipeline.batch import Work, outcome_of
from likeness.pipeline.stage import BY_NAME
from likeness.pipeline.verified import Picture
from likeness.purchases.history import seconds_an_item
from likeness.purchases.prices import Quote
from likeness.resize import items as resize
from likeness.run import Run
from likeness.store.items import Item
from likeness.swap import choice as swap
from likeness.swap.inputs import Photo, Photos, by_role, traits_key
from likeness.swap.items import works as swap_works
from likeness.swap.lighting import Traits, measure
from likeness.swap.range import Candidate

# Items looked up at a time: files to read and hash, or a team's store to ask.
LOOKS_AT_ONCE = 8

Image = Picture | str
"""A picture that is stored, or the id of one that is still to be made ("" where not even that is known)."""


@dataclass(frozen=True, kw_only=True)
class StagePlan:
    """What one stage has to do: items, calls that cost money, what they cost, and what it takes (None: unknown).
    `at_most`: it may turn out to be less."""

    stage: str
    items: int
    reused: int
    to_do: int
    calls: int
    usd: float
    seconds: float | None
    at_most: bool


class Planner:
    """The way of one persona's photographs from stage to stage; `exact` once ingest has measured all of them."""

    def __init__(self, run: Run) -> None:
        self._run, self._plans, self.exact = run, list[StagePlan](), True

    def stages(self) -> list[StagePlan]:
        """What each stage from ingest to caption has to do.

        Raises:
            ConfigError, ConsentError: ingest would not start.
        """
        images = self._swap(self._ingest())
        images = self._next("resize", images, resize.works)
        images = self._next("enhance", images, enhance.works)
        self._caption(images)
        return self._plans

    def _ingest(self) -> swap.Chosen | tuple[int, int]:
        """What swap does, or the most photographs and pairs that it can have."""
        run = self._run.at("ingest")
        reading = ingest.read(run)
        items = self._look([work.key for work in reading.works])
        self._add(run, len(items), items.count(None))
        looked_up = zip(reading.works, items, strict=True)
        outcomes = [
            outcome
            for work, item in looked_up
            if item is not None and (outcome := outcome_of(work, item)) is not None
        ]
        self.exact = len(outcomes) == len(items)
        if self.exact:
            return self._choose(ingest.choose(run, reading, outcomes))
        cfg = run.config.swap
        sources = sum(raw.role == "source" and not raw.held_out for raw in reading.raws)
        targets = sum(raw.role == "target" for raw in reading.raws)
        most = sources if cfg.pairs == "all" else min(sources, cfg.sources_per_target)
        return sources if cfg.include_sources else 0, targets * most

    def _choose(self, accepted: ingest.Chosen) -> swap.Chosen:
        photos: list[Photo] = []
        for outcome in accepted.accepted:
            assert outcome.item is not None
            assert outcome.work.line is not None
            entry, _ = outcome.work.line(outcome.item)
            files, pixels = outcome.item.files, str(outcome.item.record["pixels_sha256"])
            photos.append(Photo.read(entry, files[PHOTO].path, files[FACE].path, pixels))
        sources, targets = by_role([photo.entry for photo in photos], photos.__getitem__)
        candidates = self._candidates({**sources, **targets})
        return swap.choose(self._run, sources, targets, candidates)

    def _candidates(self, photos: Photos) -> dict[str, Candidate]:
        """What the choice of pairs looks at; measuring a photo takes a moment and costs nothing."""
        items = self._look([traits_key(photo) for photo in photos.values()])
        return {
            label: Candidate(
                face=photo.face,
                traits=measure(photo.portrait()) if item is None else Traits.model_validate(item.record),
            )
            for (label, photo), item in zip(photos.items(), items, strict=True)
        }

    def _swap(self, chosen: swap.Chosen | tuple[int, int]) -> list[Image]:
        run = self._run.at("swap")
        if isinstance(chosen, swap.Chosen):
            return self._after(run, swap_works(run, chosen), ())
        kept, pairs = chosen
        self._add(run, kept + pairs, kept + pairs, [None] * pairs)
        return [""] * (kept + pairs)

    def _next(
        self, stage: str, images: Sequence[Image], works: Callable[[Run, Sequence[Picture]], Sequence[Work]]
    ) -> list[Image]:
        run, pictures = self._run.at(stage), [one for one in images if isinstance(one, Picture)]
        return self._after(run, works(run, pictures), [one for one in images if isinstance(one, str)])

    def _caption(self, images: Sequence[Image]) -> None:
        run = self._run.at("caption")
        pictures, _ = without_refused(run, [one for one in images if isinstance(one, Picture)])
        overrides, _ = find_overrides(run.paths.captions_override, [one.entry for one in pictures])
        awaited = [one for one in images if isinstance(one, str)]
        written = caption.awaited_works(run, awaited)
        for work in written:
            awaited.remove(work.id)
        works = [*caption.works(run, pictures, overrides), *written]
        self._after(run, works, awaited, at_most=bool(written))

    def _after(
        self, run: Run, works: Sequence[Work], awaited: Sequence[str], *, at_most: bool = False
    ) -> list[Image]:
        """The images after a stage; what it is known to refuse goes no further."""
        items = self._look([work.key for work in works])
        missing = [work for work, item in zip(works, items, strict=True) if item is None]
        orders: list[str | None] = [None] * len(awaited)
        if _quote(run) is not None:  # else no picture need be read
            orders += [work.order() for work in missing if work.order is not None]
        self._add(
            run,
            len(works) + len(awaited),
            len(missing) + len(awaited),
            orders,
            at_most=at_most or bool(awaited),
        )
        after: list[Image] = [*awaited, *(work.id for work in missing if work.foreseen is None)]
        for work, stored in zip(works, items, strict=True):
            item = stored or work.foreseen
            outcome = item and outcome_of(work, item)
            if outcome is None or outcome.item is None or work.line is None:
                continue
            item = outcome.item
            try:
                entry, files = work.line(item)
            except InputError:  # refused under today's settings
                continue
            after.append(Picture(entry, item.files[files[entry.file]].path))
        return after

    def _add(
        self, run: Run, items: int, to_do: int, orders: Sequence[str | None] = (), *, at_most: bool = False
    ) -> None:
        """`orders` are the keys of the purchases that missing items need; None where it is not known, so that it counts
        as not bought."""
        quote, calls, usd = _quote(run), 0, 0.0
        if quote is None:
            each = seconds_an_item(run.repository, run.stage, run.persona.name, run.worker)
            seconds = 0.0 if to_do == 0 else None if each is None else each * to_do
        else:
            stored = zip(orders, self._look(orders), strict=True)
            buy = sum(item is None and not self._is_ordered(order) for order, item in stored)
            calls, usd = buy * quote.calls, buy * quote.usd
            seconds = math.ceil(buy / run.provider.in_flight) * quote.seconds
            at_most = at_most or None in orders
        self._plans.append(
            StagePlan(
                stage=run.stage,
                items=items,
                reused=items - to_do,
                to_do=to_do,
                calls=calls,
                usd=usd,
                seconds=seconds,
                at_most=at_most,
            )
        )

    def _is_ordered(self, order: str | None) -> bool:
        """Whether it was ordered and not delivered yet: then its price is already reserved."""
        return order is not None and self._run.items.orders.pending(order) is not None

    def _look(self, keys: Sequence[str | None]) -> list[Item | None]:
        """The stored items of keys; None for what is not stored and for a key that is not known."""

        def get(key: str | None) -> Item | None:
            return None if key is None else self._run.items.get(key)

        with ThreadPoolExecutor(LOOKS_AT_ONCE) as pool:
            return list(pool.map(get, keys))


def _quote(run: Run) -> Quote | None:
    """What one item of the stage takes; None where nothing is bought."""
    if not BY_NAME[run.stage].provider:
        return None
    return run.provider.quote(run.config.prices)
