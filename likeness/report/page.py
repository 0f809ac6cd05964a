"""The page: one HTML file that needs no network and no script. It begins with drawn pictures beside others."""

from typing import Any

from markupsafe import Markup

import likeness
from likeness.dataset.quality import TrainingSet
from likeness.dataset.quality.measures import readings
from likeness.formatting import format_score, percent, render
from likeness.report import words
from likeness.report.charts import DotRow, dot_rows, loss_curve
from likeness.report.collect import Collected, Sample
from likeness.report.metrics import figures
from likeness.report.money import money_rows, offers
from likeness.report.outcome import headline, interval, no_share, weakness
from likeness.report.pictures import Album
from likeness.report.refused import refusal_groups
from likeness.report.view import (
    EXAMPLES,
    Figure,
    Figures,
    chains,
    examples_first,
    face_details,
    held_out,
    sample_pairs,
    step_rows,
    strips,
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
    shown, entries = Figures(got, album, cfg), got.steps["lora_training"].entries
    measures, class_word = got.evaluation.measures, got.evaluation.class_word
    # In the order of importance: what comes last goes without pictures when the page is full.
    parts = {
        "lead": lead(shown),
        "held_out": held_out(shown)[:LEAD],
        "pairs": sample_pairs(shown),
        "arm_rows": arm_rows(shown),
        "nearest": nearest_pictures(shown),
        "strips": strips(shown),
        "details": [
            figure
            for entry in examples_first(entries, EXAMPLES, EXAMPLES)
            for figure in face_details(shown, entry)
        ],
        "groups": refusal_groups(run, shown),
    }
    return render(
        "likeness.report",
        "page.html.j2",
        html=True,
        **parts,
        run=run,
        got=got,
        version=likeness.__version__,
        figures={place: figures(got, place) for place in ("dataset", "samples", "likeness")},
        quality=readings(
            TrainingSet.of(
                entries,
                got.steps,
                run.consent,
                run.persona.trigger,
                run.persona.class_word,
                cut_to_face=run.config.train.data.cuts_to_face,
            )
        ),
        steps=step_rows(got),
        total_cost=words.usd(sum(entry.cost_usd for step in got.steps.values() for entry in step.entries)),
        money=money_rows(got, offers(run.config)),
        open_strips=EXAMPLES,
        more_images=len(entries) - len(parts["strips"]),
        images=len(entries),
        captions=[(entry.id, entry.text or "") for entry in entries[: cfg.max_rows]],
        curve=loss_curve(got.training.steps, got.training.losses),
        training=_training_figures(got),
        dots=_dots(got),
        headline=headline(got),
        no_share=no_share(measures) if measures else "",
        weakness=weakness(measures, got.training.metrics, class_word=class_word) if measures else None,
        words=words,
        percent=percent,
        interval=interval,
        swapped=any(entry.target for entry in entries),
        chains=chains(got, run.consent.id, cfg.max_rows),
        left_out=album.left_out,
    )


def _training_figures(got: Collected) -> list[tuple[str, str]]:
    """What the weights say, then what training measured."""
    known = figures(got, "training")
    measured = {
        words.TRAINING_WORDS.get(name, name.replace("_", " ")): words.number_words(value)
        for name, value in got.training.metrics.items()
    }
    return known + [pair for pair in measured.items() if pair[0] not in dict(known)]


def _dots(got: Collected) -> Markup:
    rows = [
        DotRow(
            label=words.GROUP_WORDS[name][0],
            note=f"{words.GROUP_WORDS[name][1]} ({group.faces} of {group.images} with a face)",
            scores=list(group.by_image.values()),
            mean=group.mean,
            strong=name in ("photographs", "swaps", "samples_with"),
        )
        for name, group in got.evaluation.groups.items()
    ]
    return dot_rows(rows)


def lead(shown: Figures) -> list[Figure]:
    """The pictures that the page begins with: drawn with the LoRA by a prompt with her name and plainly harmless, prompt by prompt,
    seed by seed; not chosen by score."""
    found = shown.got.evaluation
    left = [one for one in found.samples if one.lora and one.file and one.rating == "sfw"]
    led = sorted((one for one in left if one.prompt in found.named), key=lambda one: one.seed)
    return [shown.sample(one, one.prompt.partition(", ")[2] or one.prompt) for one in led[:LEAD]]


def arm_rows(shown: Figures) -> list[dict[str, Any]]:
    """The first seed of the first prompts, drawn in each way; empty where no way with a reference picture was drawn."""
    got = shown.got
    ratings = {one.id: one.rating for one in got.samples.entries}
    drawn = [
        (
            arm["words"],
            Sample.model_validate(one | {"rating": ratings.get(one["id"], "explicit"), "similarity": None}),
        )
        for arm in (got.evaluation.measures or {}).get("arms", ())
        for one in arm["pictures"]
    ]
    first = dict(reversed([(one.prompt, one.seed) for _, one in drawn]))
    return [
        {
            "prompt": prompt,
            "seed": first[prompt],
            "figures": [
                shown.sample(one, way)
                for way, one in drawn
                if (one.prompt, one.seed) == (prompt, first[prompt])
            ],
        }
        for prompt in list(dict.fromkeys(one.prompt for _, one in drawn))[:ARM_ROWS]
    ]


def nearest_pictures(shown: Figures) -> list[dict[str, Any]]:
    """Each drawn picture with the training picture that is nearest to it."""
    got = shown.got
    samples = {sample.id: sample for sample in got.evaluation.samples}
    measures = got.evaluation.measures
    rows: list[dict[str, Any]] = []
    for one in measures["copying"]["pictures"] if measures else ():
        sample = samples[one["id"]]
        drawn = shown.sample(sample, f"{sample.prompt}, seed {sample.seed}")
        near = shown.of_entry("lora_training", got.entry("lora_training", one["nearest"]))
        nearest = Figure(label=one["nearest"] or "", picture=near)
        angle = "-" if one["angle_deg"] is None else f"{one['angle_deg']:.0f}°"
        copy = format_score(one["copy"])
        rows.append(
            {"drawn": drawn, "nearest": nearest, "angle": angle, "copy": copy, "copied": one["copied"]}
        )
    return rows
