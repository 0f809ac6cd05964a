"""plan, second part: the graph walked through the item store, key by key, as the stages would walk it.

An item that is stored gives the digests of its files, and these the next stage's keys. What is to do in one stage is
to do in all that follow, at most: some of it may be refused.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from likeness.caption.items import caption_key, override_key
from likeness.caption.text import SUFFIX, find_overrides
from likeness.cli.plan_photos import Chosen, Ingested, look
from likeness.enhance.items import IMAGE as ENHANCED
from likeness.enhance.items import enhance_key, enhanced_entry
from likeness.errors import InputError
from likeness.images import load_rgb
from likeness.paths import image_name, item_id
from likeness.pipeline.manifest import Entry
from likeness.purchases.history import seconds_an_item
from likeness.resize.items import IMAGE as RESIZED
from likeness.resize.items import resize_key, resized_entry
from likeness.run import Run, provider
from likeness.store.items import Item, ItemStore, sha256_pixels
from likeness.swap.items import IMAGE as SWAPPED
from likeness.swap.items import keep_key, swap_entry, swap_key


@dataclass(frozen=True, kw_only=True)
class Line:
    """What one stage has to do: items, calls that cost money, what they cost, and what it takes (None: unknown).
    `at_most`: it may turn out to be less."""

    stage: str
    items: int
    reused: int
    to_do: int
    calls: int
    usd: float
    seconds: float | None
    at_most: bool


@dataclass(frozen=True, kw_only=True)
class Image:
    """An image on its way: its manifest line and its file after the last stage, None while they are to be made."""

    id: str
    entry: Entry | None = None
    path: Path | None = None


Orders = Sequence[str | None]
"""The keys of the purchases that missing items need; None where it is not known, so that it counts as not bought."""


class Walk:
    """The way of one persona's images from stage to stage."""

    def __init__(self, run: Run, items: ItemStore) -> None:
        self._run, self._cfg, self._persona, self._items = run, run.config, run.persona, items
        self._lines: list[Line] = []

    def lines(self, photos: Ingested) -> list[Line]:
        """What each stage from ingest to caption has to do."""
        self._lines = []
        self._add("ingest", photos.files, photos.files - photos.measured)
        if photos.chosen is None:
            images = [Image(id="")] * (photos.most_kept + photos.most_pairs)
            self._add("swap", len(images), len(images), self._cfg.swap, [None] * photos.most_pairs)
        else:
            images = self._swap(photos.chosen)
        images = self._resize(images)
        self._caption(self._enhance(images))
        return self._lines

    def _swap(self, photos: Chosen) -> list[Image]:
        chosen, standards = provider(self._cfg.swap), photos.standards
        identity, asked = chosen.identity(), getattr(chosen, "purchase_key", None)
        images = [Image(id=photo.entry.id, entry=photo.entry, path=photo.path) for photo in photos.kept]
        kept = look(self._items, [keep_key(photo) for photo in photos.kept])
        keys = [
            swap_key(source, target, identity=identity, max_explicit=standards.max_explicit)
            for source, target in photos.pairs
        ]
        orders: list[str | None] = []
        for (source, target), item in zip(photos.pairs, look(self._items, keys), strict=True):
            pair = item_id(self._persona.name, source.entry.source, target.entry.target)
            if item is None:
                pixels = [photos.pixels[photo.entry.id] for photo in (source, target)]
                orders.append(asked(*pixels, target.face) if asked else None)
                images.append(Image(id=pair))
            elif "refusal" not in item.record:
                try:
                    entry, _ = swap_entry(
                        self._persona.name, source, target, item, standards, provider=chosen.name
                    )
                except InputError:  # refused under today's thresholds
                    continue
                images.append(Image(id=pair, entry=entry, path=item.files[SWAPPED].path))
        count, to_do = len(kept) + len(keys), kept.count(None) + len(orders)
        self._add("swap", count, to_do, self._cfg.swap, orders)
        return images

    def _resize(self, images: Sequence[Image]) -> list[Image]:
        keys = [
            None if image.entry is None else resize_key(image.entry, self._cfg.resize) for image in images
        ]
        found = look(self._items, keys)
        self._add("resize", len(images), found.count(None), at_most=_unknown(images))
        return _after(images, found, lambda entry, item: resized_entry(entry, item, ""), RESIZED)

    def _enhance(self, images: Sequence[Image]) -> list[Image]:
        section, chosen = self._cfg.enhance, provider(self._cfg.enhance)
        keys = [
            None if image.entry is None else enhance_key(image.entry, chosen, section) for image in images
        ]
        found = look(self._items, keys)
        missing = [image for image, item in zip(images, found, strict=True) if item is None]
        self._add(
            "enhance", len(images), len(missing), section, _orders(missing, chosen), at_most=_unknown(images)
        )

        def entry(before: Entry, item: Item) -> Entry:
            name = image_name(
                self._persona.name, before.source, before.target, before.rating, "enhanced", "jpg"
            )
            return enhanced_entry(before, item, name, chosen.name)

        return _after(images, found, entry, ENHANCED)

    def _caption(self, images: Sequence[Image]) -> None:
        section, chosen, persona = self._cfg.caption, provider(self._cfg.caption), self._persona
        written = _overrides(self._run.paths.captions_override, images)

        def key(image: Image) -> str | None:
            if image.id in written:
                return override_key(written[image.id], trigger=persona.trigger)
            if image.entry is None:
                return None
            return caption_key(image.entry, chosen, trigger=persona.trigger, class_word=persona.class_word)

        found = look(self._items, [key(image) for image in images])
        missing = [image for image, item in zip(images, found, strict=True) if item is None]
        asked = [image for image in missing if image.id not in written]
        self._add(
            "caption", len(images), len(missing), section, _orders(asked, chosen), at_most=_unknown(images)
        )

    def _add(
        self,
        stage: str,
        items: int,
        to_do: int,
        section: Any = None,
        orders: Orders = (),
        *,
        at_most: bool = False,
    ) -> None:
        quote = getattr(provider(section), "quote", None) if section is not None else None
        calls, usd = 0, 0.0
        if quote is None:
            each = seconds_an_item(self._run.repository, stage, self._persona.name)
            seconds = 0.0 if to_do == 0 else None if each is None else each * to_do
        else:
            one = quote(self._cfg.prices)
            found = zip(orders, look(self._items, orders), strict=True)
            buy = sum(item is None and not self._is_ordered(order) for order, item in found)
            calls, usd = buy * one.calls, buy * one.usd
            seconds = math.ceil(buy / one.in_flight) * one.seconds
            at_most = at_most or None in orders
        self._lines.append(
            Line(
                stage=stage, items=items, reused=items - to_do, to_do=to_do, calls=calls, usd=usd, seconds=seconds,
                at_most=at_most,
            )
        )  # fmt: skip

    def _is_ordered(self, order: str | None) -> bool:
        """Whether it was ordered and not delivered yet: then its price is already reserved."""
        return order is not None and self._items.ticket(order) is not None


def _after(
    images: Sequence[Image], found: Sequence[Item | None], entry: Callable[[Entry, Item], Entry], file: str
) -> list[Image]:
    """The images after a stage; what it is known to refuse goes no further."""
    left: list[Image] = []
    for image, item in zip(images, found, strict=True):
        if item is None or image.entry is None:
            left.append(Image(id=image.id))
        elif "refusal" not in item.record:
            left.append(replace(image, entry=entry(image.entry, item), path=item.files[file].path))
    return left


def _unknown(images: Sequence[Image]) -> bool:
    return any(image.entry is None for image in images)


def _orders(missing: Sequence[Image], chosen: Any) -> list[str | None]:
    asked = getattr(chosen, "purchase_key", None)
    return [
        None if asked is None or image.path is None else asked(sha256_pixels(load_rgb(image.path)))
        for image in missing
    ]


def _overrides(folder: Path, images: Sequence[Image]) -> dict[str, bytes]:
    """Captions that a person wrote, by image; an image to come may be rated either way."""
    written, _ = find_overrides(folder, [image.entry for image in images if image.entry is not None])
    for image in images:
        names = [f"{image.id}{tail}{SUFFIX}" for tail in ("-sfw-enhanced", "-review-enhanced", "")]
        if image.entry is None and (path := next((p for n in names if (p := folder / n).is_file()), None)):
            written[image.id] = path.read_bytes()
    return written
