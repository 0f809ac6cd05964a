"""Drawn pictures beside others: those that the page begins with, and the nearest training picture of each."""

from dataclasses import dataclass

from likeness.formatting import format_score
from likeness.report import ReportConfig
from likeness.report.collect import Collected, Sample
from likeness.report.outcome import shown_samples
from likeness.report.pictures import Album
from likeness.report.view import Figure, of_entry, sample_figure


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
    ratings = {one.id: one.rating for one in got.evaluation_refusals.entries}
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
    trained = got.by_id("lora_training")
    measures = got.evaluation.measures
    return [
        Nearest(
            drawn=sample_figure(
                got, album, sample := samples[one["id"]], f"{sample.prompt}, seed {sample.seed}", cfg
            ),
            nearest=Figure(
                label=one["nearest"] or "",
                picture=of_entry(got, album, "lora_training", trained.get(one["nearest"]), cfg.thumb_px),
            ),
            angle="-" if one["angle_deg"] is None else f"{one['angle_deg']:.0f}°",
            copy=format_score(one["copy"]),
            copied=one["copied"],
        )
        for one in (measures["copying"]["pictures"] if measures else ())
    ]
