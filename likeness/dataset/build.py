"""The training set as a plan per image: where it goes, how often it is shown, what it says of its origin."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from operator import attrgetter

from likeness.dataset.layout import group_of, image_dir, repeats_of
from likeness.dataset.select import Chosen
from likeness.dataset.training_image import PHOTO_VERSION, training_jpeg
from likeness.images import decode_rgb
from likeness.lazy import Index, Lazy
from likeness.marks.pdq import pdq
from likeness.marks.xmp import SourceType, source_type
from likeness.paths import image_name
from likeness.pipeline.batch import Line, Made, Work
from likeness.pipeline.manifest import Entry, Manifest
from likeness.pipeline.training_size import size_of
from likeness.pipeline.verified import verified_bytes
from likeness.run import Run
from likeness.safety.consent import Consent
from likeness.safety.measurements import Measurements
from likeness.store.items import Item, Json
from likeness.store.keys import item_key

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

    def file(self, persona: str, rated: str) -> str:
        """`train/10_jade woman/jade-s1-t1-sfw-enhanced.jpg`."""
        image = self.chosen.image
        name = image_name(persona, image.source, image.target, rated, "enhanced", "jpg")
        return f"{self.directory}/{name}"

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
    crops = Index(resized.entries, attrgetter("id"))
    repeats = repeats_of((pick.image for pick in chosen), run.config.dataset.repeats)

    def planned(number: int) -> Planned:
        image = (pick := chosen[number]).image
        times = repeats[group_of(image)]
        return Planned(
            chosen=pick,
            crop=crops.get(image.id),
            code=code_of(image, run.consent),
            repeats=times,
            directory=image_dir(times, persona.trigger, persona.class_word),
        )

    return Lazy(len(chosen), planned)


def code_of(image: Entry, consent: Consent) -> SourceType:
    """What kind of picture a training image is said to be."""
    synthetic = consent.kind == "synthetic"
    return source_type(swapped=image.target is not None, neural=image.neural, synthetic=synthetic)


def image_work(
    run: Run,
    again: Callable[[], Planned],
    measures: Measurements,
    models: Sequence[Json],
    admit: Callable[[Mapping[str, Json], Chosen], None],
) -> Work:
    """The item that is this image, reduced at most once and marked; `admit` refuses what is measured in it. Nothing of the
    plan is held until it is made: `again` gives it."""
    planned, options = again(), run.config.dataset
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
        make=lambda: _made(run, again(), measures),
        judge=lambda record: admit(record, again().chosen),
        source=image.source,
        target=image.target,
        line=partial(_line, run, again),
    )


def _made(run: Run, planned: Planned, measures: Measurements) -> Made:
    image, options = planned.chosen.image, run.config.dataset
    picture, size = planned.picture(options.side_px), size_of(image, options.side_px)
    folder = run.paths.enhanced if picture is image else run.paths.resized
    given = verified_bytes(folder / picture.file, picture.sha256)
    data, width, height = training_jpeg(given, size_px=size, quality=options.jpeg_quality, code=planned.code)
    seen = measures.of(data, name=image.file)
    look = pdq(decode_rgb(data, name=image.file))
    return Made(files={IMAGE: data}, record={"width": width, "height": height, "pdq": look, **seen})


def _line(run: Run, again: Callable[[], Planned], item: Item) -> Line:
    entry = manifest_entry(run, again(), item)
    return entry, {entry.file: IMAGE}


def manifest_entry(run: Run, planned: Planned, item: Item) -> Entry:
    """The training image's manifest line: faces in its own pixels, parents are its picture and its caption."""
    image, caption, record = planned.chosen.image, planned.chosen.caption, item.record
    width, height = int(record["width"]), int(record["height"])
    across, down = width / image.width, height / image.height
    rated = planned.chosen.rating(record, run.config.ingest.review_explicit)
    return caption.next(
        file=planned.file(run.persona.name, rated),
        rating=rated,
        sha256=item.files[IMAGE].sha256,
        provider="dataset",
        width=width,
        height=height,
        faces=tuple(face.moved(across, down, digits=1) for face in image.faces),
        parents=(planned.picture(run.config.dataset.side_px).sha256, caption.sha256),
        text=planned.chosen.text,
        pdq=record["pdq"],
    )
