"""One image through the enhance stage: its key, its work and its manifest line."""

from pathlib import Path

from likeness.enhance import EnhanceConfig, EnhanceProvider, Enhancer
from likeness.images import encode_jpeg, load_rgb
from likeness.pipeline.batch import Made, Work
from likeness.pipeline.manifest import Entry
from likeness.store.items import Item, Json, item_key

ENHANCE_VERSION = 1
"""Raised whenever the same file and settings would give other pixels."""

IMAGE = "image.jpg"


def enhance_key(entry: Entry, provider: EnhanceProvider, cfg: EnhanceConfig) -> str:
    """The key of one enlarged image."""
    settings: dict[str, Json] = {"provider": provider.identity(), "jpeg_quality": cfg.jpeg_quality}
    return item_key("enhance", ENHANCE_VERSION, settings, [entry.sha256])


def enhance_work(
    entry: Entry, folder: Path, provider: EnhanceProvider, enhancer: Enhancer, cfg: EnhanceConfig
) -> Work:
    """The work of one image in `folder`."""

    def make() -> Made:
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
