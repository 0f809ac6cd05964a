"""README.md of the training set: a dataset card in Hugging Face's form.

Source: huggingface.co/docs/hub/datasets-cards (front matter keys), read 2026-11.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from operator import attrgetter

from likeness.dataset.build import code_of
from likeness.dataset.layout import METADATA, TRAIN, repeats_in
from likeness.dataset.quality import TrainingSet
from likeness.dataset.quality.measures import readings
from likeness.formatting import card, hub_licence
from likeness.lazy import Index
from likeness.pipeline.manifest import Entry, Manifest
from likeness.pipeline.stage import BY_FOLDER
from likeness.run import Run

# Hugging Face's size_categories, by the first bound a count stays below.
SIZE_CATEGORIES = {1_000: "n<1K", 10_000: "1K<n<10K", 100_000: "10K<n<100K", 1_000_000: "100K<n<1M"}

READ_BY_DATASETS = [f"{TRAIN}/*/*.jpg", METADATA]


def dataset_card(run: Run, manifest: Manifest, before: Mapping[str, Manifest]) -> str:
    """The card's Markdown, front matter first.

    Args:
        manifest: the training set's.
        before: the manifests of the stages before, by their folders' names, in the graph's order.
    """
    from huggingface_hub import DatasetCardData  # here: it takes a while to load

    images, persona = manifest.entries, run.persona
    size = next((name for bound, name in SIZE_CATEGORIES.items() if len(images) < bound), "1M<n<10M")
    data = DatasetCardData(
        **hub_licence(run.config.dataset.license, run.consent.id),
        pretty_name=f"{persona.name}: LoRA training set",
        language=["en"],
        task_categories=["text-to-image"],
        size_categories=[size],
        tags=["likeness", "lora", "dreambooth", "kohya", "text-to-image", f"consent-{run.consent.kind}"],
        # Without, `load_dataset` takes the captions' files for the data.
        configs=[{"config_name": "default", "data_files": [{"split": TRAIN, "path": READ_BY_DATASETS}]}],
    )
    trained = Index(images, attrgetter("id"))
    enhanced = (image for image in before["enhanced"].entries if trained.number(image.id) is not None)
    of = TrainingSet.of(images, before, run.consent, persona.trigger, persona.class_word)
    return card(
        data,
        "likeness.dataset",
        "card.md.j2",
        persona=persona,
        consent=run.consent,
        kind_words=run.consent.kind_words,
        images=images,
        swaps=sum(image.target is not None for image in images),
        own=sum(factor <= 1 for factor in of.enlarged),
        largest=max(of.enlarged, default=1.0),
        ratings=sorted(Counter(image.rating for image in images).items()),
        shown=sum(repeats_in(image.file) for image in images),
        stages=[
            {
                "name": name,
                "what": BY_FOLDER[name].what,
                "by": sorted({entry.provider for entry in stage.entries} - {"none"}),
                "made": len(stage.entries),
                "left_out": stage.left_out.total(),
                "usd": sum(entry.cost_usd for entry in stage.entries),
            }
            for name, stage in before.items()
        ],
        codes=sorted(Counter(code_of(image, run.consent).value for image in enhanced).items()),
        quality=readings(of),
        **_photographs(run, images, before),
    )


def _photographs(run: Run, images: Sequence[Entry], before: Mapping[str, Manifest]) -> dict[str, object]:
    """What photographs the images come from: sources and targets with their use, the targets' licence, and how many are
    held out."""
    photographs, consent = before["ingested"].entries, run.consent
    uses = Counter(label for image in images for label in (image.source, image.target))
    return {
        "held_out": sum(photo.held_out for photo in photographs),
        "sources": (
            (photo, uses[photo.source]) for photo in photographs if not photo.target and uses[photo.source]
        ),
        "targets": (
            (photo, uses[photo.target], consent.target_licence(photo.origin or "", (*photo.parents, "")[0]))
            for photo in photographs
            if photo.target is not None and uses[photo.target]
        ),
    }
