"""A bounded map over items: what the store has is reused, the rest is made, stored at once and counted.

Results come back in the order they were asked for. At most `workers` items are in memory. An item that fails
leaves a line in failures.jsonl and the others go on; a refusal that depends only on content is remembered in the
store like a result. A key or an account that fails (AuthError, QuotaError), and a provider that nobody reached
(UnreachableError), stop the batch.
"""

import threading
import traceback
from array import array
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from likeness.digests import digests_of
from likeness.errors import (
    AuthError,
    DiskError,
    InputError,
    LikenessError,
    ProviderError,
    QuotaError,
    TransientError,
    UnreachableError,
)
from likeness.lazy import Lazy, Spool
from likeness.pipeline.faults import unforeseen
from likeness.pipeline.manifest import Entry, Failure
from likeness.progress import Progress
from likeness.store.cleaning import withhold
from likeness.store.items import WITHHELD, Item, ItemStore, Json

# What the store keeps of a refusal: all that follows from content.
REMEMBERED = {"kind", "reason", "detail", "remedy"}


@dataclass(frozen=True, kw_only=True)
class Made:
    """What one unit of work produced: finished files by name, and its record (`cost_usd` where paid)."""

    files: dict[str, bytes]
    record: dict[str, Json]


Line = tuple[Entry, Mapping[str, str]]


def _is_done(*_: Any) -> Any:
    raise AssertionError("its outcome is known")


def let_pass(record: Mapping[str, Json]) -> None:
    """The judge of work that has none of its own."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Work:
    """One unit of work: its readable id, its content key, how to make it when the store lacks it, and the labels of the
    photographs it is made from.

    `judge` raises InputError where what was measured does not pass today's gates: before anything is stored, and of what it
    refuses the store keeps the record alone.
    `line` gives what becomes of the stored item: its manifest line, and its files as {name in folder: name in item}; an
    InputError is a refusal under today's settings. `order` gives the key under which it is bought (None: not known),
    and is None where nothing is bought. `foreseen` is the item, where that can be told before it is made.
    """

    id: str
    key: str
    make: Callable[[], Made]
    source: str | None = None
    target: str | None = None
    judge: Callable[[Mapping[str, Json]], None] = let_pass
    line: Callable[[Item], Line] | None = None
    order: Callable[[], str | None] | None = None
    foreseen: Item | None = None

    def done(self) -> "Work":
        """What is left of it when its outcome is known."""
        line = self.line and _is_done
        return replace(
            self, key=str(self.key), make=_is_done, judge=let_pass, line=line, order=None, foreseen=None
        )

    def failure(self, cause: LikenessError) -> Failure:
        """The failures.jsonl line of an error."""
        return self.refused(cause.refusal)

    def refused(self, stored: Mapping[str, Any]) -> Failure:
        """The failures.jsonl line of a refusal as the store remembers it: by content, whatever the item is called."""
        return Failure(id=self.id, source=self.source, target=self.target, **stored)


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """Exactly one of `item` and `failure` is set; `reused` when the store had the answer; `unfinished` when the
    failure may not happen again; `trace` is the traceback of what nobody foresaw."""

    work: Work
    item: Item | None
    failure: Failure | None
    reused: bool
    unfinished: bool = False
    trace: str = ""


RunItem = Callable[[Work, ItemStore, Callable[[], bool]], Outcome | None]
"""As `run_one`; None once the batch has ended, which it may ask while it waits."""


def run_batch(
    stage: str,
    works: Sequence[Work],
    store: ItemStore,
    *,
    workers: int,
    stop: threading.Event | None = None,
    run_item: RunItem | None = None,
) -> Sequence[Outcome]:
    """Outcomes in the order of `works`, with progress on stderr; `run_item` makes them elsewhere than here. They lie in a file; a
    work is asked for once more where its outcome's line is.

    Raises:
        AuthError, QuotaError, UnreachableError, ConsentError: at once; what is finished stays in the store.
        TransientError: `stopped`: `stop` was set; what was running is finished and stored.
    """
    stop, broken = stop or threading.Event(), threading.Event()

    def ended() -> bool:
        return stop.is_set() or broken.is_set()

    made, places, refused = Spool[Outcome](), array("q", [-1]) * len(works), set[str]()
    waiting, counting = iter(enumerate(works)), threading.Lock()

    def make() -> None:
        while not ended():
            with counting:
                number, work = next(waiting, (0, None))
            if work is None:
                return
            try:
                outcome = run_one(work, store) if run_item is None else run_item(work, store, ended)
            except BaseException:
                broken.set()
                raise
            if outcome is not None:
                with counting:
                    places[number] = len(made)
                    made.append(replace(outcome, work=outcome.work.done()))
                    if outcome.reused and outcome.item is None:
                        refused.add(str(outcome.work.key))
                    if outcome.trace:
                        progress.line(f"{outcome.work.id}: {outcome.trace}")
                    progress.advance(outcome.work.id, _word(outcome))

    with Progress(stage, total=len(works)) as progress, ThreadPoolExecutor(max_workers=workers) as pool:
        try:
            # One task a worker: a task for each item would be more memory than its outcome.
            for worker in as_completed([pool.submit(make) for _ in range(min(workers, len(works)))]):
                worker.result()
        finally:
            broken.set()
    done = array("q", (number for number, place in enumerate(places) if place >= 0))

    def outcome_at(at: int) -> Outcome:
        outcome = made[places[done[at]]]
        return replace(
            outcome, work=replace(outcome.work, line=outcome.work.line and partial(_line, works, done[at]))
        )

    outcomes = Lazy(len(done), outcome_at)
    _withhold(refused, outcomes, store)
    if stop.is_set():
        raise TransientError(
            f"{stage}: stopped after {len(outcomes)} of {len(works)} items",
            reason="stopped",
            remedy="run `dvc repro` again: what is finished or ordered is kept",
        )
    return outcomes


def _line(works: Sequence[Work], number: int, item: Item) -> Line:
    work = works[number]
    assert work.line is not None
    return work.line(item)


def run_one(work: Work, store: ItemStore) -> Outcome:
    """The outcome of one unit of work, here and now.

    Raises:
        AuthError, QuotaError, UnreachableError, ConsentError, ConfigError: nothing is stored.
    """
    if (outcome := look_up(work, store)) is not None:
        return outcome
    item = failure = made = None
    unfinished, trace = False, ""
    try:
        made = work.make()
        work.judge(made.record)
    except InputError as error:
        failure, unfinished = work.failure(error), not error.repeats
        if made is not None:  # judged: another day's gates may judge otherwise, from the same figures
            store.put(work.key, {}, {**made.record, WITHHELD: digests_of(made.files)})
            return Outcome(work=work, item=None, failure=failure, reused=False)
        if error.repeats:
            refusal = failure.model_dump(mode="json", include=REMEMBERED)
            store.put(work.key, {}, {**error.measured, "refusal": refusal})
    except (AuthError, QuotaError, UnreachableError):
        raise
    except ProviderError as error:
        failure, unfinished = work.failure(error), isinstance(error, TransientError)
    except LikenessError:
        raise
    except Exception as error:  # whatever is raised on one item costs that item and no other
        if isinstance(error, OSError) and (full := DiskError.of(error)):
            raise full from error
        failure, trace = work.refused(unforeseen(error)), traceback.format_exc().rstrip()
    else:
        item = store.put(work.key, made.files, made.record)
    return Outcome(work=work, item=item, failure=failure, reused=False, unfinished=unfinished, trace=trace)


def look_up(work: Work, store: ItemStore) -> Outcome | None:
    """The outcome that the store knows, noted as used; None: it is to be made."""
    if (item := store.get(work.key, work.judge)) is None:
        return None
    store.touch(item)
    return outcome_of(work, item)


def outcome_of(work: Work, item: Item) -> Outcome | None:
    """The outcome of work that the store has: a refusal is stored like a result. None: it was refused and its files were
    not kept, today's gates let it pass, so it is to be made again."""
    record = item.record  # read here, once
    if (refusal := record.get("refusal")) is not None:
        return Outcome(work=work, item=None, failure=work.refused(refusal), reused=True)
    try:
        work.judge(record)
    except InputError as error:
        return Outcome(work=work, item=None, failure=work.failure(error), reused=True)
    if WITHHELD in record:
        return None
    return Outcome(work=work, item=item, failure=None, reused=True)


def _withhold(refused: Collection[str], outcomes: Iterable[Outcome], store: ItemStore) -> None:
    """Keep the record and not the files of what was stored when it passed, and is refused now under every name."""
    passed = {outcome.work.key for outcome in outcomes if outcome.item is not None} if refused else ()
    for key in {*refused}.difference(passed):
        withhold(key, store)


def _word(outcome: Outcome) -> str:
    if outcome.failure is not None:
        return f"{outcome.failure.kind}: {outcome.failure.reason}"
    return "reused" if outcome.reused else "made"
