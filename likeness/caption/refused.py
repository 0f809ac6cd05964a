"""Images that a person refused by hand, known by their pixels: they get no caption, so they do not enter the training
set."""

from array import array
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from likeness.digests import sha256_pixels
from likeness.errors import InputError
from likeness.images import load_rgb
from likeness.lazy import chosen
from likeness.pipeline.manifest import Entry, Failure, read_manifest
from likeness.pipeline.verified import Picture, verified
from likeness.run import Run
from likeness.safety.by_hand import RefusedByHand, read_refused, refuse_changed, take_back, write_refusal


def enhanced_image(run: Run, image: str) -> Entry:
    """The manifest line of the made image that a person names.

    Raises:
        InputError: there is none of that name.
    """
    entry = next((one for one in read_manifest(run.paths.enhanced).entries if one.id == image), None)
    if entry is None:
        raise InputError(
            f"{image} is not an enhanced image of {run.persona.name}",
            reason="unknown-image",
            remedy=f"name it as {run.paths.enhanced}/manifest.jsonl does: {run.persona.name}-s1-t1",
        )
    return entry


def refused_images(run: Run, pictures: Iterable[Picture]) -> Mapping[str, RefusedByHand]:
    """Those of the pictures that a person refused, by their ids.

    Raises:
        ConfigError: the list does not read.
    """
    refused = read_refused(run.paths.refused_images)
    if not refused:  # else every picture is read
        return {}
    digests = ((one.entry.id, _digest(one.path)) for one in pictures)
    return {image: refused[digest] for image, digest in digests if digest in refused}


def without_refused(run: Run, pictures: Sequence[Picture]) -> tuple[Sequence[Picture], list[Failure]]:
    """The pictures that go on, and a line for each that a person refused."""
    if not (refused := refused_images(run, pictures)):
        return pictures, []
    left = [
        one.entry.failure(
            kind="refused",
            reason=why.refusal.reason,
            detail=f"{one.entry.file}: {why.refusal.detail}",
            remedy=why.refusal.remedy,
        )
        for one in pictures
        if (why := refused.get(one.entry.id))
    ]
    passed = array("q", (number for number, one in enumerate(pictures) if one.entry.id not in refused))
    return chosen(pictures, passed), left


def refuse_image(run: Run, image: str, why: str, sha256: str | None = None) -> None:
    """Keep a made image out of the training set; `sha256`: only if its file has these bytes still.

    Raises:
        InputError: there is no such image, it has other bytes, or no reason is given.
    """
    write_refusal(run.paths.refused_images, _looked_at(run, image, sha256), image, why)


def accept_image(run: Run, image: str, sha256: str | None = None) -> None:
    """Take back a person's refusal.

    Raises:
        InputError: as `refuse_image`; or no person refused it.
    """
    take_back(run.paths.refused_images, _looked_at(run, image, sha256), image)


def _looked_at(run: Run, image: str, sha256: str | None) -> str:
    entry = enhanced_image(run, image)
    refuse_changed(image, entry.sha256, sha256)
    return _digest(verified(run.paths.enhanced, entry))


def _digest(path: Path) -> str:
    return sha256_pixels(load_rgb(path))
