"""The report's parts as the template shows them: rows, strips, samples and chains, with their pictures."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from likeness.errors import InputError
from likeness.images import load_rgb
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

# The cut shown is at most this many face boxes wide, and no wider than one of the image's pixels a pixel of the page.
CUT_SCALE = 1.5

PORTRAIT_SCALE = 1.9
"""Of a portrait beside the drawn ones, in face boxes."""


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A picture with the word below it; no picture when there is no room left or nothing to show."""

    label: str
    picture: Picture | None


@dataclass(frozen=True)
class Figures:
    """Makes the figures of a page: what was collected, the album that holds their bytes, and their sizes."""

    got: Collected
    album: Album
    cfg: ReportConfig

    def of_entry(self, step: str, entry: Entry | None, width_px: int | None = None) -> Picture | None:
        """The picture of a stage's entry, if there is one and it is plainly harmless; a thumbnail where no width is given."""
        if entry is None or entry.rating != "sfw":
            return None
        path, alt = self.got.picture(step, entry), f"{entry.id}, {BY_FOLDER[step].name}"
        return self.album.file(path, alt, width_px=width_px or self.cfg.thumb_px, code=self.album.code(entry))

    def sample(self, sample: Sample, label: str) -> Figure:
        """A sample, unless it was refused or is not plainly harmless."""
        why = why_not_shown(sample.file, sample.rating)
        if sample.file is None or why:
            return Figure(label=f"not shown: {why}", picture=None)
        way = "Drawn with the LoRA" if sample.lora else "Drawn by the base alone"
        after = " after a photograph" if sample.reference else ""
        alt = f"{way}{after}: {sample.prompt}, seed {sample.seed}"
        path = self.got.sample(sample.file)
        picture = self.album.file(path, alt, width_px=self.cfg.sample_px, code=SourceType.TRAINED)
        return Figure(label=label, picture=picture)

    def face(
        self, step: str, entry: Entry, label: str, scale: float, width_px: int, *, smooth: bool = False
    ) -> Figure:
        """A square around the first face of a picture, `scale` face boxes wide."""
        x, y, w, h = entry.faces[0].box_px
        side = min(scale * max(w, h), entry.width, entry.height)
        left = min(max(x + w / 2 - side / 2, 0), entry.width - side)
        top = min(max(y + h / 2 - side / 2, 0), entry.height - side)
        path = self.got.picture(step, entry)
        try:
            image = Image.fromarray(load_rgb(path))
        except InputError:
            return Figure(label=label, picture=None)
        filter_ = Image.Resampling.LANCZOS if smooth else Image.Resampling.NEAREST
        shown = np.asarray(
            image.resize((width_px, width_px), filter_, box=(left, top, left + side, top + side))
        )
        alt = f"Held-out photograph {label}" if smooth else f"{entry.id}, {label}"
        picture = self.album.rgb(shown, alt, width_px=width_px, code=self.album.code(entry))
        return Figure(label=label, picture=picture)


def step_rows(got: Collected) -> list[dict[str, Any]]:
    """One row a stage, the evaluation last."""
    return [
        {
            "name": BY_FOLDER[step].title,
            "what": BY_FOLDER[step].what,
            "by": ", ".join(sorted({entry.provider for entry in manifest.entries} - {NOBODY})) or "-",
            "items": len(manifest.entries),
            **{kind: manifest.left_out[kind] for kind in ("refused", "skipped", "failed")},
            "cost": usd(sum(entry.cost_usd for entry in manifest.entries)),
        }
        for step, manifest in [*got.steps.items(), ("samples", got.samples)]
    ]


def strips(figures: Figures) -> list[dict[str, Any]]:
    """The ways of `report.max_strips` training images from the photographs to the caption; EXAMPLES varied ones first."""
    got = figures.got
    rows: list[dict[str, Any]] = []
    for entry in examples_first(got.steps["lora_training"].entries, EXAMPLES, figures.cfg.max_strips):
        way = [
            Figure(label=f"{word} {label}", picture=figures.of_entry("ingested", got.photo(label)))
            for word, label in (("source", entry.source), ("target", entry.target))
            if word == "source" or label
        ]
        for step, label in (("swapped", "swapped"), ("resized", "cropped"), ("enhanced", "enhanced")):
            if step == "swapped" and not entry.target:
                continue  # the persona's own photograph passes the swap unchanged
            found = got.entry(step, entry.id)
            if found is not None:
                label = "own pixels" if step == "enhanced" and found.provider == NOBODY else label
                label = f"{label} {found.width}x{found.height}"
            way.append(Figure(label=label, picture=figures.of_entry(step, found)))
        swapped = got.entry("swapped", entry.id)
        measured = swapped.scores.items() if swapped else ()
        scores = ", ".join(
            f"{name.replace('_', ' ')} {value:.2f}" for name, value in measured if name != "explicit"
        )
        rows.append({"id": entry.id, "figures": way, "caption": entry.text or "", "scores": scores})
    return rows


def chains(got: Collected, consent_id: str, most: int) -> list[tuple[str, list[tuple[str, str, str]]]]:
    """The first `most` training images back to the raw photographs they come from: each image's id, and what, name and sha256 of
    each file."""
    rows: list[tuple[str, list[tuple[str, str, str]]]] = []
    for entry in got.steps["lora_training"].entries[:most]:
        links: list[tuple[str, str, str]] = []
        for label, what in ((entry.source, "raw source"), (entry.target, "raw target")):
            if (photo := got.photo(label)) is not None:
                links.append((what, photo.origin or photo.file, next(iter(photo.parents), "")))
        links.append(("consent", consent_id, ""))
        for step in ("swapped", "resized", "enhanced"):
            if (entry_there := got.entry(step, entry.id)) is not None:
                links.append((step, entry_there.file, entry_there.sha256))
        links.append(("training image", Path(entry.file).name, entry.sha256))
        rows.append((entry.id, links))
    return rows


def sample_pairs(figures: Figures) -> list[dict[str, Any]]:
    """Samples of the evaluation, each prompt and seed without and with the LoRA."""
    paired: dict[tuple[str, int], dict[bool, Sample]] = {}
    for sample in figures.got.evaluation.samples:
        paired.setdefault((sample.prompt, sample.seed), {})[sample.lora] = sample

    def figure(sample: Sample | None, label: str) -> Figure:
        if sample is None:
            return Figure(label=f"{label}: not shown", picture=None)
        score = f", similarity {sample.similarity:.2f}" if sample.similarity is not None else ""
        return figures.sample(sample, label + score)

    return [
        {
            "prompt": prompt,
            "seed": seed,
            "without": figure(pair.get(False), "without"),
            "drawn_with": figure(pair.get(True), "with LoRA"),
        }
        for (prompt, seed), pair in paired.items()
    ]


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


def face_details(figures: Figures, trained: Entry) -> Sequence[Figure]:
    """The face of one training image in the crop's own pixels, each shown as a square, and as it is trained on."""
    crop, width_px = figures.got.entry("resized", trained.id), figures.cfg.thumb_px
    if crop is None or not crop.faces or not trained.faces or trained.rating != "sfw":
        return []
    scale = min(CUT_SCALE, width_px / max(trained.faces[0].box_px[2:]))
    factor = trained.width / crop.width
    after = f"trained on, enlarged {factor:.2g} times" if factor > 1 else "trained on, own pixels"
    return [
        figures.face("resized", crop, "face, own pixels", scale, width_px),
        figures.face("lora_training", trained, f"face, {after}", scale, width_px),
    ]


def held_out(figures: Figures) -> list[Figure]:
    """The photographs that training never saw, cut as drawn pictures are; only plainly harmless ones."""
    width_px = figures.cfg.sample_px
    return [
        figures.face("ingested", one, one.origin or one.id, PORTRAIT_SCALE, width_px, smooth=True)
        for one in figures.got.steps["ingested"].entries
        if one.held_out and one.rating == "sfw" and one.faces
    ]
