"""Drawn pictures beside others: those that the page begins with, and the nearest training picture of each."""

from dataclasses import dataclass

from likeness.formatting import format_score
from likeness.report import ReportConfig
from likeness.report.collect import Collected
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
