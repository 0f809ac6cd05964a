"""The ingested photographs that a swap starts from, and what is measured on each of them once."""

import json
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from likeness.digests import sha256_bytes
from likeness.errors import InputError
from likeness.faces import Face, from_json
from likeness.lazy import Lazy, LazyMap
from likeness.paths import face_file
from likeness.pipeline.batch import Made, Outcome, Work, run_batch
from likeness.pipeline.manifest import Entry
from likeness.pipeline.verified import Picture, verified_bytes
from likeness.store.items import ItemStore
from likeness.store.keys import item_key
from likeness.swap import Portrait
from likeness.swap.lighting import TRAITS_VERSION, Traits, measure
from likeness.swap.range import Candidate


@dataclass(frozen=True, kw_only=True)
class Photo(Picture):
    """An ingested photo: also the face that is meant, that face's digest, and that of the photo's pixels where it is known."""

    face: Face
    face_sha256: str
    pixels_sha256: str = ""

    @staticmethod
    def read(entry: Entry, path: Path, face: Path, pixels_sha256: str = "") -> "Photo":
        """The photo of a manifest line at `path`, with the face that ingest wrote beside it.

        Raises:
            InputError: the face is not the one that the line names.
        """
        data = verified_bytes(face, entry.face_sha256)
        return Photo(
            entry=entry,
            path=path,
            face=from_json(json.loads(data)),
            face_sha256=sha256_bytes(data),
            pixels_sha256=pixels_sha256,
        )

    @property
    def digests(self) -> list[str]:
        """What decides everything made of this photo."""
        return [self.entry.sha256, self.face_sha256]

    def portrait(self) -> Portrait:
        """The pixels, read when they are needed: a thousand photos don't fit into memory."""
        return Portrait(rgb=self.rgb(), face=self.face)


Photos = Mapping[str, Photo]
"""Photos by their label, `s1` or `t1`; a face takes 10 kB, so each is read when it is asked for."""


def read_photos(ingested: Sequence[Picture]) -> tuple[Photos, Photos]:
    """What `by_role` gives for photographs in the folder that ingest wrote.

    Raises:
        InputError: a face is not the one that its photograph's line names.
    """

    def face_of(one: Picture) -> Path:
        return one.path.with_name(face_file(one.entry.id))

    for one in ingested:
        if not one.entry.held_out:
            verified_bytes(face_of(one), one.entry.face_sha256)
    return by_role(
        (one.entry for one in ingested),
        lambda number: Photo.read((one := ingested[number]).entry, one.path, face_of(one)),
    )


def by_role(entries: Iterable[Entry], photo: Callable[[int], Photo]) -> tuple[Photos, Photos]:
    """Sources that are not held out, and targets; `photo` gives that of each entry by its number."""
    sources, targets = dict[str, int](), dict[str, int]()
    for number, entry in enumerate(entries):
        for label, numbers in ((entry.source, sources), (entry.target, targets)):
            if label and not entry.held_out:
                numbers[label] = number
    return (
        LazyMap(sources, lambda label: photo(sources[label])),
        LazyMap(targets, lambda label: photo(targets[label])),
    )


def traits_key(photo: Photo) -> str:
    """The key of what the choice of pairs needs to know of a photo."""
    return item_key("swap-traits", TRAITS_VERSION, {}, photo.digests)


def measure_photos(
    sources: Photos, targets: Photos, items: ItemStore, workers: int, stop: threading.Event
) -> Mapping[str, Candidate]:
    """What the choice of pairs looks at, by label.

    Raises:
        InputError: an ingested photo could not be read.
    """

    def photo_of(label: str) -> Photo:
        return sources[label] if label in sources else targets[label]

    def work(number: int) -> Work:
        photo = photo_of(labels[number])
        return Work(id=photo.entry.id, key=traits_key(photo), make=partial(_measured, photo))

    labels = [*sources, *targets]
    outcomes = run_batch("swap: light", Lazy(len(labels), work), items, workers=workers, stop=stop)
    numbers = {label: number for number, label in enumerate(labels)}
    return LazyMap(
        numbers,
        lambda label: Candidate(face=photo_of(label).face, traits=_traits_of(outcomes[numbers[label]])),
    )


def _measured(photo: Photo) -> Made:
    return Made(files={}, record=measure(photo.portrait()).model_dump(mode="json"))


def _traits_of(outcome: Outcome) -> Traits:
    if outcome.item is None:
        failure = outcome.failure
        detail = "it could not be measured" if failure is None else failure.detail
        raise InputError(f"{outcome.work.id}: {detail}", reason="unreadable", remedy="run `dvc repro` again")
    return Traits.model_validate(outcome.item.record)
