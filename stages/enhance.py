"""enhance: twice the pixels.

reads   data/PERSONA/resized/
writes  data/PERSONA/enhanced/
"""

from likeness.enhance.items import IMAGE, enhance_work, enhanced_entry
from likeness.paths import image_name
from likeness.pipeline.batch import Outcome
from likeness.pipeline.manifest import Entry, read_manifest
from likeness.run import Run, run
from likeness.store.items import Item


def main(run: Run) -> None:
    """Enlarge every resized image with the provider of conf/enhance/."""
    chosen, resized = run.provider, run.paths.resized
    images = {entry.id: entry for entry in read_manifest(resized).entries}
    with chosen.opened(run.buyer) as enhancer:
        outcomes = run.batch(
            [enhance_work(entry, resized, chosen, enhancer, run.config.enhance) for entry in images.values()]
        )

    def line(outcome: Outcome, item: Item) -> tuple[Entry, dict[str, str]]:
        entry = images[outcome.work.id]
        name = image_name(run.persona.name, entry.source, entry.target, entry.rating, "enhanced", "jpg")
        return enhanced_entry(entry, item, name, chosen.name), {name: IMAGE}

    run.finish(run.paths.enhanced, outcomes, line)


if __name__ == "__main__":
    run("enhance", main)
