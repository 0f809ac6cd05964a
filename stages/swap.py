"""swap: put the persona's face into the target photographs, and check that it is there.

reads   data/PERSONA/ingested/
writes  data/PERSONA/swapped/
"""

import shutil
from itertools import chain

from likeness.run import Run
from likeness.stage_input import read_judged
from likeness.stage_program import run
from likeness.swap.choice import choose, require_images
from likeness.swap.inputs import measure_photos, read_photos
from likeness.swap.items import works


def main(run: Run) -> None:
    """Choose pairs, swap what the store lacks, refuse what fails the postcondition, add the sources."""
    judged, refused = read_judged(run, run.paths.ingested)
    sources, targets = read_photos(judged)
    candidates = measure_photos(sources, targets, run.items, run.config.items.workers, run.stop)
    chosen = choose(run, sources, targets, candidates)
    with run.provider.opened(run.buyer) as swapper:
        outcomes = run.batch(works(run, chosen, swapper))
    shutil.rmtree(run.paths.swapped, ignore_errors=True)
    swapped = run.finish(outcomes, failures=chain(refused, chosen.skipped))
    require_images(run, swapped, targets=len(targets))


if __name__ == "__main__":
    run("swap", main)
