"""Tell what was made: one HTML page without network or scripts, and the model card.

Reads the manifests and images of every stage, training/, evaluation/, the weights, the archive and the price list.
Writes models/PERSONA/report/index.html and models/PERSONA/README.md.
"""

from pathlib import Path

from likeness.config import Config
from likeness.errors import InputError
from likeness.images import RGB
from likeness.ingest.decode import Limits, decode_photo
from likeness.pipeline.stage import STAGES
from likeness.report.card import model_card
from likeness.report.collect import collect
from likeness.report.money import Offer
from likeness.report.page import Subject, page
from likeness.run import Run, is_remote, run


def main(run: Run) -> None:
    """Collect, and write the page and the card."""
    places, cfg, persona = run.paths, run.config, run.persona
    subject = Subject(
        persona=persona.name, trigger=persona.trigger, class_word=persona.class_word, base=cfg.base.name,
        consent=run.consent,
    )  # fmt: skip
    got = collect(places)
    limits = Limits(**{name: getattr(cfg.ingest, name) for name in Limits.__dataclass_fields__})

    def open_photo(path: Path) -> RGB | None:
        try:
            return decode_photo(path, limits).rgb
        except InputError:
            return None

    places.report.mkdir(parents=True, exist_ok=True)
    html = page(subject, got, cfg.report, open_photo, offers(cfg))
    places.report_page.write_text(html, encoding="utf-8", newline="\n")
    card = model_card(
        subject, got, architecture=cfg.base.architecture, source=cfg.base.source, license=cfg.train.license
    )
    places.model_card.write_text(card, encoding="utf-8", newline="\n")


def offers(cfg: Config) -> dict[str, Offer]:
    """What the remote providers of the graph ask for, by stage folder; nothing is asked of them, and what a local one
    needs may be on another machine."""
    sections = {spec.manifest: getattr(cfg, spec.name) for spec in STAGES if spec.provider and spec.manifest}
    remote = {folder: section.built() for folder, section in sections.items() if is_remote(section)}
    quotes = {folder: (one.name, one.quote(cfg.prices)) for folder, one in remote.items()}
    return {folder: Offer(provider=name, quote=quote) for folder, (name, quote) in quotes.items() if quote}


if __name__ == "__main__":
    run("report", main)
