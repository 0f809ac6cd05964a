"""One image through the enhance stage: its key, its work and its manifest line."""

from collections.abc import Sequence

import numpy as np
from PIL import Image

from likeness.digests import sha256_pixels
from likeness.enhance import EnhanceConfig, Enhancer
from likeness.images import RGB, encode_jpeg, handed_over
from likeness.lazy import Lazy
from likeness.paths import image_name
from likeness.pipeline.batch import Line, Made, Work
from likeness.pipeline.manifest import Entry
from likeness.pipeline.training_size import fills
from likeness.pipeline.verified import Picture
from likeness.providers import Provider
from likeness.run import Run
from likeness.store.items import Item, Json
from likeness.store.keys import item_key

ENHANCE_VERSION = 1
"""Raised whenever the same file and settings would give other pixels."""

IMAGE = "image.jpg"


OWN = "none"
"""The provider in the manifest of an image that was not enlarged."""


def is_enlarged(entry: Entry, provider: Provider[Enhancer], side_px: int | None) -> bool:
    """Whether an image lacks pixels: it has fewer than twice its training size. Nothing is sent elsewhere, and paid for,
    for one that fills the dataset's `side_px`: the dataset takes its own pixels."""
    return not (entry.has_own_pixels or (provider.remote and fills(entry, side_px)))


def enhance_key(entry: Entry, provider: Provider[Enhancer], cfg: EnhanceConfig, *, enlarged: bool) -> str:
    """The key of one image."""
    settings: dict[str, Json] = {"jpeg_quality": cfg.jpeg_quality}
    if not enlarged:
        return item_key("enhance.own", ENHANCE_VERSION, settings, [entry.sha256])
    settings["provider"] = provider.identity()
    if entry.bucket_px is not None and entry.width > entry.bucket_px[0]:
        settings["bucket_px"] = list(entry.bucket_px)
    return item_key("enhance", ENHANCE_VERSION, settings, [entry.sha256])


def works(run: Run, pictures: Sequence[Picture], enhancer: Enhancer | None = None) -> Sequence[Work]:
    """The stage's work: one enlargement a resized picture; without an enhancer it can only be looked up."""
    return Lazy(len(pictures), lambda number: _work(pictures[number], run, enhancer))


def _work(picture: Picture, run: Run, enhancer: Enhancer | None) -> Work:
    entry, provider, cfg = picture.entry, run.provider, run.config.enhance
    enlarged = is_enlarged(entry, provider, run.config.dataset.side_px)

    def make() -> Made:
        rgb, cost_usd = picture.rgb(), 0.0
        if enlarged:
            assert enhancer is not None, "a plan makes nothing"
            made = enhancer.enhance(rgb, item=entry.id)
            rgb, cost_usd = _reduce(handed_over(made.rgb, who=provider.name), entry), made.cost_usd
        height, width = rgb.shape[:2]
        image = encode_jpeg(rgb, cfg.jpeg_quality)
        if enlarged and draws_as_it_likes(provider):
            run.judge_delivery(image)
        return Made(files={IMAGE: image}, record={"size_px": [width, height], "cost_usd": cost_usd})

    def line(item: Item) -> Line:
        name = image_name(run.persona.name, entry.source, entry.target, entry.rating, "enhanced", "jpg")
        return enhanced_entry(entry, item, name, provider.name if enlarged else OWN), {name: IMAGE}

    def order() -> str | None:
        return provider.purchase_key(sha256_pixels(picture.rgb()))

    key = enhance_key(entry, provider, cfg, enlarged=enlarged)
    return Work(
        id=entry.id,
        key=key,
        make=make,
        source=entry.source,
        target=entry.target,
        line=line,
        order=order if enlarged else None,
    )


def draws_as_it_likes(provider: Provider[Enhancer]) -> bool:
    """Whether nobody here knows what it draws: a package's own code, or weights of somebody's. What is bought is judged where it
    is bought."""
    own = type(provider).__module__.startswith("likeness.")
    return not own or (provider.neural and not provider.remote)


def enhanced_entry(entry: Entry, item: Item, file: str, provider: str) -> Entry:
    """The manifest line of an image that `provider` enlarged, or OWN; its faces in its own pixels."""
    width, height = item.record["size_px"]
    return entry.next(
        file=file,
        sha256=item.files[IMAGE].sha256,
        provider=provider,
        width=width,
        height=height,
        faces=tuple(face.moved(width / entry.width, height / entry.height) for face in entry.faces),
        cost_usd=item.record["cost_usd"],
    )


def _reduce(enlarged: RGB, entry: Entry) -> RGB:
    """An enlargement of a crop with more pixels than its bucket, at the size that one of just the bucket's would get."""
    if entry.bucket_px is None or entry.width <= entry.bucket_px[0]:
        return enlarged
    scale = enlarged.shape[1] // entry.width
    size = (entry.bucket_px[0] * scale, entry.bucket_px[1] * scale)
    return np.asarray(Image.fromarray(enlarged).resize(size, Image.Resampling.LANCZOS))
