"""The parts of a consent record: each is frozen, knows every key, and says what a value may be."""

import base64
import binascii
import datetime
import re
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from likeness.digests import Sha256
from likeness.key_files import KEY_BYTES
from likeness.safety.consent.licences import is_licence
from likeness.safety.consent.photo_list import photo_list
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

EMBEDDING_SIZE = 128  # SFace
SIGNATURE_BYTES = 64  # Ed25519
OLDEST_YEARS = 130


def _date(value: object) -> object:
    # pydantic would take a number for seconds since 1970.
    if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        return value
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value, re.ASCII):
        return value
    raise ValueError("is not a date")


Date = Annotated[datetime.date, BeforeValidator(_date)]
# Something to read, and nothing that steers a terminal or turns a line's direction. (pydantic's patterns are Rust's: \z is the end.)
_LETTER = r"[^\p{Cc}\p{Zl}\p{Zp}\x{200e}\x{200f}\x{61c}\x{202a}-\x{202e}\x{2066}-\x{2069}]"
Words = Annotated[
    str, Field(pattern=rf"^(?:{_LETTER}|\n)*[^\p{{C}}\p{{Z}}](?:{_LETTER}|\n)*\z", max_length=2000)
]
Age = Annotated[int, Field(ge=ADULT_YEARS, le=OLDEST_YEARS, strict=True)]


def _licence(value: str) -> str:
    if not is_licence(value):
        raise ValueError("is not a licence")
    return value


Licence = Annotated[str, AfterValidator(_licence)]


def base64_of(size: int | None) -> BeforeValidator:
    """A text that holds so many bytes; None: any number of float16."""

    def check(value: object) -> object:
        if not isinstance(value, str):
            raise ValueError("is not a text")
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
    licence: Licence | None = None
    release: Evidence | None = None


class Targets(Strict):
    """Photographs of other people that may serve as targets: from where, under what licence, by which release of those
    who are shown."""

    licence: Licence
    origin: Words
    release: Evidence
    photos: Annotated[dict[str, TargetPhoto], AfterValidator(photo_list)]


class Signature(Strict):
    """Ed25519 over the whole record (signing.py): the signer's name, public key and signature in base64."""

    by: Words
    key: Annotated[str, base64_of(KEY_BYTES)]
    value: Annotated[str, base64_of(SIGNATURE_BYTES)]
