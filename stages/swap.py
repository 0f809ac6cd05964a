"""swap: put the persona's face into the target photographs, and check that it is there.

reads   data/PERSONA/ingested/
writes  data/PERSONA/swapped/
"""

import shutil

from likeness.errors import InputError
from likeness.faces import FaceAnalyzer
from likeness.paths import item_id
from likeness.pipeline.batch import Outcome
from likeness.pipeline.manifest import Entry
from likeness.run import Run, run
from likeness.safety.rating import Rater
from likeness.store.items import Item
from likeness.swap.inputs import measured, read_photos
from likeness.swap.items import (
    SwapContext,
    SwapThresholds,
    judged,
    keep_entry,
    keep_work,
    swap_entry,
    swap_work,
)
from likeness.swap.pairs import choose_pairs


def main(run: Run) -> None:
    """Choose pairs, swap what the store lacks, refuse what fails the postcondition, add the sources."""
    places, cfg, persona, name = run.paths, run.config, run.persona, run.persona.name
    sources, targets = read_photos(places.ingested)
    candidates = measured({**sources, **targets}, run.items, cfg.items.workers, run.stop)
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
    standards = SwapThresholds.of(
        places.persona_face.read_bytes(),
        swap_min=persona.similarity.swap_min, target_max=persona.similarity.target_max,
        review_explicit=cfg.ingest.review_explicit, max_explicit=cfg.ingest.max_explicit,
    )  # fmt: skip
    chosen = run.provider
    with chosen.opened(run.buyer) as swapper:
        bench = SwapContext(
            identity=chosen.identity(), swapper=swapper, max_explicit=cfg.ingest.max_explicit,
            analyzer=FaceAnalyzer(), rater=Rater(),
        )  # fmt: skip
        works = [keep_work(name, photo) for photo in kept.values()]
        works += [swap_work(name, source, target, bench) for source, target in made.values()]
        outcomes = run.batch(works)
    outcomes = [judged(o, made[o.work.id][1], standards) if o.work.id in made else o for o in outcomes]

    def entry(outcome: Outcome, item: Item) -> tuple[Entry, dict[str, str]]:
        if outcome.work.id in kept:
            return keep_entry(name, kept[outcome.work.id], item)
        return swap_entry(name, *made[outcome.work.id], item, standards, provider=chosen.name)

    shutil.rmtree(places.swapped, ignore_errors=True)
    run.finish(places.swapped, outcomes, entry, failures=skipped)


if __name__ == "__main__":
    run("swap", main)
