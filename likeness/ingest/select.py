"""What only the whole set decides: duplicates, sources that show someone else, and the persona's face."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from likeness.faces import similarity
from likeness.ingest import IngestConfig, NearDuplicateConfig
from likeness.ingest.checks import Attestations, Candidate, Refusal, refusal_of
from likeness.ingest.numbers import Numbers, disputed

EMBEDDER = "sface-2021dec-int8bq"
"""Name of what the embeddings come from, as the consent record has it."""


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Every candidate is either accepted or has a refusal by its label.

    `centroid` is the unit mean embedding [128] of the accepted sources that are not held out, None
    when there are none; `similarities` holds each accepted source's cosine to it, by label.
    """

    accepted: tuple[Candidate, ...]
    refusals: Mapping[str, Refusal]
    centroid: NDArray[np.float32] | None
    similarities: Mapping[str, float]


NO_NUMBERS = Numbers()


def select(
    photos: Sequence[Candidate],
    cfg: IngestConfig,
    attested: Attestations,
    *,
    source_min: float,
    numbers: Numbers = NO_NUMBERS,
) -> Selection:
    """Decide about all readable photos; `source_min` is the least cosine of a source to its face, `numbers` are those
    that photographs have."""
    refusals: dict[str, Refusal] = {}
    for photo in photos:
        if refusal := refusal_of(photo, cfg, attested) or _disputed(photo, numbers):
            refusals[photo.raw.label] = refusal
    for role in ("source", "target"):
        left = [photo for photo in photos if photo.raw.role == role and photo.raw.label not in refusals]
        refusals |= duplicates(left, cfg.near_duplicate)
    sources = [photo for photo in photos if photo.raw.role == "source" and photo.raw.label not in refusals]
    refusals |= strangers(sources, attested.face_embedding, source_min=source_min)
    accepted = tuple(photo for photo in photos if photo.raw.label not in refusals)
    centroid = centroid_of(accepted)
    return Selection(
        accepted=accepted,
        refusals=refusals,
        centroid=centroid,
        similarities={
            photo.raw.label: similarity(photo.face.vector, centroid)
            for photo in accepted
            if photo.raw.role == "source" and centroid is not None
        },
    )


def duplicates(photos: Sequence[Candidate], cfg: NearDuplicateConfig) -> dict[str, Refusal]:
    """Refusals of photos that repeat another of the same folder.

    Of a pair the held-out one is kept (its copy would leak into training), then the one with the larger face,
    the sharper one, the first.
    """
    order = sorted(
        photos,
        key=lambda p: (not p.raw.held_out, -round(p.face.side_px), -p.face.sharpness, p.raw.number),
    )
    kept: list[Candidate] = []
    found: dict[str, Refusal] = {}
    for photo in order:
        refusal = next((r for other in kept if (r := _repeats(photo, other, cfg))), None)
        if refusal is None:
            kept.append(photo)
        else:
            found[photo.raw.label] = refusal
    return found


def strangers(
    sources: Sequence[Candidate], recorded: NDArray[np.float32], *, source_min: float
) -> dict[str, Refusal]:
    """Refusals of sources unlike the recorded face, or unlike the mean of those that are like it."""
    found = {
        photo.raw.label: _stranger(value, source_min, "the face in the consent record")
        for photo in sources
        if (value := similarity(photo.face.vector, recorded)) < source_min
    }
    left = [photo for photo in sources if photo.raw.label not in found]
    centroid = centroid_of(left)
    if centroid is not None:
        found |= {
            photo.raw.label: _stranger(value, source_min, "the mean of the sources")
            for photo in left
            if (value := similarity(photo.face.vector, centroid)) < source_min
        }
    return found


def centroid_of(photos: Sequence[Candidate]) -> NDArray[np.float32] | None:
    """Unit mean embedding [128] of the sources among `photos` that are not held out; None without any."""
    vectors = [p.face.vector for p in photos if p.raw.role == "source" and not p.raw.held_out]
    if not vectors:
        return None
    mean = np.mean(np.stack(vectors).astype(np.float64), axis=0)
    return (mean / np.linalg.norm(mean)).astype(np.float32)


def _disputed(photo: Candidate, numbers: Numbers) -> Refusal | None:
    raw = photo.raw
    if (detail := disputed(numbers.of(raw.role), raw.name, photo.sha256)) is None:
        return None
    return Refusal(
        reason="number-disputed",
        detail=detail,
        remedy="give the files back their names, or correct raw/numbers.yaml if they are meant to change places",
    )


def _repeats(photo: Candidate, other: Candidate, cfg: NearDuplicateConfig) -> Refusal | None:
    named = other.raw.name
    if photo.measured.pixels_sha256 == other.measured.pixels_sha256:
        return Refusal(
            reason="exact-duplicate",
            detail=f"the same pixels as {named}",
            remedy="remove one of the two files",
        )
    bits = (photo.measured.hash_bits ^ other.measured.hash_bits).bit_count()
    alike = similarity(photo.face.vector, other.face.vector)
    if bits <= cfg.max_hash_bits and alike >= cfg.min_similarity:
        return Refusal(
            reason="near-duplicate",
            detail=f"repeats {named}: {bits} of 64 hash bits differ (near up to {cfg.max_hash_bits}), "
            f"faces alike by {alike:.3f} (near from {cfg.min_similarity:g})",
            remedy="keep the better one and remove the other, or tighten ingest.near_duplicate",
        )
    return None


def _stranger(value: float, least: float, what: str) -> Refusal:
    return Refusal(
        reason="not-the-persona",
        detail=f"similarity {value:.3f} to {what}, at least {least:g} is needed (similarity.source_min)",
        remedy="remove the photo if it shows someone else; if it is the persona, use a clearer one",
    )


def persona_json(selection: Selection) -> bytes:
    """persona.json: the embedder, the persona's unit embedding [128] and how many photos it averages."""
    vector = [] if selection.centroid is None else [round(float(v), 6) for v in selection.centroid]
    trained = [p for p in selection.accepted if p.raw.role == "source" and not p.raw.held_out]
    described = {"embedder": EMBEDDER, "embedding": vector, "photos": len(trained)}
    return (json.dumps(described) + "\n").encode()
