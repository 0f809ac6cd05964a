"""What a consent record holds, and what it allows."""

import base64
import binascii
import calendar
import datetime
import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from likeness.errors import ConsentError
from likeness.key_files import KEY_BYTES
from likeness.safety.consent.licences import is_licence
from likeness.safety.floors import (
    ADULT_YEARS,
    RESNET_MAX_END,
    RESNET_TARGET_END,
    SFACE_MIN_END,
    SFACE_TARGET_END,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Use = Literal["swap", "train", "generate"]
Role = Literal["source", "target"]
EvidenceType = Literal["pdf", "jpeg", "png", "tiff", "heic", "text"]

LONGEST_TERM_MONTHS = 24
EMBEDDING_SIZE = 128  # SFace
SIGNATURE_BYTES = 64  # Ed25519


def _date(value: object) -> object:
    # pydantic would take a number for seconds since 1970.
    if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        return value
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value, re.ASCII):
        return value
    raise ValueError("is no date")


Date = Annotated[datetime.date, BeforeValidator(_date)]
# Something to read, and nothing that steers a terminal. (pydantic's patterns are Rust's: \z is the end.)
Words = Annotated[str, Field(pattern=r"^(?:[^\p{Cc}]|\n)*[^\p{Cc}\s](?:[^\p{Cc}]|\n)*\z", max_length=2000)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}\z")]
Age = Annotated[int, Field(ge=ADULT_YEARS, le=130, strict=True)]


def base64_of(size: int | None) -> BeforeValidator:
    """A text that holds so many bytes; None: any number of float16."""

    def check(value: object) -> object:
        if not isinstance(value, str):
            raise ValueError("is no text")
        try:
            found = len(base64.b64decode(value, validate=True))
        except (binascii.Error, ValueError) as error:
            raise ValueError("is not base64") from error
        if found != size and (size is not None or found == 0 or found % 2):
            raise ValueError(f"holds {found} bytes, {size or 'two a number'} expected")
        return value

    return BeforeValidator(check)


class Strict(BaseModel):
    """Base of the record's parts: frozen, no unknown keys, no infinite numbers."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Adult(Strict):
    """The attestation that the subject is an adult; a synthetic person has the age it was built with."""

    attested_by: Words
    age_years: Age


class Evidence(Strict):
    """A file in consent/ that proves something: a signed release, or how a synthetic person was made."""

    file: Words
    type: EvidenceType
    sha256: Sha256


class RecordedFace(Strict):
    """The face this record speaks of, as each embedder has it: base64 of little-endian float16. SFace's 128 numbers have
    unit length; `others` holds those of the other embedders by their names (`likeness.safety.identity`)."""

    embedder: Literal["sface-2021dec-int8bq"]
    embedding: Annotated[str, base64_of(EMBEDDING_SIZE * 2)]
    others: dict[str, Annotated[str, base64_of(None)]] = {}

    def vector(self) -> "NDArray[np.float32]":
        """The embedding [128], unit length."""
        import numpy as np  # here: `check` reads a record and compares no faces

        values = _decoded(self.embedding)
        return values / np.float32(np.linalg.norm(values))

    def vectors(self) -> "dict[str, NDArray[np.float32]]":
        """All embeddings by their embedders' names."""
        others = {name: _decoded(encoded) for name, encoded in self.others.items()}
        return {self.embedder: self.vector(), **others}

    @staticmethod
    def encode(embedding: "NDArray[np.float32]") -> str:
        """What `embedding` holds for a unit vector [128]."""
        return base64.b64encode(embedding.astype("<f2").tobytes()).decode()


def _decoded(text: str) -> "NDArray[np.float32]":
    import numpy as np

    return np.frombuffer(base64.b64decode(text), dtype="<f2").astype(np.float32)


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

    decided_by: Words
    why: Words
    sface: SFaceFloors
    resnet: ResnetFloors


class Photo(Strict):
    """One photograph: its bytes, and for an apparent minor the attested age at the time it was taken."""

    sha256: Sha256
    age_years: Age | None = None


class TargetPhoto(Photo):
    """One photograph of another person: also who is shown, and where they differ from the list's, licence and release."""

    shows: Words
    licence: str | None = None
    release: Evidence | None = None

    @field_validator("licence")
    @classmethod
    def _is_licence(cls, value: str | None) -> str | None:
        return value if value is None else _licence(value)


def _licence(value: str) -> str:
    if not is_licence(value):
        raise ValueError("is no licence")
    return value


class Targets(Strict):
    """Photographs of other people that may serve as targets: from where, under what licence, by which release of those
    who are shown."""

    licence: str
    origin: Words
    release: Evidence
    photos: dict[str, TargetPhoto]

    @field_validator("licence")
    @classmethod
    def _is_licence(cls, value: str) -> str:
        return _licence(value)


class Signature(Strict):
    """Ed25519 over the whole record (signing.py): the signer's name, public key and signature in base64."""

    by: Words
    key: Annotated[str, base64_of(KEY_BYTES)]
    value: Annotated[str, base64_of(SIGNATURE_BYTES)]


class Consent(Strict):
    """A persona's record, with its targets' licences; see docs/consent.md for the meaning of each field."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{2,63}\z")]
    persona: str
    kind: Literal["synthetic", "self", "release"]
    subject: Words
    adult: Adult
    scope: tuple[Use, ...] = Field(min_length=1)
    signed: Date
    expires: Date | None
    revoked: Date | None = None
    renews: str | None = None
    evidence: Evidence
    face: RecordedFace
    photos: dict[str, Photo] = {}
    floors: Floors | None = None
    targets: Targets | None = None
    signature: Signature | None = None

    @model_validator(mode="after")
    def _term(self) -> "Consent":
        last = months_later(self.signed, LONGEST_TERM_MONTHS)
        if self.expires is not None and self.expires < self.signed:
            raise ValueError(f"expires: {self.expires} is before `signed`, {self.signed}")
        if self.kind != "synthetic" and (self.expires is None or self.expires > last):
            raise ValueError(
                f"expires: {self.expires or 'null'} stands there; a real person's consent ends within "
                f"{LONGEST_TERM_MONTHS} months of `signed`: {last} at the latest"
            )
        if self.kind == "synthetic" and not self.photos:
            raise ValueError(
                "photos: nothing stands there; a synthetic person's record lists every photograph with its sha256: "
                "`likeness consent sign` writes the list"
            )
        return self

    @property
    def face_vectors(self) -> "dict[str, NDArray[np.float32]]":
        """The recorded face, by its embedders' names."""
        return self.face.vectors()

    def attested_age(self, role: Role, file_name: str, sha256: str) -> int | None:
        """The attested adult age for exactly these bytes, or None.

        A synthetic person's age counts for every source photo that the record lists, since nothing photographed it
        younger; a real person's photo needs an age in its own line, because an adult may hand in a picture from
        childhood.
        """
        photo = _photo(self._photos(role), file_name, sha256)
        if photo is None:
            return None
        if photo.age_years is None and role == "source" and self.kind == "synthetic":
            return self.adult.age_years
        return photo.age_years

    def covers_photo(self, role: Role, file_name: str, sha256: str) -> bool:
        """Whether exactly these bytes may be used at all: a target and a synthetic person's photograph must be listed, a
        real person's is known by the face."""
        if role == "source" and self.kind != "synthetic":
            return True
        return _photo(self._photos(role), file_name, sha256) is not None

    def target_licence(self, file_name: str, sha256: str) -> str | None:
        """The licence under which exactly these bytes may be a target, or None."""
        photo = _photo(self.targets.photos, file_name, sha256) if self.targets else None
        if self.targets is None or photo is None:
            return None
        return photo.licence or self.targets.licence

    def listed_sha256(self, role: Role, file_name: str) -> str | None:
        """The digest that the record has under this name, whatever the bytes are."""
        photo = _by_name(self._photos(role), file_name)
        return photo and photo.sha256

    def evidence_files(self) -> dict[str, Evidence]:
        """All files that the record rests on, by the field that names them."""
        files = {"evidence": self.evidence}
        if self.targets:
            files["targets.release"] = self.targets.release
            released = {name: photo.release for name, photo in self.targets.photos.items()}
            files |= {f"targets.photos.{name}.release": one for name, one in released.items() if one}
        return files

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
                remedy=f"stop using this likeness; `likeness consent purge {name}` deletes what came from it",
            )
        if self.signed > today:
            raise ConsentError(f"{name}: consent {self.id} is signed on {self.signed}, which is in the future",
                               reason="consent-not-yet", remedy=f"correct `signed` in {path}")  # fmt: skip
        if self.expires is not None and self.expires < today:
            raise ConsentError(f"{name}: consent {self.id} expired on {self.expires}",
                               reason="consent-expired",
                               remedy=f"ask for a new one and record it: `likeness consent renew {name}`")  # fmt: skip
        if missing := [use for use in uses if use not in self.scope]:
            raise ConsentError(
                f"{name}: consent {self.id} covers {', '.join(self.scope)}, not {', '.join(missing)}",
                reason="consent-scope", remedy=f"ask for a wider consent and record its scope in {path}")  # fmt: skip

    def _photos(self, role: Role) -> Mapping[str, Photo]:
        if role == "source":
            return self.photos
        return self.targets.photos if self.targets else {}


def months_later(day: datetime.date, months: int) -> datetime.date:
    """The same day so many months later; the month's last where it has no such day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return datetime.date(year, month + 1, min(day.day, last))


AnyPhoto = TypeVar("AnyPhoto", bound=Photo)


def _by_name(photos: Mapping[str, AnyPhoto], file_name: str) -> AnyPhoto | None:
    # A Mac's decomposed é is the é that people type.
    same = unicodedata.normalize("NFC", file_name)
    return next((photo for name, photo in photos.items() if unicodedata.normalize("NFC", name) == same), None)


def _photo(photos: Mapping[str, AnyPhoto], file_name: str, sha256: str) -> AnyPhoto | None:
    """The line of exactly these bytes, whatever they are called; none where their name stands for other bytes."""
    named = _by_name(photos, file_name)
    if named is not None:
        return named if named.sha256 == sha256 else None
    return next((photo for photo in photos.values() if photo.sha256 == sha256), None)


def content(consent: Consent) -> dict[str, Any]:
    """What a signature covers: everything but the signature itself and the day of a revocation, which needs none.

    Defaults are left out, so that a field which a later version adds breaks no signature.
    """
    return consent.model_dump(mode="json", exclude_defaults=True, exclude={"signature", "revoked"})
