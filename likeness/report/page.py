"""The page: one HTML file that needs no network and no script."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

import likeness
from likeness.formatting import format_bytes
from likeness.report import ReportConfig
from likeness.report.charts import DotRow, dot_rows, loss_curve
from likeness.report.collect import Collected
from likeness.report.money import Offer, money_rows
from likeness.report.pictures import Album
from likeness.report.pixels import face_details, pixel_facts
from likeness.report.refused import OpenPhoto, refusal_groups
from likeness.report.view import (
    EXAMPLES,
    chains,
    examples_first,
    held_out,
    mosaic,
    sample_pairs,
    step_rows,
    strips,
)
from likeness.report.words import GROUP_WORDS, KIND_WORDS, bin_words, number_words, usd, verdict
from likeness.safety.consent import Consent

MOSAIC = 6

# Base64 makes three bytes four, and the text around the pictures needs room too.
PICTURE_SHARE = 0.92


@dataclass(frozen=True, kw_only=True)
class Subject:
    """Who the page is about."""

    persona: str
    trigger: str
    class_word: str
    base: str
    consent: Consent


def page(
    subject: Subject, got: Collected, cfg: ReportConfig, open_photo: OpenPhoto, offers: Mapping[str, Offer]
) -> str:
    """The report's HTML; equal inputs give equal text.

    Args:
        offers: what paid providers ask for, by stage folder.
        open_photo: reads a raw photograph that was refused for a technical reason.
    """
    album = Album(quality=cfg.jpeg_quality, max_bytes=int(cfg.max_page_bytes * PICTURE_SHARE))
    environment = Environment(
        loader=PackageLoader("likeness.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    entries = got.steps["lora_training"].entries
    # In the order of importance: what comes last goes without pictures when the page is full.
    parts = {
        "mosaic": mosaic(got, album, cfg, MOSAIC),
        "pairs": sample_pairs(got, album, cfg),
        "held_out": held_out(got, album, cfg),
        "strips": strips(got, album, cfg),
        "details": [
            figure
            for entry in examples_first(entries, EXAMPLES)[:EXAMPLES]
            for figure in face_details(got, album, entry, cfg.thumb_px)
        ],
        "groups": refusal_groups(got, album, cfg, open_photo),
    }
    return environment.get_template("page.html.j2").render(
        **parts,
        subject=subject,
        consent=subject.consent,
        kind_words=KIND_WORDS[subject.consent.kind],
        version=likeness.__version__,
        facts=_facts(got),
        deliverables=got.deliverables,
        format_bytes=format_bytes,
        steps=step_rows(got),
        total_cost=usd(sum(e.cost_usd for m in got.steps.values() for e in m.entries)),
        money=money_rows(got, offers),
        open_strips=EXAMPLES,
        more_images=len(entries) - len(parts["strips"]),
        captions=[(entry.id, entry.text or "") for entry in entries],
        curve=loss_curve(got.training.steps, got.training.losses),
        judged=got.training.judged,
        training=_training_facts(got),
        dots=_dots(got),
        verdict=verdict(got.evaluation),
        bins=_bins(got),
        checkpoints=got.evaluation.checkpoints,
        effect=got.evaluation.lora_effect,
        chains=chains(got, subject.consent.id),
        left_out=album.left_out,
    )


def _facts(got: Collected) -> list[tuple[str, str]]:
    """Numbers for the head of the page."""
    entries = got.steps["lora_training"].entries
    own = sum(entry.target is None for entry in entries)
    kinds = Counter(failure.kind for manifest in got.steps.values() for failure in manifest.failures)
    swaps = got.evaluation.groups["swaps"].mean
    return [
        (str(len(entries)), f"training images: {own} photographs, {len(entries) - own} swaps"),
        (str(sum(kinds.values())), f"left out: {kinds['refused']} refused, {kinds['skipped']} skipped, "
                                   f"{kinds['failed']} failed"),
        pixel_facts(got),
        (got.training.metadata.get("ss_steps", "-"), "training steps"),
        (f"{swaps:.2f}" if swaps is not None else "-", "likeness of the swaps to held-out photographs"),
    ]  # fmt: skip


def _training_facts(got: Collected) -> list[tuple[str, str]]:
    told = (
        ("architecture", "modelspec.architecture"), ("rank", "ss_network_dim"),
        ("alpha", "ss_network_alpha"), ("learning rate", "ss_learning_rate"), ("steps", "ss_steps"),
        ("seed", "ss_seed"), ("resolution", "ss_resolution"), ("images an epoch", "ss_num_train_images"),
    )  # fmt: skip
    metadata = got.training.metadata
    facts = [(name, metadata[key]) for name, key in told if metadata.get(key)]
    named = {name for name, _ in facts}
    measured = [(name.replace("_", " "), value) for name, value in got.training.metrics.items()]
    return facts + [(name, number_words(value)) for name, value in measured if name not in named]


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


def _bins(got: Collected) -> tuple[list[str], list[tuple[str, list[str]]]]:
    """Header and rows of the table of means by turn of the head."""
    groups = {name: got.evaluation.groups[name] for name in ("photographs", "swaps", "samples_with")}
    header = [bin_words(name) for name in groups["swaps"].by_yaw]
    rows = [
        (GROUP_WORDS[name][0], ["-" if mean is None else f"{mean:.2f}" for mean in group.by_yaw.values()])
        for name, group in groups.items()
    ]
    return header, rows
