"""One image through the enhance stage: its key, its work and its manifest line."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from likeness.enhance import EnhanceConfig, EnhanceProvider, Enhancer
from likeness.images import encode_jpeg, load_rgb
from likeness.paths import image_name
from likeness.pipeline.batch import Line, Made, Work
from likeness.pipeline.manifest import Entry, Picture
from likeness.run import Run
from likeness.store.items import Item, Json, item_key, sha256_pixels

ENHANCE_VERSION = 1
"""Raised whenever the same file and settings would give other pixels."""

IMAGE = "image.jpg"


def enhance_key(entry: Entry, provider: EnhanceProvider, cfg: EnhanceConfig) -> str:
    """The key of one enlarged image."""
    settings: dict[str, Json] = {"provider": provider.identity(), "jpeg_quality": cfg.jpeg_quality}
    return item_key("enhance", ENHANCE_VERSION, settings, [entry.sha256])


def enhance_work(
    entry: Entry, folder: Path, provider: EnhanceProvider, enhancer: Enhancer | None, cfg: EnhanceConfig
) -> Work:
    """The work of one image in `folder`."""

    def make() -> Made:
        assert enhancer is not None, "a plan makes nothing"
        made = enhancer.enhance(load_rgb(folder / entry.file), item=entry.id)
        height, width = made.rgb.shape[:2]
        image = encode_jpeg(made.rgb, cfg.jpeg_quality)
        return Made(files={IMAGE: image}, record={"size_px": [width, height], "cost_usd": made.cost_usd})

    return Work(
        id=entry.id,
        key=enhance_key(entry, provider, cfg),
        make=make,
        source=entry.source,
        target=entry.target,
    )


def works(run: Run, pictures: Sequence[Picture], enhancer: Enhancer | None = None) -> list[Work]:
    """The stage's work: one enlargement a resized picture; without an enhancer it can only be looked up."""
    provider, cfg = run.provider, run.config.enhance

    def line(entry: Entry, item: Item) -> Line:
        name = image_name(run.persona.name, entry.source, entry.target, entry.rating, "enhanced", "jpg")
        return enhanced_entry(entry, item, name, provider.name), {name: IMAGE}

    return [
        replace(
            enhance_work(one.entry, one.path.parent, provider, enhancer, cfg),
            line=partial(line, one.entry),
            order=partial(order, provider, one.path),
        )
        for one in pictures
    ]


def order(provider: EnhanceProvider, path: Path) -> str | None:
    """The key that the enlargement of a picture is bought under."""
    key = getattr(provider, "purchase_key", None)
    return None if key is None else key(sha256_pixels(load_rgb(path)))


def enhanced_entry(entry: Entry, item: Item, file: str, provider: str) -> Entry:
    """The manifest line of an enlarged image, its faces in its own pixels."""
    width, height = item.record["size_px"]
    return entry.next(
        file=file,
        sha256=item.files[IMAGE].sha256,
        provider=provider,
        width=width,
        height=height,
        faces=tuple(face.moved(width / entry.width, width / entry.width) for face in entry.faces),
        cost_usd=item.record["cost_usd"],
    )
