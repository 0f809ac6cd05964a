"""The training set as a plan per image: where it goes, how often it is shown, what it says of its origin. At the
door it comes from an ingested photograph, step by step, or it stays out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from PIL import Image

from likeness.dataset import DatasetConfig
from likeness.dataset.layout import group_of, image_dir, repeats_of
from likeness.dataset.select import Chosen
from likeness.dataset.training_image import PHOTO_VERSION, training_jpeg
from likeness.images import decode_rgb, load_rgb
from likeness.lazy import Lazy
from likeness.marks.pdq import pdq
from likeness.marks.xmp import SourceType, source_type
from likeness.paths import PersonaPaths
from likeness.pipeline.batch import Line, Made, Work
from likeness.pipeline.manifest import Entry, Manifest
from likeness.pipeline.training_size import size_of
from likeness.pipeline.verified import verified_bytes
from likeness.run import Run
from likeness.safety.consent import Consent
from likeness.safety.measurements import Measurements
from likeness.safety.pictures import refuse_picture
from likeness.store.items import Item, Json, item_key

STEPS = ("enhanced", "resized", "swapped", "ingested")
"""The folders from a chosen image back to its photographs."""

ALIKE_PX = 24
MAX_DIFFERENCE = 12.0
"""An enlarged picture shows what its crop shows: their mean difference of 0..255 at this size. The demo's 41: below 2."""


class Door:
    """What may go into the training set; `before` are the manifests of the stages before, by their folders' names."""

    def __init__(self, run: Run, before: Mapping[str, Manifest]) -> None:
        self._run, self._before = run, before
        self._known = {
            folder: {bytes.fromhex(entry.sha256): at for at, entry in enumerate(before[folder].entries)}
            for folder in STEPS[1:]
        }

    def admit(self, record: Mapping[str, Json], chosen: Chosen) -> None:
        """Let a measured training image pass, or not; its caption passed already (`select`).

        Raises:
            InputError: refused, with the gate's reason.
        """
        wrong = self._untraced(chosen)
        refuse_image(record, self._run, what=chosen.image.file, untraced=wrong)

    def _untraced(self, chosen: Chosen) -> str | None:
        """What is wrong with where an image comes from; None where each step is in the manifest of its stage, the
        photographs are ingested, and the consent record covers them."""
        entries = [chosen.image]
        for made, folder in pairwise(STEPS):
            known = self._known[folder]
            parents = [known.get(bytes.fromhex(parent)) for entry in entries for parent in entry.parents]
            if not parents or None in parents:
                return f"{entries[0].file} of {made}/ was made of what {folder}/manifest.jsonl does not name"
            entries = [self._before[folder].entries[at] for at in parents if at is not None]
            if made == "enhanced" and (wrong := _unlike_its_crop(chosen.image, entries[0], self._run.paths)):
                return wrong
        photographs = {entry.source or entry.target for entry in entries}
        if photographs != {chosen.image.source, chosen.image.target} - {None}:
            return f"{chosen.image.file} was made of other photographs than it says"
        return next((wrong for one in entries if (wrong := not_covered(one, self._run.consent))), None)


def refuse_image(seen: Mapping[str, Json], run: Run, *, what: str, untraced: str | None) -> None:
    """Let what was measured on a training image pass, or not: the rule of the dataset's door and of training's.

    Raises:
        InputError: refused, with the gate's reason.
    """
    refuse_picture("training image", seen, run.consent, what=what, untraced=untraced, embedder=run.embedder)


def not_covered(photo: Entry, consent: Consent) -> str | None:
    """Why nothing that is made of an ingested photograph may be trained on; None where it may."""
    if photo.held_out:
        return f"{photo.file} is held out"
    role = "target" if photo.target else "source"
    raw = (*photo.parents, "")[0]
    if not consent.covers_photo(role, photo.origin or "", raw):
        return f"consent does not cover the photograph {photo.origin} (sha256 {raw})"
    return None


def _unlike_its_crop(image: Entry, crop: Entry, paths: PersonaPaths) -> str | None:
    small = [
        np.asarray(Image.fromarray(load_rgb(path)).resize((ALIKE_PX, ALIKE_PX), Image.Resampling.BOX), float)
        for path in (paths.enhanced / image.file, paths.resized / crop.file)
    ]
    difference = float(np.abs(small[0] - small[1]).mean())
    if not difference <= MAX_DIFFERENCE:
        return f"{image.file} does not show what its crop {crop.file} shows (difference {difference:.0f})"
    return None


IMAGE = "image.jpg"
"""Name of the finished image inside its item."""


@dataclass(frozen=True, kw_only=True)
class Planned:
    """What happens to one chosen image: `crop` is what it was enhanced from, `directory` is relative to the training
    set's folder."""

    chosen: Chosen
    crop: Entry | None = None
    code: SourceType
    repeats: int
    directory: str

    @property
    def file(self) -> str:
        """`train/10_jade woman/jade-s1-t1-sfw-enhanced.jpg`."""
        return f"{self.directory}/{Path(self.chosen.image.file).stem}.jpg"

    def picture(self, side_px: int | None) -> Entry:
        """What the training image is made from: the crop where it has all the pixels, for the photograph's own come
        before enlarged ones; otherwise the enhanced image."""
        width, height = size_of(self.chosen.image, side_px)
        crop = self.crop
        fills = crop is not None and crop.width >= width and crop.height >= height
        return crop if crop is not None and fills else self.chosen.image


def plan(run: Run, chosen: Sequence[Chosen], resized: Manifest) -> Sequence[Planned]:
    """One plan an image."""
    persona = run.persona
    crops = {entry.id: number for number, entry in enumerate(resized.entries)}
    repeats = repeats_of((pick.image for pick in chosen), run.config.dataset.repeats)

    def planned(number: int) -> Planned:
        image = (pick := chosen[number]).image
        crop, times = crops.get(image.id), repeats[group_of(image)]
        return Planned(
            chosen=pick,
            crop=None if crop is None else resized.entries[crop],
            code=code_of(image, run.consent),
            repeats=times,
            directory=image_dir(times, persona.trigger, persona.class_word),
        )

    return Lazy(len(chosen), planned)


def code_of(image: Entry, consent: Consent) -> SourceType:
    """What kind of picture a training image is said to be."""
    return source_type(
        swapped=image.target is not None, neural=image.neural, synthetic=consent.kind == "synthetic"
    )


def image_work(
    again: Callable[[], Planned],
    places: PersonaPaths,
    options: DatasetConfig,
    measures: Measurements,
    models: Sequence[Json],
    admit: Callable[[Mapping[str, Json], Chosen], None],
) -> Work:
    """The item that is this image, reduced at most once and marked; `admit` refuses what is measured in it. Nothing of the
    plan is held until it is made: `again` gives it."""
    planned = again()
    image, code = planned.chosen.image, planned.code
    picture, size = planned.picture(options.side_px), size_of(image, options.side_px)
    settings: dict[str, Json] = {
        "side_px": options.side_px,
        "quality": options.jpeg_quality,
        "source_type": code.value,
        "models": list(models),
    }
    if image.bucket_px is not None:
        settings["size_px"] = list(size)

    return Work(
        id=image.id,
        key=item_key("dataset.image", PHOTO_VERSION, settings, [picture.sha256]),
        make=lambda: _made(again(), places, options, measures),
        judge=lambda record: admit(record, again().chosen),
        source=image.source,
        target=image.target,
        line=lambda item: _line(again(), item, options.side_px),
    )


def _made(planned: Planned, places: PersonaPaths, options: DatasetConfig, measures: Measurements) -> Made:
    image = planned.chosen.image
    picture, size = planned.picture(options.side_px), size_of(image, options.side_px)
    folder = places.enhanced if picture is image else places.resized
    data, width, height = training_jpeg(
        verified_bytes(folder / picture.file, picture.sha256),
        size_px=size,
        quality=options.jpeg_quality,
        code=planned.code,
    )
    seen = measures.of(data, name=planned.file)
    look = pdq(decode_rgb(data, name=planned.file))
    return Made(files={IMAGE: data}, record={"width": width, "height": height, "pdq": look, **seen})


def _line(planned: Planned, item: Item, side_px: int | None) -> Line:
    return manifest_entry(planned, item, side_px), {planned.file: IMAGE}


def manifest_entry(planned: Planned, item: Item, side_px: int | None) -> Entry:
    """The training image's manifest line: faces in its own pixels, parents are its picture and its caption."""
    image, caption, record = planned.chosen.image, planned.chosen.caption, item.record
    width, height = int(record["width"]), int(record["height"])
    across, down = width / image.width, height / image.height
    return caption.next(
        file=planned.file,
        sha256=item.files[IMAGE].sha256,
        provider="dataset",
        width=width,
        height=height,
        faces=tuple(face.moved(across, down, digits=1) for face in image.faces),
        parents=(planned.picture(side_px).sha256, caption.sha256),
        text=planned.chosen.text,
        pdq=record["pdq"],
    )
