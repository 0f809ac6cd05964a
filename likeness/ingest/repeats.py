"""Which photograph repeats another: the same pixels, or nearly the same picture of the same face."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from likeness.faces import similarity
from likeness.faces.face import EMBEDDING_SIZE
from likeness.ingest import NearDuplicateConfig
from likeness.ingest.checks import Candidate, Refusal
from likeness.lazy import Spool

# The cosines of many faces are computed at once, of faces in half precision: of unit vectors that is less than 2**-11 off. What
# lies within this of the limit is computed alone.
MARGIN = 1e-3


@dataclass(frozen=True, kw_only=True, slots=True)
class _Look:
    """What is compared of a photograph."""

    name: str
    pixels_sha256: str
    hash_bits: int
    face: NDArray[np.float32]

    @staticmethod
    def at(photo: Candidate) -> "_Look":
        measured = photo.measured
        return _Look(
            name=photo.raw.name,
            pixels_sha256=measured.pixels_sha256,
            hash_bits=measured.hash_bits,
            face=photo.face.vector,
        )


class Originals:
    """Photographs that others may repeat, `room` at most, in their order, as columns of 272 bytes a photograph: 20,000 are compared
    without 20,000 calls a photograph. What decides in the end lies in a file."""

    def __init__(self, cfg: NearDuplicateConfig, room: int, photos: Iterable[Candidate] = ()) -> None:
        self._cfg = cfg
        self._looks = Spool[_Look]()
        # Made at once: memory is taken as it is written to, and columns that grow are there twice.
        self._pixels = np.empty(room, np.int64)
        self._hashes = np.empty(room, np.uint64)
        self._faces = np.empty((room, EMBEDDING_SIZE), np.float16)  # of unit length, or zero
        for photo in photos:
            self.add(photo)

    def add(self, photo: Candidate) -> None:
        """One photograph more."""
        number, look = len(self._looks), _Look.at(photo)
        self._pixels[number] = hash(look.pixels_sha256)
        self._hashes[number] = look.hash_bits
        self._faces[number] = _unit(look.face)
        self._looks.append(look)

    def repeated_by(self, photo: Candidate) -> Refusal | None:
        """The refusal of a photograph that repeats one of these: the first of them."""
        look = _Look.at(photo)
        same = self._same_pixels(look)
        for number in self._perhaps_near(look, len(self._looks) if same is None else same):
            if refusal := _near(look, self._looks[number], self._cfg):
                return refusal
        return None if same is None else _exact(self._looks[same])

    def _same_pixels(self, look: _Look) -> int | None:
        alike = np.flatnonzero(self._pixels[: len(self._looks)] == hash(look.pixels_sha256))
        equal = (one for one in alike.tolist() if self._looks[one].pixels_sha256 == look.pixels_sha256)
        return next(equal, None)

    def _perhaps_near(self, look: _Look, before: int) -> Sequence[int]:
        bits = np.bitwise_count(self._hashes[:before] ^ np.uint64(look.hash_bits))
        near = np.flatnonzero(bits <= self._cfg.max_hash_bits)
        if near.size:
            alike = self._faces[near].astype(np.float32) @ _unit(look.face)
            near = near[~(alike < self._cfg.min_similarity - MARGIN)]
        return near.tolist()


def _unit(face: np.ndarray) -> np.ndarray:
    length = float(np.linalg.norm(face))
    return face / np.float32(length) if length > 0 else np.zeros_like(face)


def _exact(other: _Look) -> Refusal:
    return Refusal(
        reason="exact-duplicate",
        detail=f"the same pixels as {other.name}",
        remedy="remove one of the two files",
    )


def _near(photo: _Look, other: _Look, cfg: NearDuplicateConfig) -> Refusal | None:
    bits = (photo.hash_bits ^ other.hash_bits).bit_count()
    alike = similarity(photo.face, other.face)
    if bits > cfg.max_hash_bits or not alike >= cfg.min_similarity:
        return None
    return Refusal(
        reason="near-duplicate",
        detail=f"repeats {other.name}: {bits} of 64 hash bits differ (near up to {cfg.max_hash_bits}), "
        f"faces alike by {alike:.3f} (near from {cfg.min_similarity:g})",
        remedy="keep the better one and remove the other, or tighten ingest.near_duplicate",
    )
