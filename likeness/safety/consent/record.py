"""What a consent record holds, and what it allows."""

import calendar
import datetime
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from likeness.errors import ConsentError
from likeness.safety.consent.parts import (
    Adult,
    Date,
    Evidence,
    Floors,
    Photo,
    RecordedFace,
    Role,
    Signature,
    Strict,
    TargetPhoto,
    Targets,
    Use,
    Words,
)
from likeness.safety.consent.photo_list import PhotoList, photo_list

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LONGEST_TERM_MONTHS = 24
KIND_WORDS = {
    "synthetic": "a synthetic person",
    "self": "the person who made this",
    "release": "a person who signed a release",
}


RECORD_ID = r"[a-z0-9][a-z0-9._-]{2,63}"
RecordId = Annotated[str, Field(pattern=rf"^{RECORD_ID}\z")]


class Consent(Strict):
    """A persona's record, with its targets' licences; see docs/consent.md for the meaning of each field."""

    id: RecordId
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
    photos: Annotated[dict[str, Photo], AfterValidator(photo_list)] = Field(default={})
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
    def kind_words(self) -> str:
        """Who the persona is, in words."""
        return KIND_WORDS[self.kind]

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
        photo = self._photos(role).exactly(file_name, sha256)
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
        return self._photos(role).exactly(file_name, sha256) is not None

    def target_licence(self, file_name: str, sha256: str) -> str | None:
        """The licence under which exactly these bytes may be a target, or None."""
        photo = photo_list(self.targets.photos).exactly(file_name, sha256) if self.targets else None
        if self.targets is None or photo is None:
            return None
        return photo.licence or self.targets.licence

    def listed_sha256(self, role: Role, file_name: str) -> str | None:
        """The digest that the record has under this name, whatever the bytes are."""
        photo = self._photos(role).named(file_name)
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
            raise ConsentError(
                f"{name}: consent {self.id} is signed on {self.signed}, which is in the future",
                reason="consent-not-yet",
                remedy=f"correct `signed` in {path}",
            )
        if self.expires is not None and self.expires < today:
            raise ConsentError(
                f"{name}: consent {self.id} expired on {self.expires}",
                reason="consent-expired",
                remedy=f"ask for a new one and record it: `likeness consent renew {name}`",
            )
        if missing := [use for use in uses if use not in self.scope]:
            raise ConsentError(
                f"{name}: consent {self.id} covers {', '.join(self.scope)}, not {', '.join(missing)}",
                reason="consent-scope",
                remedy=f"ask for a wider consent and record its scope in {path}",
            )

    def _photos(self, role: Role) -> PhotoList[Photo] | PhotoList[TargetPhoto]:
        if role == "source":
            return photo_list(self.photos)
        return photo_list(self.targets.photos if self.targets else {})


def months_later(day: datetime.date, months: int) -> datetime.date:
    """The same day so many months later; the month's last where it has no such day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return datetime.date(year, month + 1, min(day.day, last))


def content(consent: Consent) -> dict[str, Any]:
    """What a signature covers: everything but the signature itself and the day of a revocation, which needs none.

    Defaults are left out, so that a field which a later version adds breaks no signature.
    """
    return consent.model_dump(mode="json", exclude_defaults=True, exclude={"signature", "revoked"})
