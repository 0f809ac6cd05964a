"""resize: cut every image around its face to the training size.

reads   data/PERSONA/swapped/
writes  data/PERSONA/resized/
"""

from likeness.paths import image_name
from likeness.pipeline.batch import Outcome
from likeness.pipeline.manifest import Entry, read_manifest
from likeness.resize.items import IMAGE, resize_work, resized_entry
from likeness.run import Run, run
from likeness.store.items import Item


def main(run: Run) -> None:
    """One cut per image of the stage before; nothing is looked at again, the faces come from its manifest."""
    images = {entry.id: entry for entry in read_manifest(run.paths.swapped).entries}
    works = [resize_work(entry, run.paths.swapped, run.config.resize) for entry in images.values()]

    def line(outcome: Outcome, item: Item) -> tuple[Entry, dict[str, str]]:
        entry = images[outcome.work.id]
        name = image_name(run.persona.name, entry.source, entry.target, entry.rating, "resized", "png")
        return resized_entry(entry, item, name), {name: IMAGE}

    run.finish(run.paths.resized, run.batch(works), line)


if __name__ == "__main__":
    run("resize", main)
