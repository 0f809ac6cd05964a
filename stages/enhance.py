"""enhance: twice the pixels.

reads   data/PERSONA/resized/
writes  data/PERSONA/enhanced/
"""

from likeness.enhance.items import works
from likeness.run import Run
from likeness.stage_input import read_judged
from likeness.stage_program import run


def main(run: Run) -> None:
    """Enlarge every resized image with the provider of conf/enhance/."""
    pictures, refused = read_judged(run, run.paths.resized)
    with run.provider.opened(run.buyer) as enhancer:
        outcomes = run.batch(works(run, pictures, enhancer))
    run.finish(outcomes, failures=refused)


if __name__ == "__main__":
    run("enhance", main)
