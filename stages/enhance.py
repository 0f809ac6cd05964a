"""enhance: twice the pixels.

reads   data/PERSONA/resized/
writes  data/PERSONA/enhanced/
"""

from likeness.enhance.items import works
from likeness.pipeline.verified import read_pictures
from likeness.run import Run
from likeness.stage_program import run


def main(run: Run) -> None:
    """Enlarge every resized image with the provider of conf/enhance/."""
    pictures = read_pictures(run.paths.resized)
    with run.provider.opened(run.buyer) as enhancer:
        outcomes = run.batch(works(run, pictures, enhancer))
    run.finish(outcomes)


if __name__ == "__main__":
    run("enhance", main)
