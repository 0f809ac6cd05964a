"""enhance: twice the pixels.

reads   data/PERSONA/resized/
writes  data/PERSONA/enhanced/
"""

from likeness.config import Config, Persona
from likeness.enhance.items import IMAGE, enhance_work, enhanced_entry
from likeness.paths import PersonaPaths, image_name
from likeness.pipeline.batch import Outcome, finish, run_batch
from likeness.pipeline.manifest import Entry, read_manifest
from likeness.run import provider, run, store, till, workers
from likeness.store.items import Item


def main(cfg: Config, persona: Persona) -> None:
    """Enlarge every resized image with the provider of conf/enhance/."""
    places = PersonaPaths(persona.name)
    images = {entry.id: entry for entry in read_manifest(places.resized).entries}
    items, chosen = store(cfg), provider(cfg.enhance)
    shop = till(cfg, items, "enhance", persona)
    with chosen.opened(shop) as enhancer:
        works = [
            enhance_work(entry, places.resized, chosen, enhancer, cfg.enhance) for entry in images.values()
        ]
        outcomes = run_batch("enhance", works, items, workers=workers(cfg, cfg.enhance))

    def line(outcome: Outcome, item: Item) -> tuple[Entry, dict[str, str]]:
        entry = images[outcome.work.id]
        name = image_name(persona.name, entry.source, entry.target, entry.rating, "enhanced", "jpg")
        return enhanced_entry(entry, item, name, chosen.name), {name: IMAGE}

    finish(
        "enhance", places.enhanced, outcomes, line, max_failure_ratio=cfg.enhance.max_failure_ratio,
        leave_unfinished=cfg.items.leave_unfinished, spent_usd=shop.spending.spent_usd,
    )  # fmt: skip


if __name__ == "__main__":
    run("enhance", main)
