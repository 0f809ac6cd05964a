"""A bounded map over items: what the store has is reused, the rest is made, stored at once and counted.

Results come back in the order they were asked for. At most `workers` items are in memory. An item that fails
leaves a line in failures.jsonl and the others go on; a refusal that depends only on content is remembered in the
store like a result. A key or an account that fails (AuthError, QuotaError) stops the batch.
"""

import contextlib
import fcntl
import json
import shutil
import sys
import threading
import traceback
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from likeness.errors import (
    AuthError,
    DiskError,
    InputError,
    LikenessError,
    ProviderError,
    QuotaError,
    TransientError,
)
from likeness.pipeline.manifest import Entry, Failure, Manifest, write_manifest
from likeness.progress import Progress
from likeness.store.items import Item, ItemStore, Json, write_atomic

# What the store keeps of a refusal: all that follows from content.
REMEMBERED = {"kind", "reason", "detail", "remedy"}

PACKAGE = Path(__file__).parents[1]
# The reason of an item that failed by a fault of ours.
BUG = "bug"
UNFORESEEN = {
    BUG: "this is a fault of likeness, not of the photo: report it with the traceback in the log",
    "unexpected": "the log has the traceback; leave the photo out, or report it with the traceback",
}

# Linux's ioctl that makes a file share another's blocks until one of them is written (man 2 ioctl_ficlone).
FICLONE = 0x40049409


@dataclass(frozen=True, kw_only=True)
class Made:
    """What one unit of work produced: finished files by name, and its record (`cost_usd` where paid)."""

    files: dict[str, bytes]
    record: dict[str, Json]


Line = tuple[Entry, Mapping[str, str]]


@dataclass(frozen=True, kw_only=True)
class Work:
    """One unit of work: its readable id, its content key, how to make it when the store lacks it, and the labels of the
    photographs it is made from.

    `line` gives what becomes of the stored item: its manifest line, and its files as {name in folder: name in item}; an
    InputError is a refusal under today's settings. `order` gives the key under which it is bought (None: not known),
    and is None where nothing is bought. `foreseen` is the item, where that can be told before it is made.
    """

    id: str
    key: str
    make: Callable[[], Made]
    source: str | None = None
    target: str | None = None
    line: Callable[[Item], Line] | None = None
    order: Callable[[], str | None] | None = None
    foreseen: Item | None = None

    def failure(self, cause: LikenessError) -> Failure:
        """The failures.jsonl line of an error."""
        kind = cause.kind if isinstance(cause, InputError) else "failed"
        return self.refused(
            {"kind": kind, "reason": cause.reason, "detail": cause.message, "remedy": cause.remedy}
        )

    def refused(self, stored: Mapping[str, Any]) -> Failure:
        """The failures.jsonl line of a refusal as the store remembers it: by content, whatever the item is called."""
        return Failure(id=self.id, source=self.source, target=self.target, **stored)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Exactly one of `item` and `failure` is set; `reused` when the store had the answer; `unfinished` when the
    failure may not happen again."""

    work: Work
    item: Item | None
    failure: Failure | None
    reused: bool
    unfinished: bool = False


def run_batch(
    stage: str,
    works: Sequence[Work],
    store: ItemStore,
    *,
    workers: int,
    stop: threading.Event | None = None,
) -> list[Outcome]:
    """Outcomes in the order of `works`, with progress on stderr.

    Raises:
        AuthError, QuotaError, ConsentError: at once; what is finished stays in the store.
        TransientError: `stopped`: `stop` was set; what was running is finished and stored.
    """
    stop, broken = stop or threading.Event(), threading.Event()

    def make(work: Work) -> Outcome | None:
        if stop.is_set() or broken.is_set():
            return None
        try:
            return run_one(work, store)
        except BaseException:
            broken.set()
            raise

    with Progress(stage, total=len(works)) as progress, ThreadPoolExecutor(max_workers=workers) as pool:
        futures = [pool.submit(make, work) for work in works]
        try:
            for future in as_completed(futures):
                if (outcome := future.result()) is not None:
                    progress.advance(outcome.work.id, _word(outcome))
        except BaseException:
            broken.set()
            raise
    outcomes = [outcome for future in futures if (outcome := future.result()) is not None]
    if stop.is_set():
        raise TransientError(
            f"{stage}: stopped after {len(outcomes)} of {len(works)} items",
            reason="stopped",
            remedy="run `dvc repro` again: what is finished or ordered is kept",
        )
    return outcomes


def run_one(work: Work, store: ItemStore) -> Outcome:
    """The outcome of one unit of work, here and now.

    Raises:
        AuthError, QuotaError, ConsentError, ConfigError: nothing is stored.
    """
    if (item := store.get(work.key)) is not None:
        store.touch(item)
        return outcome_of(work, item)
    item = failure = None
    unfinished = False
    try:
        made = work.make()
    except InputError as error:
        failure = work.failure(error)
        store.put(work.key, {}, {"refusal": failure.model_dump(mode="json", include=REMEMBERED)})
    except (AuthError, QuotaError):
        raise
    except ProviderError as error:
        failure, unfinished = work.failure(error), isinstance(error, TransientError)
    except LikenessError:
        raise
    except Exception as error:  # whatever is raised on one item costs that item and no other
        if isinstance(error, OSError) and (full := DiskError.of(error)):
            raise full from error
        sys.stderr.write(f"{work.id}: {traceback.format_exc()}")
        failure = work.refused(_unforeseen(error))
    else:
        item = store.put(work.key, made.files, made.record)
    return Outcome(work=work, item=item, failure=failure, reused=False, unfinished=unfinished)


def _unforeseen(error: Exception) -> dict[str, str]:
    """What nobody foresaw: a fault of likeness where one of its own lines raised one of Python's errors, else what a
    library says of this item."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    pythons = type(error).__module__ == "builtins" and not isinstance(error, OSError | MemoryError)
    reason = BUG if pythons and Path(frame.filename).is_relative_to(PACKAGE) else "unexpected"
    return {
        "kind": "failed",
        "reason": reason,
        "detail": f"{type(error).__name__}: {error} ({Path(frame.filename).name}:{frame.lineno})",
        "remedy": UNFORESEEN[reason],
    }


def outcome_of(work: Work, item: Item) -> Outcome:
    """The outcome of work that the store has: a refusal is stored like a result."""
    if (refusal := item.record.get("refusal")) is None:
        return Outcome(work=work, item=item, failure=None, reused=True)
    return Outcome(work=work, item=None, failure=work.refused(refusal), reused=True)


def finish(
    stage: str,
    folder: Path,
    outcomes: Sequence[Outcome],
    *,
    failures: Sequence[Failure] = (),
    max_failure_ratio: float,
    counts: Path,
    leave_unfinished: bool = False,
    spent_usd: float = 0.0,
) -> Manifest:
    """Lay the finished files into `folder` under readable names and write manifest.jsonl and failures.jsonl.

    `counts` is the file, outside every stage's outputs, where the numbers of what was made, reused and refused are kept.

    Raises:
        InputError: more than `max_failure_ratio` of the items failed or were refused (skipped ones don't count);
            the folder and both files are complete when it is raised.
        TransientError: some items failed in a way that may pass, and `leave_unfinished` is not set: DVC would
            take the stage for done and never try them again.
    """
    entries: list[Entry] = []
    failed = list(failures)
    for outcome in outcomes:
        if outcome.item is None:
            failed.append(cast(Failure, outcome.failure))
            continue
        assert outcome.work.line is not None, f"{outcome.work.id} has no line in a manifest"
        try:
            entry, files = outcome.work.line(outcome.item)
        except InputError as error:
            failed.append(outcome.work.failure(error))
            continue
        for name, stored in files.items():
            materialize(outcome.item.files[stored].path, folder / name)
        entries.append(entry)
    manifest = write_manifest(folder, entries, failed)
    _write_counts(stage, counts, outcomes, manifest, spent_usd)
    if failed:
        sys.stderr.write(
            f"{stage}: {len(entries)} of {len(entries) + len(failed)} go on; left out: {_reasons(failed)}\n"
            f"  {folder}/failures.jsonl says why, and what helps\n"
        )
    if bugs := [failure.id for failure in failed if failure.reason == BUG]:
        sys.stderr.write(
            f"{stage}: {len(bugs)} items failed by a fault of likeness, not of the photographs: {', '.join(bugs[:5])}; "
            "please report it with the traceback above\n"
        )
    counted = [failure for failure in failed if failure.kind != "skipped"]
    total = len(entries) + len(counted)
    if total and len(counted) / total > max_failure_ratio:
        raise InputError(
            f"{stage}: {len(counted)} of {total} items failed or were refused ({_reasons(counted)}), "
            f"more than max_failure_ratio {max_failure_ratio}",
            reason="too-many-failures",
            remedy=f"read {folder}/failures.jsonl, mend the inputs, or raise {stage}.max_failure_ratio in conf/",
        )
    unfinished = [outcome.work.id for outcome in outcomes if outcome.unfinished]
    if unfinished and not leave_unfinished:
        raise TransientError(
            f"{stage}: {len(unfinished)} of {total} items are not finished: {', '.join(unfinished[:5])} ...",
            reason="unfinished",
            remedy=f"run `dvc repro` again: what is finished is kept and costs nothing; {folder}/failures.jsonl says "
            "why. To go on without them, set items.leave_unfinished: true in conf/items/ and run `make params`",
        )
    return manifest


def _reasons(failures: Sequence[Failure]) -> str:
    """`2 blurred, 1 no-face`."""
    return ", ".join(f"{n} {reason}" for reason, n in Counter(f.reason for f in failures).most_common())


def materialize(stored: Path, path: Path) -> None:
    """Put a copy of a stored file at `path`, sharing its blocks where the file system can.

    Never a hard link: an edit in place would change the store's file too.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    try:
        with stored.open("rb") as source, path.open("wb") as target:
            fcntl.ioctl(target.fileno(), FICLONE, source.fileno())
    except OSError:
        shutil.copyfile(stored, path)


def _word(outcome: Outcome) -> str:
    if outcome.failure is not None:
        return f"{outcome.failure.kind}: {outcome.failure.reason}"
    return "reused" if outcome.reused else "made"


def _write_counts(
    stage: str, path: Path, outcomes: Sequence[Outcome], manifest: Manifest, spent_usd: float
) -> None:
    kinds = Counter(failure.kind for failure in manifest.failures)
    counts: dict[str, Any] = {
        "stage": stage,
        "items": len(manifest.entries),
        "made": sum(not outcome.reused for outcome in outcomes),
        "reused": sum(outcome.reused for outcome in outcomes),
        **{kind: kinds[kind] for kind in ("failed", "refused", "skipped")},
        "bugs": sum(failure.reason == BUG for failure in manifest.failures),
        "cost_usd": round(spent_usd, 6),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, json.dumps(counts).encode())
