"""What a batch leaves behind: finished files under readable names, both manifests, the counts, and what was left out."""

import contextlib
import fcntl
import json
import shutil
import sys
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, cast

from likeness.digests import md5_file
from likeness.disk import discard, write_atomic, writing
from likeness.dvc_files import cached
from likeness.errors import DiskError, InputError, TransientError, on_terminal
from likeness.lazy import Spool, chosen
from likeness.pipeline.batch import Outcome
from likeness.pipeline.faults import BUG
from likeness.pipeline.manifest import Entry, Failure, Manifest, count_items, write_manifest

# Linux's ioctl that makes a file share another's blocks until one of them is written (man 2 ioctl_ficlone).
FICLONE = 0x40049409
PIECE_BYTES = 2**20
# So many reasons are told on a terminal with an example, each text in so many letters.
EXAMPLES, MAX_TOLD = 3, 200


def finish(
    stage: str,
    folder: Path,
    outcomes: Iterable[Outcome],
    *,
    failures: Iterable[Failure] = (),
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
    failed, seen = Spool(failures), _Seen()
    manifest = write_manifest(folder, _lay_out(folder, outcomes, failed, seen), failed)
    _write_counts(stage, counts, seen, manifest, spent_usd)
    _tell_failures(stage, folder, manifest)
    counted = [number for number, failure in enumerate(manifest.failures) if failure.kind != "skipped"]
    total = len(manifest.entries) + len(counted)
    if total and len(counted) / total > max_failure_ratio:
        raise InputError(
            f"{stage}: {len(counted)} of {total} items failed or were refused "
            f"({_reasons(chosen(manifest.failures, counted))}), "
            f"more than max_failure_ratio {max_failure_ratio}",
            reason="too-many-failures",
            remedy=f"read {folder}/failures.jsonl, mend the inputs, or raise {stage}.max_failure_ratio in conf/",
        )
    if seen.unfinished and not leave_unfinished:
        raise TransientError(
            f"{stage}: {len(seen.unfinished)} of {total} items are not finished: {', '.join(seen.unfinished[:5])} ...",
            reason="unfinished",
            remedy=f"run `dvc repro` again: what is finished is kept and costs nothing; {folder}/failures.jsonl says "
            "why. To go on without them, set items.leave_unfinished: true in conf/items/ and run `make params`",
        )
    return manifest


@dataclass
class _Seen:
    """What is told of outcomes; they lie in a file, and are read once."""

    made: int = 0
    reused: int = 0
    unfinished: list[str] = field(default_factory=list[str])

    def add(self, outcome: Outcome) -> None:
        self.made += not outcome.reused
        self.reused += outcome.reused
        if outcome.unfinished:
            self.unfinished.append(outcome.work.id)


def _lay_out(
    folder: Path, outcomes: Iterable[Outcome], failed: Spool[Failure], seen: _Seen
) -> Iterator[Entry]:
    """The entry of each item, whose files then lie there; the others are added to `failed`."""
    for outcome in outcomes:
        seen.add(outcome)
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
        yield entry


def _tell_failures(stage: str, folder: Path, manifest: Manifest) -> None:
    """On stderr: how many items are left out and why, and apart from that the faults of ours."""
    if not (failures := manifest.failures):
        return
    items = len(manifest.entries)
    told = [f"{stage}: {items} of {items + manifest.left_out.total()} go on"]
    if reasons := _reasons(failures):
        told.append(f"left out: {reasons}")
    if beside := sum(not failure.items for failure in failures):
        told.append(
            f"{beside} files beside them are not read" if beside > 1 else "1 file beside them is not read"
        )
    examples = f"{_examples(failures)}  {folder}/failures.jsonl says why, and what helps"
    sys.stderr.write(f"{'; '.join(told)}\n{examples}\n")
    if bugs := [failure.id for failure in failures if failure.reason == BUG]:
        sys.stderr.write(
            f"{stage}: {len(bugs)} items failed by a fault of likeness, not of the photographs: {', '.join(bugs[:5])}; "
            "please report it with the traceback above\n"
        )


def _reasons(failures: Sequence[Failure]) -> str:
    """`2 blurred, 1 no-face`."""
    reasons = count_items(failures, lambda failure: failure.reason)
    return ", ".join(f"{n} {reason}" for reason, n in reasons.most_common() if n)


def _examples(failures: Sequence[Failure]) -> str:
    """For each of the commonest reasons one item with what was said of it, and what helps."""
    first = {failure.reason: failure for failure in reversed(failures) if failure.items}
    common = count_items(failures, lambda failure: failure.reason).most_common(EXAMPLES)
    return "".join(_told(first[reason]) for reason, items in common if items)


def _told(one: Failure) -> str:
    named = one.detail.startswith((one.id, one.origin or one.id))
    what = one.detail if named else f"{one.id}: {one.detail}"
    return f"  {one.reason}: {_shortened(what)}; {_shortened(one.remedy)}\n"


def _shortened(words: str) -> str:
    words = on_terminal(words)
    return words if len(words) <= MAX_TOLD else words[:MAX_TOLD].rstrip() + " ..."


def write_text(path: Path, text: str) -> None:
    """Write a text as a new file, never through what stands there: DVC may have put a link into its cache in its place."""
    write_atomic(path, text.encode())


def materialize(stored: Path, path: Path) -> None:
    """Put a copy of a stored file at `path`, sharing its blocks where the file system can: a new file, as above.

    Never a hard link: an edit in place would change the store's file too.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    with writing(path, stored.stat().st_size):
        try:
            with stored.open("rb") as source, path.open("wb") as target:
                if not _share_blocks(source, target):
                    shutil.copyfileobj(source, target, PIECE_BYTES)
        except OSError:
            path.unlink(missing_ok=True)
            raise


def _share_blocks(source: BinaryIO, target: BinaryIO) -> bool:
    """Make the target share the source's blocks; False where the file system cannot."""
    with contextlib.suppress(OSError):
        fcntl.ioctl(target.fileno(), FICLONE, source.fileno())
        return True
    return False


def require_room_in_cache(outputs: Iterable[Path], cache: Path, *, linked: bool = False) -> None:
    """See that DVC can copy a stage's outputs into its cache; `linked`: it moves and links them where it can. Where it can't,
    it leaves halves there, names each file in a line, and goes on with the graph, to end with exit status 0.

    Raises:
        DiskError: too little is free.
    """
    outputs = list(outputs)
    files = [path for output in outputs for path in (output, *output.rglob("*")) if path.is_file()]
    place = next(folder for folder in (cache, *cache.absolute().parents) if folder.is_dir())
    if linked and place.stat().st_dev == Path().stat().st_dev:
        return
    if (free := shutil.disk_usage(place).free) >= sum(path.stat().st_size for path in files):
        return
    new = [path for path in files if not cached(cache, md5_file(path)).is_file()]
    size = sum(path.stat().st_size for path in new)
    if free >= size or _takes_clones(new[0], place):
        return
    kept = ", ".join(str(output) for output in outputs if output.exists())
    raise DiskError(
        f"{cache}: no space is left for DVC's copy of {kept}: it takes {size:,} bytes, {free:,} are free",
        remedy=DiskError.MORE_SPACE,
    )


def _takes_clones(path: Path, folder: Path) -> bool:
    """Whether a copy of the file in the folder shares its blocks, so that it takes no space: DVC makes it so where it can."""
    trial = folder / f".{uuid.uuid4().hex[:8]}.tmp"
    try:
        with path.open("rb") as source, trial.open("wb") as target:
            return _share_blocks(source, target)
    except OSError:
        return False
    finally:
        discard(trial)


def _write_counts(stage: str, path: Path, seen: _Seen, manifest: Manifest, spent_usd: float) -> None:
    kinds = manifest.left_out
    counts: dict[str, Any] = {
        "stage": stage,
        "items": len(manifest.entries),
        "made": seen.made,
        "reused": seen.reused,
        **{kind: kinds[kind] for kind in ("failed", "refused", "skipped")},
        "bugs": sum(failure.reason == BUG for failure in manifest.failures),
        "cost_usd": round(spent_usd, 6),
    }
    write_atomic(path, json.dumps(counts).encode())
