"""README.md of the training set: a dataset card in Hugging Face's form.

Source: huggingface.co/docs/hub/datasets-cards (front matter keys), read 2026-11.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from likeness.dataset.layout import TrainingImage
from likeness.formatting import format_usd
from likeness.pipeline.manifest import Manifest
from likeness.pipeline.stage import BY_FOLDER
from likeness.safety.consent import Consent
from likeness.safety.provenance import SourceType

# Hugging Face's size_categories, by the first bound a count stays below.
SIZE_CATEGORIES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))


@dataclass(frozen=True, kw_only=True)
class CardFacts:
    """All that the card tells; `stages` maps a stage's folder name to its manifest, in pipeline order, and
    `enlargements` are how many times each image's crop was enlarged (at most 1: own pixels)."""

    persona: str
    trigger: str
    class_word: str
    license: str
    consent: Consent
    stages: Mapping[str, Manifest]
    images: Sequence[TrainingImage]
    codes: Sequence[SourceType]
    enlargements: Sequence[float]


def dataset_card(facts: CardFacts) -> str:
    """The card's Markdown, front matter first."""
    sections = (_front_matter(facts), _summary(facts), _making(facts), _origin(facts), _use(facts))
    return "\n".join(section.strip() + "\n" for section in sections)


def _front_matter(facts: CardFacts) -> str:
    tags = ["likeness", "lora", "dreambooth", "kohya", "text-to-image", f"consent-{facts.consent.kind}"]
    lines = [
        "---",
        f"license: {facts.license}",
        f"pretty_name: {json.dumps(f'{facts.persona}: LoRA training set')}",
        "language: [en]",
        "task_categories: [text-to-image]",
        f"size_categories: [{_size(len(facts.images))}]",
        f"tags: [{', '.join(tags)}]",
        "---",
    ]
    return "\n".join(lines)


def _summary(facts: CardFacts) -> str:
    ratings = Counter(image.rating for image in facts.images)
    shown = sum(image.repeats for image in facts.images)
    rows = [
        ("images", str(len(facts.images))),
        ("pixels", _pixels(facts.enlargements)),
        ("ratings", ", ".join(f"{n} {rating}" for rating, n in sorted(ratings.items())) or "none"),
        ("shown in one epoch", f"{shown} (repeats counted)"),
        ("instance prompt", f"`{facts.trigger} {facts.class_word}`"),
        ("consent record", f"`{facts.consent.id}` ({facts.consent.kind})"),
        ("paid for", _usd(sum(_cost(manifest) for manifest in facts.stages.values()))),
    ]
    table = "\n".join(f"| {name} | {value} |" for name, value in rows)
    return f"""
# {facts.persona}: LoRA training set

Images and captions that teach a text-to-image model to draw **{facts.trigger} {facts.class_word}**.

| | |
|---|---|
{table}

- `train/`: images with a caption of the same stem, in Kohya's `repeats_name` folders
- `dataset.toml`: the same as configuration for sd-scripts
- `metadata.jsonl`: for `load_dataset("imagefolder", data_dir=...)`, with digests of images and their parents
"""


def _making(facts: CardFacts) -> str:
    rows: list[str] = []
    for name, manifest in facts.stages.items():
        by = ", ".join(sorted({entry.provider for entry in manifest.entries} - {"none"})) or "-"
        rows.append(
            f"| {name} | {BY_FOLDER[name].what} | {by} | {len(manifest.entries)} | {len(manifest.failures)} "
            f"| {_usd(_cost(manifest))} |"
        )
    codes = "\n".join(f"- {n} images: `{code.value}`" for code, n in sorted(Counter(facts.codes).items()))
    return f"""
## How it was made

| step | what happened | by | items | left out | cost |
|---|---|---|---|---|---|
{chr(10).join(rows)}

Every image says what it is in its XMP metadata (IPTC digital source type):

{codes}
"""


def _origin(facts: CardFacts) -> str:
    ingested = facts.stages["ingested"].entries
    used = {image.id for image in facts.images}
    sources = [entry for entry in ingested if entry.target is None and not entry.held_out]
    targets = [entry for entry in ingested if entry.target is not None]
    swaps = Counter(entry.target for entry in facts.stages["enhanced"].entries if entry.id in used)
    rows = [f"| {entry.origin} | the persona | consent `{facts.consent.id}` |" for entry in sources]
    for entry in targets:
        if not (count := swaps[entry.target]):
            continue
        licence = facts.consent.target_licence(entry.origin or "", entry.parents[0] if entry.parents else "")
        shown = f"body and scene of {count} image{'s' if count > 1 else ''}"
        rows.append(f"| {entry.origin} | {shown} | {licence or 'not recorded'} |")
    return f"""
## Where the photographs come from

| photograph | used for | permission |
|---|---|---|
{chr(10).join(rows)}

{sum(entry.held_out for entry in ingested)} photographs of the persona are held out
for evaluation and are not in this set.
"""


def _use(facts: CardFacts) -> str:
    subject = (
        "The person shown does not exist."
        if facts.consent.kind == "synthetic"
        else f"The person shown agreed to: {', '.join(facts.consent.scope)}."
    )
    until = f" The consent ends on {facts.consent.expires}." if facts.consent.expires else ""
    return f"""
## Use and limits

{subject}{until} Use beyond the consent record, sexual content and deception about real events are not
allowed. Most images are composites: the body, clothes and scene belong to the target photographs, only the
face to the persona. Captions are machine-written unless a person replaced them. Nothing here is rated
explicit; the rating is a classifier's and can be wrong.
"""


def _pixels(factors: Sequence[float]) -> str:
    own = sum(factor <= 1 for factor in factors)
    if own == len(factors):
        return "all images in the photographs' own pixels"
    return f"{own} images in the photographs' own pixels, {len(factors) - own} enlarged up to {max(factors):.2g} times"


def _cost(manifest: Manifest) -> float:
    return sum(entry.cost_usd for entry in manifest.entries)


def _usd(value: float) -> str:
    return format_usd(value) if value else "nothing"


def _size(count: int) -> str:
    return next((name for bound, name in SIZE_CATEGORIES if count < bound), "1M<n<10M")
