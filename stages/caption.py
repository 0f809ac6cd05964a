"""caption: one sentence an image; what a person wrote in captions_override/ wins, and what one refused there gets none.

reads   data/PERSONA/enhanced/, data/PERSONA/captions_override/
writes  data/PERSONA/captions/
"""

from itertools import chain

from likeness.caption.items import works
from likeness.caption.refused import without_refused
from likeness.caption.text import find_overrides
from likeness.run import Run
from likeness.stage_input import read_judged
from likeness.stage_program import run


def main(run: Run) -> None:
    """Describe every enhanced image with the provider of conf/caption/, or take a person's own words."""
    judged, refused = read_judged(run, run.paths.enhanced)
    pictures, by_hand = without_refused(run, judged)
    overrides, unknown = find_overrides(run.paths.captions_override, (one.entry for one in pictures))
    with run.provider.opened(run.buyer) as captioner:
        outcomes = run.batch(works(run, pictures, overrides, captioner))
    run.finish(outcomes, failures=chain(refused, by_hand, unknown))


if __name__ == "__main__":
    run("caption", main)
