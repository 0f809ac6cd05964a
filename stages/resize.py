"""resize: cut every image around its face to the training size.

reads   data/PERSONA/swapped/
writes  data/PERSONA/resized/
"""

from likeness.config import Config, Persona
from likeness.paths import PersonaPaths, image_name
from likeness.pipeline.batch import Outcome, finish, run_batch
from likeness.pipeline.manifest import Entry, read_manifest
from likeness.resize.items import IMAGE, resize_work, resized_entry
from likeness.run import run, store
from likeness.store.items import Item


def main(cfg: Config, persona: Persona) -> None:
    """One cut per image of the stage before; nothing is looked at again, the faces come from its manifest."""
    places = PersonaPaths(persona.name)
    images = {entry.id: entry for entry in read_manifest(places.swapped).entries}
    works = [resize_work(entry, places.swapped, cfg.resize) for entry in images.values()]
    outcomes = run_batch("resize", works, store(cfg), workers=cfg.items.workers)

    def line(outcome: Outcome, item: Item) -> tuple[Entry, dict[str, str]]:
        entry = images[outcome.work.id]
        name = image_name(persona.name, entry.source, entry.target, entry.rating, "resized", "png")
        return resized_entry(entry, item, name), {name: IMAGE}

    finish("resize", places.resized, outcomes, line, max_failure_ratio=cfg.resize.max_failure_ratio)


if __name__ == "__main__":
    run("resize", main)
