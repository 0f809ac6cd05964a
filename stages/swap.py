"""swap: put the persona's face into the target photographs, and check that it is there.

reads   data/PERSONA/ingested/
writes  data/PERSONA/swapped/
"""

import json
import shutil

import numpy as np

from likeness.batch import Outcome, finish, run_batch
from likeness.config import Config, Persona
from likeness.errors import InputError
from likeness.faces import FaceAnalyzer
from likeness.items import Item, ItemStore
from likeness.manifest import Entry, read_manifest
from likeness.naming import Places, item_id
from likeness.safety.postcondition import SwapRules
from likeness.safety.rating import Rater
from likeness.swap import Swapper, SwapProvider
from likeness.swap.pairs import Candidate, choose_pairs
from likeness.swap.work import (
    Photo,
    SwapBench,
    judged,
    keep_entry,
    keep_work,
    swap_entry,
    swap_work,
    traits_of,
    traits_work,
)
from stages import provider, run, store, till, workers


def main(cfg: Config, persona: Persona) -> None:
    """Choose pairs, swap what the store lacks, refuse what fails the postcondition, add the sources."""
    places, items, name = Places(persona.name), store(cfg), persona.name
    sources, targets = photos(places)
    candidates = measured({**sources, **targets}, items, cfg.items.workers)
    pairs, skipped = choose_pairs(
        name, {label: candidates[label] for label in sources}, {t: candidates[t] for t in targets}, cfg.swap
    )
    kept = {item_id(name, s, None): photo for s, photo in sources.items() if cfg.swap.include_sources}
    made = {item_id(name, s, t): (sources[s], targets[t]) for s, t in pairs}
    if not kept and not made:
        raise InputError(
            f"swap: nothing to do for {name}: no pair is within swap.limits",
            reason="no-pairs",
            remedy=f"read {places.ingested}/failures.jsonl; add photos, or widen swap.limits in conf/",
        )
    chosen, shop = provider(cfg.swap), till(cfg, items, "swap", persona)
    with chosen.opened(shop) as swapper:
        bench = prepare(cfg, persona, places, chosen, swapper)
        works = [keep_work(name, photo) for photo in kept.values()]
        works += [swap_work(name, source, target, bench) for source, target in made.values()]
        outcomes = run_batch("swap", works, items, workers=workers(cfg, cfg.swap))
    outcomes = [judged(o, made[o.work.id][1], bench) if o.work.id in made else o for o in outcomes]

    def entry(outcome: Outcome, item: Item) -> tuple[Entry, dict[str, str]]:
        if outcome.work.id in kept:
            return keep_entry(name, kept[outcome.work.id], item)
        return swap_entry(name, *made[outcome.work.id], item, bench)

    shutil.rmtree(places.swapped, ignore_errors=True)
    finish(
        "swap", places.swapped, outcomes, entry, failures=skipped, max_failure_ratio=cfg.swap.max_failure_ratio,
        leave_unfinished=cfg.items.leave_unfinished, spent_usd=shop.spending.spent_usd,
    )  # fmt: skip


def photos(places: Places) -> tuple[dict[str, Photo], dict[str, Photo]]:
    """Sources that are not held out, and targets, by label."""
    entries = read_manifest(places.ingested).entries
    sources = {e.source: Photo.read(e, places.ingested) for e in entries if e.source and not e.held_out}
    targets = {e.target: Photo.read(e, places.ingested) for e in entries if e.target}
    return sources, targets


def measured(photos: dict[str, Photo], items: ItemStore, workers: int) -> dict[str, Candidate]:
    """What the choice of pairs looks at, by label."""
    outcomes = run_batch(
        "swap: light", [traits_work(photo) for photo in photos.values()], items, workers=workers
    )
    return {
        label: Candidate(face=photo.face, traits=traits_of(outcome))
        for (label, photo), outcome in zip(photos.items(), outcomes, strict=True)
    }


def prepare(
    cfg: Config, persona: Persona, places: Places, chosen: SwapProvider, swapper: Swapper
) -> SwapBench:
    """The swapper and what judges its results."""
    face = json.loads((places.ingested / "persona.json").read_bytes())["embedding"]
    similarity = persona.similarity
    return SwapBench(
        provider=chosen.name,
        identity=chosen.identity(),
        swapper=swapper,
        persona=np.array(face, np.float32),
        rules=SwapRules(to_persona_min=similarity.swap_min, to_target_max=similarity.target_max),
        review_explicit=cfg.ingest.review_explicit,
        max_explicit=cfg.ingest.max_explicit,
        analyzer=FaceAnalyzer(),
        rater=Rater(),
    )


if __name__ == "__main__":
    run("swap", main)
