"""resize: cut every image around its face to the training size.

reads   data/PERSONA/swapped/
writes  data/PERSONA/resized/
"""

from likeness.resize.items import works
from likeness.run import Run
from likeness.stage_input import read_judged
from likeness.stage_program import run


def main(run: Run) -> None:
    """One cut per image of the stage before; nothing is looked at again, the faces come from its manifest."""
    pictures, refused = read_judged(run, run.paths.swapped)
    run.finish(run.batch(works(run, pictures)), failures=refused)


if __name__ == "__main__":
    run("resize", main)
