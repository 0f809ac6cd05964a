"""swap: put the persona's face into the target photographs, and check that it is there.

reads   data/PERSONA/ingested/
writes  data/PERSONA/swapped/
"""

import json

import numpy as np
from hydra.utils import instantiate

from likeness.batch import Outcome, finish, run_batch
from likeness.config import Config, Persona
from likeness.errors import InputError
from likeness.faces import FaceAnalyzer
from likeness.items import Item
from likeness.manifest import Entry, read_manifest
from likeness.naming import Places, item_id
from likeness.safety.postcondition import SwapRules
from likeness.safety.rating import Rater
from likeness.swap.pairs import choose_pairs
from likeness.swap.work import Photo, SwapBench, keep_entry, keep_work, swap_entry, swap_work
from stages import run, store


def main(cfg: Config, persona: Persona) -> None:
    """Choose pairs, swap what the store lacks, refuse what fails the postcondition, add the sources themselves."""
    places = Places(persona.name)
    sources, targets = photos(places)
    pairs, skipped = choose_pairs(
        persona.name,
        {s: p.face for s, p in sources.items()},
        {t: p.face for t, p in targets.items()},
        cfg.swap,
    )
    bench = prepare(cfg, persona, places)
    made = {item_id(persona.name, s, t): (sources[s], targets[t]) for s, t in pairs}
    kept = (
        {item_id(persona.name, s, None): photo for s, photo in sources.items()}
        if cfg.swap.include_sources
        else {}
    )
    works = [keep_work(persona.name, photo) for photo in kept.values()]
    works += [swap_work(persona.name, *pair, bench) for pair in made.values()]
    if not works:
        raise InputError(f"swap: nothing to do for {persona.name}: no pair is within swap.limits", reason="no-pairs",
                         remedy=f"read {places.ingested}/failures.jsonl; add photos, or widen swap.limits in conf/")  # fmt: skip
    outcomes = run_batch("swap", works, store(cfg), workers=cfg.items.workers)

    def entry(outcome: Outcome, item: Item) -> tuple[Entry, dict[str, str]]:
        if outcome.work.id in kept:
            return keep_entry(persona.name, kept[outcome.work.id], item)
        return swap_entry(persona.name, *made[outcome.work.id], item, type(bench.swapper).__name__)

    ratio = cfg.swap.max_failure_ratio
    finish("swap", places.swapped, outcomes, entry, failures=skipped, max_failure_ratio=ratio)


def photos(places: Places) -> tuple[dict[str, Photo], dict[str, Photo]]:
    """Sources that are not held out, and targets, by label."""
    entries = read_manifest(places.ingested).entries
    sources = {e.source: Photo.read(e, places.ingested) for e in entries if e.source and not e.held_out}
    targets = {e.target: Photo.read(e, places.ingested) for e in entries if e.target}
    return sources, targets


def prepare(cfg: Config, persona: Persona, places: Places) -> SwapBench:
    """The provider and what judges its results."""
    face = json.loads((places.ingested / "persona.json").read_bytes())["embedding"]
    rules = SwapRules(
        to_persona_min=persona.similarity.swap_min,
        to_target_max=persona.similarity.target_max,
        review_explicit=cfg.ingest.review_explicit,
        max_explicit=cfg.ingest.max_explicit,
    )
    return SwapBench(
        swapper=instantiate(cfg.swap.provider),
        settings=cfg.swap.provider,
        persona=np.array(face, np.float32),
        rules=rules,
        max_bridge_contrast=cfg.swap.limits.max_bridge_contrast,
        analyzer=FaceAnalyzer(),
        rater=Rater(),
    )


if __name__ == "__main__":
    run("swap", main)
