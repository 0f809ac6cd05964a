"""The report's parts as the template shows them: rows, strips, samples and chains, with their pictures."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

from likeness.marks.xmp import SourceType
from likeness.pipeline.manifest import Entry
from likeness.pipeline.stage import BY_FOLDER
from likeness.pipeline.verified import why_not_shown
from likeness.report import ReportConfig
from likeness.report.collect import Collected, Sample
from likeness.report.pictures import Album, Picture
from likeness.report.words import usd

NOBODY = "none"
"""The provider of an image that a stage passes on unchanged."""

EXAMPLES = 4
"""Strips that are shown at once; the others unfold."""


@dataclass(frozen=True, kw_only=True)
class StepRow:
    """A line of the table of stages."""

    name: str
    what: str
    by: str
    items: int
    refused: int
    skipped: int
    failed: int
    cost: str


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A picture with the word below it; no picture when there is no room left or nothing to show."""

    label: str
    picture: Picture | None


@dataclass(frozen=True, kw_only=True)
class Strip:
    """The way of one training image from the photographs to the caption."""

    id: str
    figures: Sequence[Figure]
    caption: str
    scores: str


@dataclass(frozen=True, kw_only=True)
class Link:
    """A file in a chain of provenance: what it is, its name and the start of its sha256."""

    what: str
    name: str
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Chain:
    """From raw photographs to one training image."""

    id: str
    links: Sequence[Link]


@dataclass(frozen=True, kw_only=True)
class SamplePair:
    """What one prompt and seed draw without and with the LoRA."""

    prompt: str
    seed: int
    without: Figure
    drawn_with: Figure


def step_rows(got: Collected) -> list[StepRow]:
    """One row a stage, the evaluation last."""
    rows: list[StepRow] = []
    for step, manifest in [*got.steps.items(), ("samples", got.samples)]:
        kinds = manifest.left_out
        spec = BY_FOLDER[step]
        rows.append(
            StepRow(
                name=spec.title,
                what=spec.what,
                by=", ".join(sorted({entry.provider for entry in manifest.entries} - {NOBODY})) or "-",
                items=len(manifest.entries),
                refused=kinds["refused"],
                skipped=kinds["skipped"],
                failed=kinds["failed"],
                cost=usd(sum(entry.cost_usd for entry in manifest.entries)),
            )
        )
    return rows


def strips(got: Collected, album: Album, cfg: ReportConfig) -> list[Strip]:
    """`cfg.max_strips` training images, each with the pictures of its way; EXAMPLES varied ones first."""
    rows: list[Strip] = []
    for entry in examples_first(got.steps["lora_training"].entries, EXAMPLES, cfg.max_strips):
        figures = [_photo_figure(got, album, entry.source, "source", cfg)]
        if entry.target:
            figures.append(_photo_figure(got, album, entry.target, "target", cfg))
        for step, label in (("swapped", "swapped"), ("resized", "cropped"), ("enhanced", "enhanced")):
            if step == "swapped" and not entry.target:
                continue  # the persona's own photograph passes the swap unchanged
            found = got.entry(step, entry.id)
            if found is not None:
                label = "own pixels" if step == "enhanced" and found.provider == NOBODY else label
                label = f"{label} {found.width}x{found.height}"
            figures.append(Figure(label=label, picture=of_entry(got, album, step, found, cfg.thumb_px)))
        swapped = got.entry("swapped", entry.id)
        measured = swapped.scores.items() if swapped else ()
        scores = ", ".join(
            f"{name.replace('_', ' ')} {value:.2f}" for name, value in measured if name != "explicit"
        )
        rows.append(Strip(id=entry.id, figures=figures, caption=entry.text or "", scores=scores))
    return rows


def chains(got: Collected, consent_id: str, most: int) -> list[Chain]:
    """The first `most` training images back to the raw photographs they come from."""
    rows: list[Chain] = []
    for entry in got.steps["lora_training"].entries[:most]:
        links: list[Link] = []
        for label, what in ((entry.source, "raw source"), (entry.target, "raw target")):
            if (photo := got.photo(label)) is not None:
                links.append(Link(what=what, name=photo.origin or photo.file, sha256=_first(photo.parents)))
        links.append(Link(what="consent", name=consent_id, sha256=""))
        for step in ("swapped", "resized", "enhanced"):
            if (entry_there := got.entry(step, entry.id)) is not None:
                links.append(Link(what=step, name=entry_there.file, sha256=entry_there.sha256))
        links.append(Link(what="training image", name=Path(entry.file).name, sha256=entry.sha256))
        rows.append(Chain(id=entry.id, links=links))
    return rows


def sample_pairs(got: Collected, album: Album, cfg: ReportConfig) -> list[SamplePair]:
    """Samples of the evaluation, each prompt and seed without and with the LoRA."""
    paired: dict[tuple[str, int], dict[bool, Sample]] = {}
    for sample in got.evaluation.samples:
        paired.setdefault((sample.prompt, sample.seed), {})[sample.lora] = sample

    def figure(sample: Sample | None, label: str) -> Figure:
        if sample is None:
            return Figure(label=f"{label}: not shown", picture=None)
        score = f", similarity {sample.similarity:.2f}" if sample.similarity is not None else ""
        return sample_figure(got, album, sample, label + score, cfg)

    return [
        SamplePair(
            prompt=prompt, seed=seed,
            without=figure(pair.get(False), "without"), drawn_with=figure(pair.get(True), "with LoRA"),
        )
        for (prompt, seed), pair in paired.items()
    ]  # fmt: skip


def sample_figure(got: Collected, album: Album, sample: Sample, label: str, cfg: ReportConfig) -> Figure:
    """A sample, unless it was refused or is not plainly harmless."""
    why = why_not_shown(sample.file, sample.rating)
    if sample.file is None or why:
        return Figure(label=f"not shown: {why}", picture=None)
    way = "Drawn with the LoRA" if sample.lora else "Drawn by the base alone"
    after = " after a photograph" if sample.reference else ""
    alt = f"{way}{after}: {sample.prompt}, seed {sample.seed}"
    path = got.sample(sample.file)
    return Figure(label=label, picture=album.file(path, alt, width_px=cfg.sample_px, code=SourceType.TRAINED))


def examples_first(entries: Sequence[Entry], count: int, most: int) -> list[Entry]:
    """The first `most` entries in their order, but led by `count` varied ones: a photograph, then swaps."""
    # Two words of each: whole entries of 10,000 images would be a tenth of a gigabyte.
    ways = [(entry.source or "", entry.target) for entry in entries]
    swaps = [place for place, (_, target) in enumerate(ways) if target is not None]
    chosen = [place for place, (_, target) in enumerate(ways) if target is None][:1]
    # Through the targets in turn, with another source each time where there is one.
    seen: Counter[str] = Counter()
    for _ in range(min(count - len(chosen), len(swaps))):
        left = [place for place in swaps if place not in chosen]
        best = min(left, key=lambda place: (seen[ways[place][1] or ""], seen[ways[place][0]]))
        seen.update((ways[best][0], ways[best][1] or ""))
        chosen.append(best)
    rest = (place for place in range(len(ways)) if place not in chosen)
    return [entries[place] for place in islice(chain(chosen, rest), most)]


def _photo_figure(got: Collected, album: Album, label: str | None, word: str, cfg: ReportConfig) -> Figure:
    entry = got.photo(label)
    name = f"{word} {label}"
    return Figure(label=name, picture=of_entry(got, album, "ingested", entry, cfg.thumb_px))


def of_entry(got: Collected, album: Album, step: str, entry: Entry | None, width_px: int) -> Picture | None:
    """The picture of a stage's entry, if there is one and it is plainly harmless."""
    if entry is None or entry.rating != "sfw":
        return None
    return album.file(
        got.picture(step, entry),
        f"{entry.id}, {BY_FOLDER[step].name}",
        width_px=width_px,
        code=album.code(entry),
    )


def _first(values: Sequence[str]) -> str:
    return values[0] if values else ""
