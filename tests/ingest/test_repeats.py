"""likeness.ingest.repeats: the same verdicts as comparing each photograph with each."""

import gc
import tracemalloc

import numpy as np
import pytest
from ingest_fakes import candidate, measured_face

from likeness.faces import similarity
from likeness.ingest import NearDuplicateConfig
from likeness.ingest.checks import Candidate
from likeness.ingest.repeats import Originals
from likeness.ingest.select import duplicates

NEAR = NearDuplicateConfig(max_hash_bits=5, min_similarity=0.92)


def set_of(seed: int, count: int, *, scenes: int, people: int) -> list[Candidate]:
    """Photographs of a few scenes and people, some with equal pixels, some faces at the limit, some not measured."""
    random = np.random.default_rng(seed)
    hashes = random.integers(2**64, size=scenes, dtype=np.uint64)
    faces = random.normal(size=(people, 128))
    photos: list[Candidate] = []
    for number in range(1, count + 1):
        flipped = sum(1 << bit for bit in set(random.integers(64, size=random.integers(7)).tolist()))
        # cos(atan(.426)) = .92, the limit: some fall on either side of it by a rounding.
        face, aside = faces[random.integers(people)], random.normal(size=128)
        aside -= face * (aside @ face) / (face @ face)
        aside *= np.linalg.norm(face) / np.linalg.norm(aside) * random.choice([0.0, 0.2, 0.426, 0.42600, 1.0])
        embedding = (face + aside) * random.choice([0.0, 1.0, 1.0, 1.0, 1.0]) * random.choice([1e-3, 1.0])
        photos.append(
            candidate(
                f"s{number}",
                pixels_sha256=f"pixels {random.integers(4 * count)}",
                average_hash=f"{int(random.choice(hashes)) ^ flipped:016x}",
                faces=(measured_face(embedding=tuple(map(float, embedding.astype(np.float32)))),),
            )
        )
    return photos


def first_repeated(photo: Candidate, others: list[Candidate], cfg: NearDuplicateConfig) -> str | None:
    """The plain loop: the name of the first that `photo` repeats, and how."""
    for other in others:
        if photo.measured.pixels_sha256 == other.measured.pixels_sha256:
            return f"exact-duplicate: the same pixels as {other.raw.name}"
        bits = (photo.measured.hash_bits ^ other.measured.hash_bits).bit_count()
        alike = similarity(photo.face.vector, other.face.vector)
        if bits <= cfg.max_hash_bits and alike >= cfg.min_similarity:
            return (
                f"near-duplicate: repeats {other.raw.name}: {bits} of 64 hash bits differ (near up to {cfg.max_hash_bits}), "
                f"faces alike by {alike:.3f} (near from {cfg.min_similarity:g})"
            )
    return None


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("bits", [0, 5, 64])
@pytest.mark.parametrize("alike", [-1.0, 0.0, 0.92, 1.0])
def test_what_repeats_what_is_as_in_the_plain_loop_over_all_pairs(seed: int, bits: int, alike: float) -> None:
    cfg = NearDuplicateConfig(max_hash_bits=bits, min_similarity=alike)
    originals, kept = Originals(cfg, 50), list[Candidate]()
    seen = set[str]()
    for photo in set_of(seed, 50, scenes=2, people=2):
        plain, refusal = first_repeated(photo, kept, cfg), originals.repeated_by(photo)
        assert (refusal and f"{refusal.reason}: {refusal.detail}") == plain
        seen.add((plain or "kept").partition(":")[0])
        if plain is None:
            originals.add(photo)
            kept.append(photo)
    assert "kept" in seen
    if bits and alike < 1:
        assert "near-duplicate" in seen


def test_ten_thousand_photographs_are_not_compared_one_by_one(monkeypatch) -> None:
    compared: list[int] = []

    def counted(a, b) -> float:
        compared.append(1)
        return similarity(a, b)

    monkeypatch.setattr("likeness.ingest.repeats.similarity", counted)
    photos = set_of(7, 300, scenes=1, people=300)  # equal hashes, other people: 45,000 pairs
    originals = Originals(NEAR, len(photos), photos)
    for photo in set_of(8, 20, scenes=1, people=300):
        originals.repeated_by(photo)
    assert len(compared) < 40


def test_while_a_set_is_compared_no_column_is_there_twice() -> None:
    photos = set_of(9, 300, scenes=300, people=300)
    duplicates(photos[:20], NEAR)  # whatever is imported on the way
    gc.collect()
    tracemalloc.start()
    try:
        duplicates(photos, NEAR)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak / len(photos) < 650
