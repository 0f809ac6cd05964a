"""One image through the resize stage: its key, its work and its manifest line."""

from collections.abc import Sequence

from likeness.errors import InputError
from likeness.images import encode_png
from likeness.lazy import Lazy
from likeness.paths import image_name
from likeness.pipeline.batch import Line, Made, Work
from likeness.pipeline.manifest import Entry
from likeness.pipeline.verified import Picture
from likeness.resize import ResizeConfig
from likeness.resize.crop import Cut, is_inside, move_face, own_pixels, plan_cut
from likeness.resize.fit import fit, image_size
from likeness.run import Run
from likeness.store.items import Item, Json
from likeness.store.keys import item_key

RESIZE_VERSION = 2
"""Raised whenever the same file and settings would give other pixels."""

IMAGE = "image.png"


def resize_key(entry: Entry, cfg: ResizeConfig) -> str:
    """The key of one resized image; its face comes from the manifest, so the box is part of it."""
    settings: dict[str, Json] = {
        **cfg.model_dump(mode="json", exclude={"max_failure_ratio"}),
        "face_box_px": list(entry.faces[0].box_px) if entry.faces else None,
    }
    return item_key("resize", RESIZE_VERSION, settings, [entry.sha256])


def works(run: Run, pictures: Sequence[Picture]) -> Sequence[Work]:
    """The stage's work: one cut a swapped picture. Nothing is looked at again, the faces come from the manifest."""
    return Lazy(len(pictures), lambda number: _work(pictures[number], run.persona.name, run.config.resize))


def _work(picture: Picture, persona: str, cfg: ResizeConfig) -> Work:
    entry = picture.entry

    def make() -> Made:
        if not entry.faces:
            raise InputError(
                f"{entry.file}: the manifest knows no face in it",
                reason="no-face",
                remedy="replace the photo it was made from, or remove it",
            )
        data = picture.data()
        planned = plan_cut(image_size(data, name=entry.file), entry.faces[0].box_px, cfg)
        cut = own_pixels(planned)
        sizes = {"box_px": cut.box_px, "size_px": cut.size_px, "bucket_px": planned.size_px}
        record: dict[str, Json] = {name: list(size) for name, size in sizes.items()}
        return Made(files={IMAGE: encode_png(fit(data, cut, name=entry.file))}, record=record)

    def line(item: Item) -> Line:
        name = image_name(persona, entry.source, entry.target, entry.rating, "resized", "png")
        return resized_entry(entry, item, name), {name: IMAGE}

    key = resize_key(entry, cfg)
    return Work(id=entry.id, key=key, make=make, source=entry.source, target=entry.target, line=line)


def resized_entry(entry: Entry, item: Item, file: str) -> Entry:
    """The manifest line of a resized image, faces in its own pixels; faces cut away are left out."""
    left, top, right, bottom = item.record["box_px"]
    width, height = item.record["size_px"]
    cut = Cut(box_px=(left, top, right, bottom), size_px=(width, height))
    return entry.next(
        file=file,
        sha256=item.files[IMAGE].sha256,
        provider="pillow",
        width=width,
        height=height,
        bucket_px=item.record["bucket_px"],
        faces=tuple(move_face(face, cut) for face in entry.faces if is_inside(face, cut)),
    )
