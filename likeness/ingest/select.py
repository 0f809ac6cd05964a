"""What only the whole set decides: duplicates, sources that show someone else, and the persona's face."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from likeness.faces import similarity
from likeness.ingest import IngestConfig, NearDuplicateConfig
from likeness.ingest.checks import Attestations, Candidate, Refusal, not_the_persona, refusal_alone
from likeness.ingest.numbers import Numbers, disputed
from likeness.safety.floors import IdentityLimits
from likeness.safety.identity import SFACE, Vectors, mean_of, stranger, vectors_json


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Every candidate is either accepted or has a refusal by its label.

    `centroid` is the mean face of the accepted sources that are not held out, by the embedders' names, None when there are
    none; `similarities` holds each accepted source's cosine to SFace's, by label.
    """

    accepted: tuple[Candidate, ...]
    refusals: Mapping[str, Refusal]
    centroid: Vectors | None
    similarities: Mapping[str, float]


NO_NUMBERS = Numbers()


def select(
    photos: Sequence[Candidate],
    cfg: IngestConfig,
    attested: Attestations,
    *,
    limits: IdentityLimits,
    numbers: Numbers = NO_NUMBERS,
) -> Selection:
    """Decide about all readable photos; `limits` say how like its face a source must be, `numbers` are those that
    photographs have."""
    refusals: dict[str, Refusal] = {}
    for photo in photos:
        if refusal := refusal_alone(photo, cfg, attested, limits) or _disputed(photo, numbers):
            refusals[photo.raw.label] = refusal
    for role in ("source", "target"):
        left = [photo for photo in photos if photo.raw.role == role and photo.raw.label not in refusals]
        refusals |= duplicates(left, cfg.near_duplicate)
    left = [photo for photo in photos if photo.raw.label not in refusals]
    refusals |= held_out_copies(left, cfg.near_duplicate)
    sources = [photo for photo in photos if photo.raw.role == "source" and photo.raw.label not in refusals]
    refusals |= outliers(sources, limits)
    accepted = tuple(photo for photo in photos if photo.raw.label not in refusals)
    centroid = centroid_of(accepted)
    return Selection(
        accepted=accepted,
        refusals=refusals,
        centroid=centroid,
        similarities={
            photo.raw.label: similarity(photo.face.vector, centroid[SFACE])
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


def held_out_copies(photos: Sequence[Candidate], cfg: NearDuplicateConfig) -> dict[str, Refusal]:
    """Refusals of targets that repeat a held-out photograph: by their swaps it would be trained on."""
    held = [photo for photo in photos if photo.raw.held_out]
    return {
        photo.raw.label: Refusal(
            reason="held-out-copy",
            detail=f"a held-out photograph among the targets: {found.detail}",
            remedy="remove it from raw/targets/, or take the photograph out of personas.PERSONA.held_out",
        )
        for photo in photos
        if photo.raw.role == "target"
        and (found := next((r for other in held if (r := _repeats(photo, other, cfg))), None))
    }


def outliers(sources: Sequence[Candidate], limits: IdentityLimits) -> dict[str, Refusal]:
    """Refusals of sources unlike the mean of all: each is like the recorded face already."""
    centroid = centroid_of(sources)
    if centroid is None:
        return {}
    return {
        photo.raw.label: not_the_persona(why, "the mean of the sources")
        for photo in sources
        if (why := stranger(photo.face.vectors, centroid, limits))
    }


def centroid_of(photos: Sequence[Candidate]) -> Vectors | None:
    """The mean face of the sources among `photos` that are not held out; None without any."""
    faces = [p.face.vectors for p in photos if p.raw.role == "source" and not p.raw.held_out]
    return mean_of(faces) if faces else None


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


def persona_json(selection: Selection) -> bytes:
    """persona.json: the persona's face by each embedder, and how many photos it averages."""
    trained = [p for p in selection.accepted if p.raw.role == "source" and not p.raw.held_out]
    described = {**vectors_json(selection.centroid or {}), "photos": len(trained)}
    return (json.dumps(described) + "\n").encode()
