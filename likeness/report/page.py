"""The page: one HTML file that needs no network and no script. It begins with drawn pictures beside others."""

from dataclasses import dataclass

from markupsafe import Markup

import likeness
from likeness.dataset.quality import TrainingSet
from likeness.dataset.quality.measures import readings
from likeness.formatting import format_score, render
from likeness.report import ReportConfig
from likeness.report.charts import DotRow, dot_rows, loss_curve
from likeness.report.collect import Collected, Sample
from likeness.report.metrics import figures
from likeness.report.money import money_rows, offers
from likeness.report.outcome import headline, interval, shown_samples
from likeness.report.pictures import Album
from likeness.report.pixels import face_details, held_out
from likeness.report.refused import refusal_groups
from likeness.report.view import (
    EXAMPLES,
    Figure,
    chains,
    examples_first,
    of_entry,
    sample_figure,
    sample_pairs,
    step_rows,
    strips,
)
from likeness.report.words import (
    GROUP_WORDS,
    TRAINING_WORDS,
    bin_words,
    number_words,
    percent,
    size_words,
    usd,
)
from likeness.run import Run

LEAD = 6
ARM_ROWS = 3

# The text needs room too: by `max_rows` and the points of a drawing, half a megabyte at most as conf/ has them.
PICTURE_SHARE = 0.88


def page(run: Run, got: Collected) -> str:
    """The report's HTML; equal inputs give equal text."""
    cfg = run.config.report
    album = Album(
        quality=cfg.jpeg_quality,
        max_bytes=int(cfg.max_page_bytes * PICTURE_SHARE),
        synthetic=run.consent.kind == "synthetic",
    )
    entries = got.steps["lora_training"].entries
    # In the order of importance: what comes last goes without pictures when the page is full.
    parts = {
        "lead": lead(got, album, cfg, LEAD),
        "held_out": held_out(got, album, cfg)[:LEAD],
        "pairs": sample_pairs(got, album, cfg),
        "arm_rows": arm_rows(got, album, cfg, ARM_ROWS),
        "nearest": nearest_pictures(got, album, cfg),
        "strips": strips(got, album, cfg),
        "details": [
            figure
            for entry in examples_first(entries, EXAMPLES, EXAMPLES)
            for figure in face_details(got, album, entry, cfg.thumb_px)
        ],
        "groups": refusal_groups(run, got, album),
    }
    return render(
        "likeness.report",
        "page.html.j2",
        html=True,
        **parts,
        persona=run.persona,
        base=run.config.base.name,
        consent=run.consent,
        kind_words=run.consent.kind_words,
        version=likeness.__version__,
        figures={place: figures(got, place) for place in ("dataset", "samples", "likeness")},
        quality=readings(
            TrainingSet.of(
                entries,
                got.steps,
                run.consent,
                run.persona.trigger,
                run.persona.class_word,
                cut_to_face=run.config.train.data.face_fraction is not None,
            )
        ),
        deliverables=got.deliverables,
        steps=step_rows(got),
        total_cost=usd(sum(entry.cost_usd for step in got.steps.values() for entry in step.entries)),
        money=money_rows(got, offers(run.config)),
        open_strips=EXAMPLES,
        more_images=len(entries) - len(parts["strips"]),
        images=len(entries),
        captions=[(entry.id, entry.text or "") for entry in entries[: cfg.max_rows]],
        curve=loss_curve(got.training.steps, got.training.losses),
        judged=got.training.judged,
        training=_training_figures(got),
        dots=_dots(got),
        compared_with_held_out=got.evaluation.groups["held_out"].faces,
        notes=got.evaluation.notes,
        headline=headline(got),
        measures=got.evaluation.measures,
        choice=got.evaluation.verdict,
        percent=percent,
        interval=interval,
        bin_words=bin_words,
        size_words=size_words,
        swapped=any(entry.target for entry in entries),
        checkpoints=got.evaluation.checkpoints,
        chains=chains(got, run.consent.id, cfg.max_rows),
        left_out=album.left_out,
    )


def _training_figures(got: Collected) -> list[tuple[str, str]]:
    """What the weights say, then what training measured."""
    known = figures(got, "training")
    named = {words for words, _ in known}
    measured = (
        (TRAINING_WORDS.get(name, name.replace("_", " ")), value)
        for name, value in got.training.metrics.items()
    )
    return known + [(words, number_words(value)) for words, value in measured if words not in named]


def _dots(got: Collected) -> Markup:
    rows = [
        DotRow(
            label=GROUP_WORDS[name][0],
            note=f"{GROUP_WORDS[name][1]} ({group.faces} of {group.images} with a face)",
            scores=list(group.by_image.values()),
            mean=group.mean,
            strong=name in ("photographs", "swaps", "samples_with"),
        )
        for name, group in got.evaluation.groups.items()
    ]
    return dot_rows(rows)


@dataclass(frozen=True, kw_only=True)
class Nearest:
    """A drawn picture beside the nearest training picture, and what was measured between them."""

    drawn: Figure
    nearest: Figure
    angle: str
    copy: str
    copied: bool


def lead(got: Collected, album: Album, cfg: ReportConfig, count: int) -> list[Figure]:
    """Her drawn pictures that the page begins with; not chosen by score."""
    return [
        sample_figure(got, album, sample, sample.prompt.partition(", ")[2] or sample.prompt, cfg)
        for sample in shown_samples(got, count)
    ]


@dataclass(frozen=True, kw_only=True)
class ArmRow:
    """One prompt and seed, drawn in each of the ways that were compared."""

    prompt: str
    seed: int
    figures: list[Figure]


def arm_rows(got: Collected, album: Album, cfg: ReportConfig, most: int) -> list[ArmRow]:
    """The first seed of the first prompts, drawn in each way; empty where no way with a reference picture was drawn."""
    measures = got.evaluation.measures
    arms = (measures or {}).get("arms", ())
    ratings = {one.id: one.rating for one in got.samples.entries}
    drawn = [
        (
            arm["words"],
            Sample.model_validate(one | {"rating": ratings.get(one["id"], "explicit"), "similarity": None}),
        )
        for arm in arms
        for one in arm["pictures"]
    ]
    first = dict(reversed([(one.prompt, one.seed) for _, one in drawn]))
    prompts = list(dict.fromkeys(one.prompt for _, one in drawn))[:most]
    return [
        ArmRow(
            prompt=prompt, seed=first[prompt],
            figures=[
                sample_figure(got, album, one, words, cfg)
                for words, one in drawn
                if (one.prompt, one.seed) == (prompt, first[prompt])
            ],
        )
        for prompt in prompts
    ]  # fmt: skip


def nearest_pictures(got: Collected, album: Album, cfg: ReportConfig) -> list[Nearest]:
    """Each drawn picture with the training picture that is nearest to it."""
    samples = {sample.id: sample for sample in got.evaluation.samples}
    measures = got.evaluation.measures
    return [
        Nearest(
            drawn=sample_figure(
                got, album, sample := samples[one["id"]], f"{sample.prompt}, seed {sample.seed}", cfg
            ),
            nearest=Figure(
                label=one["nearest"] or "",
                picture=of_entry(
                    got, album, "lora_training", got.entry("lora_training", one["nearest"]), cfg.thumb_px
                ),
            ),
            angle="-" if one["angle_deg"] is None else f"{one['angle_deg']:.0f}°",
            copy=format_score(one["copy"]),
            copied=one["copied"],
        )
        for one in (measures["copying"]["pictures"] if measures else ())
    ]
