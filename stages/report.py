"""report: one HTML page without network or scripts, and the model card.

reads   the manifests and images of every stage, training/, evaluation/, the weights, the archive and the price list
writes  models/PERSONA/report/index.html and models/PERSONA/README.md
"""

from likeness.report.card import model_card
from likeness.report.collect import collect
from likeness.report.page import page
from likeness.run import Run, run


def main(run: Run) -> None:
    """Collect, and write the page and the card."""
    got = collect(run.paths)
    run.paths.report.mkdir(parents=True, exist_ok=True)
    run.paths.report_page.write_text(page(run, got), encoding="utf-8", newline="\n")
    run.paths.model_card.write_text(model_card(run, got), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    run("report", main)
