"""resize: cut every image around its face to the training size.

reads   data/PERSONA/swapped/
writes  data/PERSONA/resized/
"""

from likeness.pipeline.verified import read_pictures
from likeness.resize.items import works
from likeness.run import Run
from likeness.stage_program import run


def main(run: Run) -> None:
    """One cut per image of the stage before; nothing is looked at again, the faces come from its manifest."""
    pictures = read_pictures(run.paths.swapped)
    run.finish(run.batch(works(run, pictures)))


if __name__ == "__main__":
    run("resize", main)
