"""Which files may be published: only what a manifest names and rates `sfw`."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from likeness.dataset.layout import CARD, METADATA, TOML, caption_of
from likeness.digests import sha256_bytes, sha256_file
from likeness.errors import InputError
from likeness.lora.door import refuse_others
from likeness.lora.safetensors_io import read_header
from likeness.lora.said import TRAINING_SET
from likeness.lora.values import refuse_not_finite
from likeness.paths import PersonaPaths, require_file
from likeness.pipeline.manifest import Entry, read_manifest
from likeness.pipeline.verified import verified
from likeness.publish.archives import BROKEN, opened, text_of
from likeness.report.words import SHOWABLE
from likeness.safety.gates import Subject, judge
from likeness.versions.record import read_versions

ALL_OF_THE_SET = "archive, weights, cards and report"
"""What is made of the training set, and withheld with an image of it."""


@dataclass(frozen=True)
class Withheld:
    """What is not published, and why."""

    what: str
    why: str


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """Files that may leave, {name in the bucket: path here}, and what may not."""

    files: dict[str, Path]
    withheld: tuple[Withheld, ...]


def choose(places: PersonaPaths, consent_id: str) -> Chosen:
    """Look through a persona's finished folders.

    What the training set's manifest does not wholly rate `sfw` withholds everything made of it: archive, weights,
    cards and report.

    Raises:
        InputError: a file is missing, is not the one its manifest names, or was made under another consent record.
    """
    withheld: list[Withheld] = []
    texts = _rated(places.captions, withheld)  # a captioner sees more than the first rating did
    unfit = {entry.id for entry in read_manifest(places.captions).entries} - {entry.id for entry in texts}
    images = [entry for entry in _rated(places.enhanced, withheld) if entry.id not in unfit]
    named = {entry.id for entry in images}
    captions = [entry for entry in texts if entry.id in named]
    shown = {
        "images": (places.enhanced, images),
        "captions": (places.captions, captions),
        "evaluation/samples": (places.samples, _rated(places.samples, withheld)),
    }
    files = {
        f"{name}/{entry.file}": verified(folder, entry)
        for name, (folder, entries) in shown.items()
        for entry in entries
    }

    trained_on = _rated(places.lora_training, withheld)
    everything = read_manifest(places.lora_training).entries
    if len(trained_on) < len(everything) or unfit & {entry.id for entry in everything}:
        why = "the training set has images that are not rated sfw"
        withheld.append(Withheld(ALL_OF_THE_SET, why))
        return Chosen(files=files, withheld=tuple(withheld))

    training_set = sha256_file(_existing(places.dataset_metadata))
    _check_archive(places, trained_on, training_set)
    _check_weights(places.weights, consent_id, training_set)
    whole = [places.dataset_zip, places.weights, places.model_card, places.dataset_card]
    if refused := [one.id for one in read_manifest(places.ingested).failures if one.reason in SHOWABLE]:
        why = (
            f"it shows {len(refused)} refused photographs, which no manifest names ({', '.join(refused[:5])})"
        )
        withheld.append(Withheld("report/index.html", why))
    else:
        whole.append(places.report_page)
    files |= {path.relative_to(places.models).as_posix(): _existing(path) for path in whole}
    files[published_name(places)] = files.pop(places.weights.name)
    return Chosen(files=files, withheld=tuple(withheld))


def published_name(places: PersonaPaths) -> str:
    """The name under which the weights leave: that of the accepted version which they are. Where no version was ever accepted,
    the graph's own.

    Raises:
        InputError: `not-accepted`: versions were accepted, and the last run's weights are none of them.
    """
    if not (versions := read_versions(places)):
        return places.weights.name
    digest = sha256_file(_existing(places.weights))
    for one in versions:
        if one.sha256 == digest:
            return f"{one.name}{places.weights.suffix}"
    raise InputError(
        f"{places.weights} was not accepted: the version that is chosen, {versions[-1].name}, has other weights",
        reason="not-accepted",
        remedy=f"`likeness versions accept {places.persona}` gives these the next number; or check out the commit that accepted"
        f" {versions[-1].name} and `dvc checkout`, and publish there",
    )


def _rated(folder: Path, withheld: list[Withheld]) -> list[Entry]:
    """Entries rated sfw whose text says nothing that a gate refuses; the others are withheld."""
    fit: list[Entry] = []
    for one in read_manifest(folder).entries:
        text = Subject(text=one.text or "", allowed=frozenset(one.allowed_words))
        if one.rating != "sfw":
            withheld.append(Withheld(f"{folder}/{one.file}", f"is rated {one.rating}, not sfw"))
        elif refusal := judge("caption", text):
            withheld.append(Withheld(f"{folder}/{one.file}", f"its text {refusal.detail}"))
        else:
            fit.append(one)
    return fit


def _existing(path: Path) -> Path:
    return require_file(path, remedy="run `dvc repro` first")


def _check_archive(places: PersonaPaths, entries: Sequence[Entry], training_set: str) -> None:
    """The archive must be of this training set: each of its files once, as the manifest has it, and no other."""
    path, remedy = places.dataset_zip, "run `dvc repro`, which packs it again"
    known = {entry.file: entry.sha256 for entry in entries}
    known |= {caption_of(entry.file): sha256_bytes(f"{entry.text}\n".encode()) for entry in entries}
    known |= {name: sha256_file(_existing(places.lora_training / name)) for name in (TOML, CARD)}
    known[METADATA] = training_set
    try:
        with opened(_existing(path)) as archive:
            metadata = text_of(archive, METADATA)
            if metadata is None or sha256_bytes(metadata) != training_set:
                raise InputError(
                    f"{path} was packed from another training set than {places.lora_training}",
                    reason="another-training-set",
                    remedy=remedy,
                )
            for name in archive.namelist():
                if name not in known or sha256_bytes(archive.read(name)) != known[name]:
                    raise InputError(
                        f"{path} holds {name}, which no manifest names",
                        reason="not-in-manifest",
                        remedy=remedy,
                    )
            if missing := known.keys() - set(archive.namelist()):
                raise InputError(f"{path} lacks {min(missing)}", reason="not-in-manifest", remedy=remedy)
    except BROKEN as error:
        raise InputError(
            f"{path} cannot be published: {error}", reason="not-in-manifest", remedy=remedy
        ) from error


def _check_weights(path: Path, consent_id: str, training_set: str) -> None:
    """The weights must say that they were made under the consent record that is in force, and of this training set, and hold
    numbers."""
    said = read_header(_existing(path)).metadata
    if (trained_on := said.get(TRAINING_SET)) != training_set:
        what = (
            "was trained on another training set than the one"
            if trained_on
            else "does not name the training set"
        )
        raise InputError(
            f"{path} {what} that would be published beside it",
            reason="another-training-set",
            remedy="run `dvc repro` to train on the present one",
        )
    refuse_others(
        said,
        (consent_id,),
        what=str(path),
        remedy="run `dvc repro` to train under the present record",
        unnamed=False,
    )
    refuse_not_finite(path)
