"""Decisions that need the whole set: duplicates, sources that show someone else, and the persona's face."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from likeness.faces import similarity
from likeness.ingest import IngestConfig, NearDuplicateConfig
from likeness.ingest.checks import Candidate, Refusal, not_the_persona, refusal_alone
from likeness.ingest.numbers import Numbers, disputes
from likeness.ingest.repeats import Originals
from likeness.safety.consent import Consent
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
AWAY = "remove it from raw/targets/"
# What a target is called that repeats a source, held out or not; the last counts.
COPIES = (
    (False, "source-copy", "source", AWAY),
    (True, "held-out-copy", "held-out", f"{AWAY}, or take the photograph out of `held_out` in conf/persona/"),
)


def select(
    photos: Sequence[Candidate],
    cfg: IngestConfig,
    attested: Consent,
    *,
    limits: IdentityLimits,
    numbers: Numbers = NO_NUMBERS,
) -> Selection:
    """Decide about all readable photos; `limits` say how like its face a source must be, `numbers` are those that
    photographs have."""
    refusals: dict[str, Refusal] = {}
    disputed = {"source": disputes(numbers.sources), "target": disputes(numbers.targets)}
    for photo in photos:
        dispute = disputed[photo.raw.role](photo.raw.name, photo.sha256)
        if refusal := refusal_alone(photo, cfg, attested, limits) or (dispute and _disputed(dispute)):
            refusals[photo.raw.label] = refusal
    for role in ("source", "target"):
        left = [photo for photo in photos if photo.raw.role == role and photo.raw.label not in refusals]
        refusals |= duplicates(left, cfg.near_duplicate)
    left = [photo for photo in photos if photo.raw.label not in refusals]
    refusals |= source_copies(left, cfg.near_duplicate)
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
    kept = Originals(cfg)
    found: dict[str, Refusal] = {}
    for photo in order:
        if (refusal := kept.repeated_by(photo)) is None:
            kept.add(photo)
        else:
            found[photo.raw.label] = refusal
    return found


def source_copies(photos: Sequence[Candidate], cfg: NearDuplicateConfig) -> dict[str, Refusal]:
    """Refusals of targets that repeat a source: the person's own photograph, and by its swaps a held-out one would be trained
    on."""
    found: dict[str, Refusal] = {}
    sources = [photo for photo in photos if photo.raw.role == "source"]
    originals = [Originals(cfg, [one for one in sources if one.raw.held_out == held]) for held, *_ in COPIES]
    # A photo at a time: what was measured on it is read once.
    for photo in (photo for photo in photos if photo.raw.role == "target"):
        for known, (_, reason, what, remedy) in zip(originals, COPIES, strict=True):
            if repeated := known.repeated_by(photo):
                detail = f"a {what} photograph among the targets: {repeated.detail}"
                found[photo.raw.label] = Refusal(reason=reason, detail=detail, remedy=remedy)
    return found


def outliers(sources: Sequence[Candidate], limits: IdentityLimits) -> dict[str, Refusal]:
    """Refusals of sources unlike the mean of all: each is like the recorded face already."""
    centroid = centroid_of(sources)
    return {
        photo.raw.label: not_the_persona(why, "the mean of the sources")
        for photo in sources
        if centroid is not None and (why := stranger(photo.face.vectors, centroid, limits))
    }


def centroid_of(photos: Sequence[Candidate]) -> Vectors | None:
    """The mean face of the sources among `photos` that are not held out; None without any."""
    sources = [p for p in photos if p.raw.role == "source" and not p.raw.held_out]
    return mean_of(p.face.vectors for p in sources) if sources else None


def _disputed(detail: str) -> Refusal:
    return Refusal(
        reason="number-disputed",
        detail=detail,
        remedy="give the files back their names, or correct raw/numbers.yaml if they are meant to change places",
    )


def persona_json(selection: Selection) -> bytes:
    """persona.json: the persona's face by each embedder, and how many photos it averages. It is there to be looked at: no
    stage reads it."""
    trained = [p for p in selection.accepted if p.raw.role == "source" and not p.raw.held_out]
    described = {**vectors_json(selection.centroid or {}), "photos": len(trained)}
    return (json.dumps(described) + "\n").encode()
