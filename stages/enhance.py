"""enhance: twice the pixels.

reads   data/PERSONA/resized/
writes  data/PERSONA/enhanced/
"""

from hydra.utils import instantiate

from likeness.batch import Outcome, finish, run_batch
from likeness.config import Config, Persona
from likeness.enhance.work import IMAGE, enhance_work, enhanced_entry
from likeness.items import Item
from likeness.manifest import Entry, read_manifest
from likeness.naming import Places, image_name
from stages import run, store


def main(cfg: Config, persona: Persona) -> None:
    """Enlarge every resized image with the provider of conf/enhance/."""
    places = Places(persona.name)
    images = {entry.id: entry for entry in read_manifest(places.resized).entries}
    with instantiate(cfg.enhance.provider) as enhancer:
        works = [enhance_work(entry, places.resized, enhancer, cfg.enhance) for entry in images.values()]
        outcomes = run_batch("enhance", works, store(cfg), workers=cfg.items.workers)

    def line(outcome: Outcome, item: Item) -> tuple[Entry, dict[str, str]]:
        entry = images[outcome.work.id]
        name = image_name(persona.name, entry.source, entry.target, entry.rating, "enhanced", "jpg")
        return enhanced_entry(entry, item, name, enhancer.name), {name: IMAGE}

    finish("enhance", places.enhanced, outcomes, line, max_failure_ratio=cfg.enhance.max_failure_ratio)


if __name__ == "__main__":
    run("enhance", main)
