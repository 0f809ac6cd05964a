"""Decides what the stage swap does: the photographs that pass unchanged, the pairs to swap, and what they are compared with."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from likeness.errors import InputError
from likeness.lazy import LazyMap
from likeness.pipeline.manifest import Failure, Manifest, read_manifest
from likeness.run import Run
from likeness.safety.floors import IdentityLimits
from likeness.safety.identity import Vectors, mean_of, vectors_of
from likeness.swap.inputs import Photos
from likeness.swap.pairs import Pair, choose_pairs
from likeness.swap.range import Candidate


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """The photographs by their labels, the persona's own that go down as they are, the pairs to swap, the persona's face and how
    like it a swap must be, and the pairs that are out of range."""

    sources: Photos
    targets: Photos
    kept: Sequence[str]
    pairs: Sequence[Pair]
    persona: Vectors
    limits: IdentityLimits
    skipped: Sequence[Failure]


def choose(run: Run, sources: Photos, targets: Photos, candidates: Mapping[str, Candidate]) -> Chosen:
    """What is to be done with the photographs; `candidates` has them by label. The persona's face is the mean of the sources',
    each verified against its manifest line."""
    cfg = run.config

    def of(photos: Photos) -> Mapping[str, Candidate]:
        return LazyMap(photos, candidates.__getitem__)

    pairs, skipped = choose_pairs(run.persona.name, of(sources), of(targets), cfg.swap)
    return Chosen(
        sources=sources,
        targets=targets,
        kept=list(sources) if cfg.swap.include_sources else [],
        pairs=pairs,
        persona=mean_of(vectors_of(photo.face) for photo in sources.values()),
        limits=run.identity_limits,
        skipped=skipped,
    )


def require_images(run: Run, swapped: Manifest, *, targets: int) -> None:
    """See that something goes on; where a person gave targets and no swap is left, say so.

    Raises:
        InputError: `no-images`.
    """
    if any(entry.target for entry in swapped.entries):
        return
    failures = read_manifest(run.paths.ingested).failures
    refused = sum(failure.items for failure in failures if failure.target is not None)
    if targets:
        why = f"no swap on the {targets} targets was possible and accepted"
    elif refused:
        why = f"none of the {refused} targets passed ingest ({run.paths.ingested}/failures.jsonl says why)"
    else:
        why = "there are no targets"
    if not swapped.entries:
        left_out = not run.config.swap.include_sources
        own = "are left out (swap.include_sources)" if left_out else "did not pass"
        raise InputError(
            f"{why}, and {run.persona.name}'s own photographs {own}",
            reason="no-images",
            remedy=("set swap.include_sources: true, or " if left_out else "")
            + f"read failures.jsonl in {run.paths.ingested} and {run.paths.swapped}, and add photographs",
        )
    if targets or refused:
        sys.stderr.write(f"swap: {why}: {run.persona.name}'s own photographs alone go on\n")
