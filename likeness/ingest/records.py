"""What is measured on one photo: the shape of an ingest item's record."""

from array import array
from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field, PlainSerializer

from likeness.ingest.upright import Fault
from likeness.pipeline.manifest import FaceEntry, FoundFace
from likeness.safety.identity import SFACE, Vectors
from likeness.settings import Record

Packed = Annotated[
    Sequence[float],
    AfterValidator(lambda values: array("d", values)),
    PlainSerializer(list, return_type=list[float]),
]
"""An embedding: a tuple of as many numbers is four times its memory, and the set is judged with all of them at hand."""


class MeasuredFace(FoundFace):
    """One face; `embedding` has 128 numbers of unit length. Of the chosen face, `others` are its embeddings by other
    networks, `light` percentiles 5, 50 and 95 of the luma."""

    embedding: Packed
    others: dict[str, Packed] = Field(default={})
    light: tuple[float, float, float] | None = None

    @property
    def side_px(self) -> float:
        """The shorter side of the box."""
        return min(self.box_px[2], self.box_px[3])

    @property
    def vector(self) -> NDArray[np.float32]:
        """The embedding as an array [128]."""
        return np.asarray(self.embedding, dtype=np.float32)

    @property
    def vectors(self) -> Vectors:
        """The embeddings by their networks' names."""
        others = {name: np.asarray(vector, np.float32) for name, vector in self.others.items()}
        return {SFACE: self.vector, **others}

    def entry(self) -> FaceEntry:
        """This face as a line of the manifest has it."""
        return FaceEntry(**self.model_dump(exclude={"embedding", "others", "light"}))


class Measured(Record):
    """One readable photo; faces largest first, `explicit` None where it could not be rated. `stored_px` is the file's own
    width and height, `luma` percentiles 5, 50 and 95 of the whole, `fault` what is wrong with how its faces stand."""

    format: str
    notes: tuple[str, ...]
    width: int
    height: int
    stored_px: tuple[int, int] | None = None
    pixels_sha256: str
    average_hash: str
    explicit: float | None
    fault: Fault | None = None
    luma: tuple[float, float, float] | None = None
    faces: tuple[MeasuredFace, ...]

    @property
    def hash_bits(self) -> int:
        """The 64-bit average hash as a number."""
        return int(self.average_hash, 16)

    def record(self) -> dict[str, Any]:
        """As JSON values, for the item store."""
        return self.model_dump(mode="json")
