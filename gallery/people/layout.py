"""Versions as `likeness publish PERSONA --gallery` lays them out: VERSION.json, and the weights by their sha256."""

from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from gallery.audit import note
from gallery.context import Gallery
from gallery.tables import Person, Revocation, Version
from likeness.digests import Sha256, sha256_file
from likeness.errors import ConsentError, InputError, LikenessError
from likeness.lora.door import refuse_others
from likeness.lora.safetensors_io import read_header
from likeness.paths import PERSONA_NAME
from likeness.safety.consent.record import RecordId


class Laid(BaseModel):
    """What a file of a version says."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    persona: str = Field(pattern=rf"^{PERSONA_NAME.pattern}\z")
    name: str = Field(min_length=1, max_length=80)
    consent_id: RecordId
    consent_sha256: Sha256
    weights_sha256: Sha256
    trigger: str = Field(min_length=1, max_length=64)
    class_word: str = Field(min_length=1, max_length=64)


def weights_file(folder: Path, digest: str) -> Path:
    """Where the weights of this sha256 lie."""
    return folder / "versions" / f"{digest}.safetensors"


@dataclass(frozen=True)
class WholeFiles:
    """Tells whether a file is the one that it is called by, the sha256 of its bytes; it is read again when it changed."""

    _known: dict[Path, tuple[int, int, int]] = field(default_factory=dict[Path, tuple[int, int, int]])

    def is_whole(self, path: Path) -> bool:
        """Whether these are the bytes that its name says."""
        facts = path.stat()
        seen = facts.st_ino, facts.st_size, facts.st_ctime_ns
        if self._known.get(path) != seen:
            if path.is_symlink() or not path.stem.endswith(sha256_file(path)):
                return False
            self._known[path] = seen
        return True

    def weights(self, path: Path) -> Path:
        """The path of weights that are what they were.

        Raises:
            InputError: `weights-changed`.
        """
        if not self.is_whole(path):
            raise InputError(
                "The weights of this version are not what they were.",
                reason="weights-changed",
                kind="refused",
                remedy="whoever runs the gallery publishes the person to it again",
            )
        return path


def take_in(gallery: Gallery) -> tuple[list[Version], list[LikenessError]]:
    """Take in what lies in the folder and is not known yet; gives the new versions, and why others were left out: a file that is
    not what it says, or a consent that was revoked here. One person's does not keep the others out."""
    new: list[Version] = []
    left_out: list[LikenessError] = []
    for path in _laid_out(gallery):
        try:
            laid = _checked(gallery.settings.folder, path)
            with gallery.transaction() as db:
                if (version := _take_in(db, gallery, laid)) is not None:
                    new.append(version)
        except (InputError, ConsentError) as error:
            left_out.append(error)
    return new, left_out


def take_out(gallery: Gallery, consent_id: str) -> None:
    """Delete the weights that lie there under a record."""
    for path in _laid_out(gallery):
        with suppress(ValidationError):
            laid = Laid.model_validate_json(path.read_bytes())
            if laid.consent_id == consent_id:
                weights_file(gallery.settings.folder, laid.weights_sha256).unlink(missing_ok=True)
                path.unlink()


def _laid_out(gallery: Gallery) -> list[Path]:
    return sorted((gallery.settings.folder / "versions").glob("*.json"))


def _checked(folder: Path, path: Path) -> Laid:
    """What a file says of weights that are there and say the same.

    Raises:
        InputError: they are not.
        ConsentError: they name another record, or none.
    """
    try:
        laid = Laid.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise InputError(
            f"{path} does not describe a version",
            reason="weights-changed",
            remedy="delete it, and publish the person to the gallery again",
        ) from error
    weights, again = (
        weights_file(folder, laid.weights_sha256),
        f"`likeness publish {laid.persona} --gallery` again",
    )
    if not weights.is_file() or sha256_file(weights) != laid.weights_sha256:
        raise InputError(
            f"{weights} is missing, or not the file that {path.name} names",
            reason="weights-changed",
            remedy=again,
        )
    refuse_others(
        read_header(weights).metadata, (laid.consent_id,), what=str(weights), remedy=again, unnamed=False
    )
    return laid


def _take_in(db: Session, gallery: Gallery, laid: Laid) -> Version | None:
    now = gallery.clock()
    person = db.scalar(select(Person).where(Person.consent_id == laid.consent_id).with_for_update())
    if db.get(Revocation, laid.consent_id) is not None or (person and person.ended):
        raise InputError(
            f"{laid.persona}: consent {laid.consent_id} was revoked here, and stays so",
            reason="consent-revoked",
            remedy="a new consent is a new record with a new id",
        )
    if person is None:
        person = Person(
            name=laid.persona, consent_id=laid.consent_id, consent_sha256=laid.consent_sha256, created=now
        )
        db.add(person)
        db.flush()
    same = select(Version).where(
        Version.person_id == person.id, Version.weights_sha256 == laid.weights_sha256
    )
    if db.scalar(same) is not None:
        return None
    version = Version(
        person_id=person.id,
        name=laid.name,
        weights_sha256=laid.weights_sha256,
        trigger=laid.trigger,
        class_word=laid.class_word,
        created=now,
    )
    db.add(version)
    note(db, now, "operator", "version-added", person=laid.persona, weights=laid.weights_sha256)
    return version
