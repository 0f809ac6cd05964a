"""Consent: whose likeness, for what, until when, on what evidence. Everything here fails closed.

`consent/PERSONA.yaml` is the record of the person who is drawn; `consent/PERSONA.targets.yaml` lists the target
photographs that may be used with the licence each comes under. No stage that touches a likeness runs without both.
"""

import base64
import binascii
import datetime
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from likeness.errors import ConsentError
from likeness.safety.floors import RESNET_MAX_END, RESNET_TARGET_END, SFACE_MIN_END, SFACE_TARGET_END
from likeness.store.items import sha256_file
from likeness.strict_yaml import parse_yaml

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Use = Literal["swap", "train", "generate"]
Role = Literal["source", "target"]

ADULT_YEARS = 18
EMBEDDING_SIZE = 128  # SFace


class Strict(BaseModel):
    """Base of the record's parts: frozen, no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Adult(Strict):
    """The attestation that the subject is an adult; a synthetic person has the age it was built with."""

    attested_by: str = Field(min_length=1)
    age_years: int = Field(ge=ADULT_YEARS)


class Evidence(Strict):
    """The file that proves the record (a signed release, or how a synthetic person was made)."""

    file: str = Field(min_length=1)
    sha256: str = Field(pattern="[0-9a-f]{64}")


class RecordedFace(Strict):
    """The face this record speaks of, as each embedder has it: base64 of little-endian float16. SFace's 128 numbers have
    unit length; `others` holds those of the other embedders by their names (`likeness.safety.identity`)."""

    embedder: Literal["sface-2021dec-int8bq"]
    embedding: str
    others: dict[str, str] = {}

    @field_validator("embedding")
    @classmethod
    def _decodes(cls, value: str) -> str:
        if (size := len(_decoded(value))) != EMBEDDING_SIZE * 2:
            raise ValueError(f"holds {size} bytes, {EMBEDDING_SIZE * 2} expected")
        return value

    @field_validator("others")
    @classmethod
    def _others_decode(cls, value: dict[str, str]) -> dict[str, str]:
        for name, encoded in value.items():
            if not (size := len(_decoded(encoded))) or size % 2:
                raise ValueError(f"{name} holds {size} bytes, two a number expected")
        return value

    def vector(self) -> "NDArray[np.float32]":
        """The embedding [128], unit length."""
        import numpy as np  # here: `check` reads a record and compares no faces

        values = np.frombuffer(base64.b64decode(self.embedding), dtype="<f2").astype(np.float32)
        return values / np.float32(np.linalg.norm(values))

    def vectors(self) -> "dict[str, NDArray[np.float32]]":
        """All embeddings by their embedders' names."""
        import numpy as np

        others = {
            name: np.frombuffer(base64.b64decode(encoded), dtype="<f2").astype(np.float32)
            for name, encoded in self.others.items()
        }
        return {self.embedder: self.vector(), **others}

    @staticmethod
    def encode(embedding: "NDArray[np.float32]") -> str:
        """What `embedding` holds for a unit vector [128]."""
        return base64.b64encode(embedding.astype("<f2").tobytes()).decode()


def _decoded(value: str) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except binascii.Error as error:
        raise ValueError("is not base64") from error


class SFaceFloors(Strict):
    """Cosines: of a source to the persona's face, of a swap to it, and of a swap to the target's own face."""

    source_min: float = Field(ge=SFACE_MIN_END, le=1)
    swap_min: float = Field(ge=SFACE_MIN_END, le=1)
    target_max: float = Field(ge=0, le=SFACE_TARGET_END)


class ResnetFloors(Strict):
    """The same as distances of dlib's resnet."""

    source_max: float = Field(gt=0, le=RESNET_MAX_END)
    swap_max: float = Field(gt=0, le=RESNET_MAX_END)
    target_min: float = Field(ge=RESNET_TARGET_END, le=1)


class Floors(Strict):
    """How like the persona a face must be at the least, where this persona's photographs need other floors than
    `likeness.safety.floors` has: who decided that, and why. Also here there are ends."""

    decided_by: str = Field(min_length=1)
    why: str = Field(min_length=1)
    sface: SFaceFloors
    resnet: ResnetFloors


class Photo(Strict):
    """One photograph: its bytes, and for an apparent minor the attested age at the time it was taken."""

    sha256: str = Field(pattern="[0-9a-f]{64}")
    age_years: int | None = Field(default=None, ge=ADULT_YEARS)
    licence: str | None = None
    shows: str | None = None


class Targets(Strict):
    """Photographs of other people that may serve as targets: who may be shown, from where, under what licence."""

    licence: str = Field(min_length=1)
    origin: str = Field(min_length=1)
    photos: dict[str, Photo]


class Consent(Strict):
    """A persona's record, with its targets' licences; see docs/consent.md for the meaning of each field."""

    id: str = Field(pattern=r"[a-z0-9][a-z0-9._-]{2,63}")
    persona: str
    kind: Literal["synthetic", "self", "release"]
    subject: str = Field(min_length=1)
    adult: Adult
    scope: tuple[Use, ...] = Field(min_length=1)
    signed: datetime.date
    expires: datetime.date | None
    revoked: datetime.date | None = None
    evidence: Evidence
    face: RecordedFace
    floors: Floors | None = None
    photos: dict[str, Photo] = {}
    targets: Targets | None = None

    @model_validator(mode="after")
    def _real_people_expire(self) -> "Consent":
        if self.kind != "synthetic" and self.expires is None:
            raise ValueError("a real person's consent needs an expiry date")
        return self

    @property
    def face_embedding(self) -> "NDArray[np.float32]":
        """The recorded face [128], unit length (SFace)."""
        return self.face.vector()

    def attested_age(self, role: Role, file_name: str, sha256: str) -> int | None:
        """The attested adult age for exactly these bytes, or None.

        A synthetic person's age counts for every source photo, since nothing photographed it younger; a real
        person's photo needs its own line, because an adult may hand in a picture from childhood.
        """
        photos = self.photos if role == "source" else (self.targets.photos if self.targets else {})
        photo = _photo(photos, file_name, sha256)
        if photo is not None and photo.age_years is not None:
            return photo.age_years
        return self.adult.age_years if role == "source" and self.kind == "synthetic" else None

    def target_licence(self, file_name: str, sha256: str) -> str | None:
        """The licence under which exactly these bytes may be a target, or None."""
        photo = _photo(self.targets.photos, file_name, sha256) if self.targets else None
        if self.targets is None or photo is None:
            return None
        return photo.licence or self.targets.licence

    def listed_sha256(self, role: Role, file_name: str) -> str | None:
        """The digest that the record has under this name, whatever the bytes are."""
        photos = self.photos if role == "source" else (self.targets.photos if self.targets else {})
        photo = _by_name(photos, file_name)
        return photo and photo.sha256

    def require(self, uses: Sequence[Use], *, today: datetime.date) -> None:
        """Refuse unless the record is in force today and covers every one of `uses`.

        Raises:
            ConsentError: revoked, not yet signed, expired or out of scope.
        """
        name, path = self.persona, f"consent/{self.persona}.yaml"
        if self.revoked is not None:
            raise ConsentError(
                f"{name}: consent {self.id} was revoked on {self.revoked}",
                reason="consent-revoked",
                remedy=f"stop using this likeness; `likeness consent artefacts {name}` lists what came from it",
            )
        if self.signed > today:
            raise ConsentError(f"{name}: consent {self.id} is signed on {self.signed}, which is in the future",
                               reason="consent-not-yet", remedy=f"correct `signed` in {path}")  # fmt: skip
        if self.expires is not None and self.expires < today:
            raise ConsentError(f"{name}: consent {self.id} expired on {self.expires}",
                               reason="consent-expired", remedy=f"have it renewed and record it in {path}")  # fmt: skip
        if missing := [use for use in uses if use not in self.scope]:
            raise ConsentError(
                f"{name}: consent {self.id} covers {', '.join(self.scope)}, not {', '.join(missing)}",
                reason="consent-scope", remedy=f"ask for a wider consent and record its scope in {path}")  # fmt: skip


def _by_name(photos: Mapping[str, Photo], file_name: str) -> Photo | None:
    # A Mac's decomposed é is the é that people type.
    same = unicodedata.normalize("NFC", file_name)
    return next((photo for name, photo in photos.items() if unicodedata.normalize("NFC", name) == same), None)


def _photo(photos: Mapping[str, Photo], file_name: str, sha256: str) -> Photo | None:
    """The line of exactly these bytes, whatever they are called; none where their name stands for other bytes."""
    named = _by_name(photos, file_name)
    if named is not None:
        return named if named.sha256 == sha256 else None
    return next((photo for photo in photos.values() if photo.sha256 == sha256), None)


def load_consent(folder: Path, persona: str) -> Consent:
    """The persona's record, its evidence verified; `folder` is the repository's consent/.

    Raises:
        ConsentError: no record, an incomplete one, another persona's, or evidence that is missing or has changed.
    """
    path = folder / f"{persona}.yaml"
    if not path.is_file():
        raise ConsentError(
            f"{persona}: there is no consent record at {path}",
            reason="consent-missing",
            remedy="write one as docs/consent.md shows; without it no likeness is used",
        )
    fields = _mapping(path)
    targets = folder / f"{persona}.targets.yaml"
    if targets.is_file():
        fields["targets"] = _mapping(targets)
    try:
        consent = Consent.model_validate(fields)
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise ConsentError(f"{path}: {problems}", reason="consent-invalid",
                           remedy="complete the record as docs/consent.md shows") from error  # fmt: skip
    if consent.persona != persona:
        raise ConsentError(f"{path} is the record of {consent.persona!r}, not of {persona!r}",
                           reason="consent-invalid", remedy="a record holds for one persona only")  # fmt: skip
    evidence = folder / consent.evidence.file
    if not evidence.is_file():
        raise ConsentError(f"{persona}: the evidence {evidence} is missing", reason="consent-evidence",
                           remedy="put the signed file back, or revoke the record")  # fmt: skip
    if (digest := sha256_file(evidence)) != consent.evidence.sha256:
        raise ConsentError(
            f"{persona}: the evidence {evidence} has sha256 {digest}, the record names {consent.evidence.sha256}",
            reason="consent-evidence", remedy="restore the file that was signed, or have the new one recorded")  # fmt: skip
    return consent


def _mapping(path: Path) -> dict[str, Any]:
    try:
        fields = parse_yaml(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConsentError(f"{path} is not YAML: {error}", reason="consent-invalid") from error
    if not isinstance(fields, dict):
        raise ConsentError(f"{path} holds no record", reason="consent-invalid", remedy="see docs/consent.md")
    return cast("dict[str, Any]", fields)
