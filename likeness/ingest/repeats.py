"""Which photograph repeats another: the same pixels, or nearly the same picture of the same face."""

from collections.abc import Sequence

import numpy as np

from likeness.faces import similarity
from likeness.faces.face import EMBEDDING_SIZE
from likeness.ingest import NearDuplicateConfig
from likeness.ingest.checks import Candidate, Refusal

# The cosines of many faces are computed at once, in another order of additions than one cosine. 128 products in float32
# differ by less than 1e-5; what lies within this of the limit is computed alone.
MARGIN = 1e-4


class Originals:
    """Photographs that others may repeat, in their order, as columns: 20,000 are compared without 20,000 calls a photograph."""

    def __init__(self, cfg: NearDuplicateConfig, photos: Sequence[Candidate] = ()) -> None:
        self._cfg = cfg
        self._photos: list[Candidate] = []
        self._same_pixels: dict[str, int] = {}
        self._hashes = np.zeros(0, np.uint64)
        self._faces = np.zeros((0, EMBEDDING_SIZE), np.float32)  # of unit length, or zero
        for photo in photos:
            self.add(photo)

    def add(self, photo: Candidate) -> None:
        """One photograph more."""
        number = len(self._photos)
        if number == len(self._hashes):  # twice the room: each photograph is moved twice at most, on average
            room = max(64, 2 * number)
            self._hashes, self._faces = _longer(self._hashes, room), _longer(self._faces, room)
        self._hashes[number] = photo.measured.hash_bits
        self._faces[number] = _unit(photo.face.vector)
        self._same_pixels.setdefault(photo.measured.pixels_sha256, number)
        self._photos.append(photo)

    def repeated_by(self, photo: Candidate) -> Refusal | None:
        """The refusal of a photograph that repeats one of these: the first of them."""
        same = self._same_pixels.get(photo.measured.pixels_sha256)
        for number in self._perhaps_near(photo, len(self._photos) if same is None else same):
            if refusal := _near(photo, self._photos[number], self._cfg):
                return refusal
        return None if same is None else _exact(self._photos[same])

    def _perhaps_near(self, photo: Candidate, before: int) -> Sequence[int]:
        bits = np.bitwise_count(self._hashes[:before] ^ np.uint64(photo.measured.hash_bits))
        near = np.flatnonzero(bits <= self._cfg.max_hash_bits)
        if near.size:
            alike = self._faces[near] @ _unit(photo.face.vector)
            near = near[~(alike < self._cfg.min_similarity - MARGIN)]
        return near.tolist()


def _longer(column: np.ndarray, room: int) -> np.ndarray:
    longer = np.zeros((room, *column.shape[1:]), column.dtype)
    longer[: len(column)] = column
    return longer


def _unit(face: np.ndarray) -> np.ndarray:
    length = float(np.linalg.norm(face))
    return face / np.float32(length) if length > 0 else np.zeros_like(face)


def _exact(other: Candidate) -> Refusal:
    return Refusal(
        reason="exact-duplicate",
        detail=f"the same pixels as {other.raw.name}",
        remedy="remove one of the two files",
    )


def _near(photo: Candidate, other: Candidate, cfg: NearDuplicateConfig) -> Refusal | None:
    bits = (photo.measured.hash_bits ^ other.measured.hash_bits).bit_count()
    alike = similarity(photo.face.vector, other.face.vector)
    if bits > cfg.max_hash_bits or not alike >= cfg.min_similarity:
        return None
    return Refusal(
        reason="near-duplicate",
        detail=f"repeats {other.raw.name}: {bits} of 64 hash bits differ (near up to {cfg.max_hash_bits}), "
        f"faces alike by {alike:.3f} (near from {cfg.min_similarity:g})",
        remedy="keep the better one and remove the other, or tighten ingest.near_duplicate",
    )
