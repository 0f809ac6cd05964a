"""report: one HTML page without network or scripts, and the model card.

reads   the manifests and images of every stage, training/, evaluation/, the weights, the archive and the price list
writes  models/PERSONA/report/index.html and models/PERSONA/README.md
"""

from likeness.pipeline.outputs import write_text
from likeness.report.card import model_card
from likeness.report.collect import collect
from likeness.report.page import page
from likeness.run import Run
from likeness.stage_program import run


def main(run: Run) -> None:
    """Collect, and write the page and the card."""
    got = collect(run)
    write_text(run.paths.report_page, page(run, got))
    write_text(run.paths.model_card, model_card(run, got))


if __name__ == "__main__":
    run("report", main)
