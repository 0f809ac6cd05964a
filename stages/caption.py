"""caption: one sentence an image; what a person wrote in captions_override/ wins.

reads   data/PERSONA/enhanced/, data/PERSONA/captions_override/
writes  data/PERSONA/captions/
"""

from pathlib import Path

from likeness.caption.items import TEXT, caption_entry, caption_work, override_work
from likeness.caption.text import find_overrides
from likeness.pipeline.batch import Outcome
from likeness.pipeline.manifest import Entry, read_manifest
from likeness.run import Run, run
from likeness.store.items import Item


def main(run: Run) -> None:
    """Describe every enhanced image with the provider of conf/caption/, or take a person's own words."""
    places, persona, chosen = run.paths, run.persona, run.provider
    images = {entry.id: entry for entry in read_manifest(places.enhanced).entries}
    overrides, unknown = find_overrides(places.captions_override, list(images.values()))
    with chosen.opened(run.buyer) as captioner:
        works = [
            override_work(entry, overrides[entry.id], trigger=persona.trigger)
            if entry.id in overrides
            else caption_work(
                entry,
                places.enhanced,
                chosen,
                captioner,
                trigger=persona.trigger,
                class_word=persona.class_word,
            )
            for entry in images.values()
        ]
        outcomes = run.batch(works)

    def line(outcome: Outcome, item: Item) -> tuple[Entry, dict[str, str]]:
        entry = images[outcome.work.id]
        name = f"{Path(entry.file).stem}.txt"
        return caption_entry(entry, item, name), {name: TEXT}

    run.finish(places.captions, outcomes, line, failures=unknown)


if __name__ == "__main__":
    run("caption", main)
