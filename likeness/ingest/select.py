"""Decisions that need the whole set: duplicates, sources that show someone else, and the persona's face."""

import json
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from likeness.faces import similarity
from likeness.ingest import IngestConfig, NearDuplicateConfig
from likeness.ingest.checks import Candidate, Refusal, not_the_persona, refusal_alone
from likeness.ingest.numbers import Numbers, disputes
from likeness.ingest.repeats import Originals
from likeness.lazy import chosen
from likeness.safety.consent import Consent, Role
from likeness.safety.floors import IdentityLimits
from likeness.safety.identity import SFACE, Vectors, mean_of, stranger, vectors_json


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Every candidate is either accepted or has a refusal by its label.

    `numbers` are those of the accepted ones among the candidates. `centroid` is the mean face of the accepted sources that are not
    held out, by the embedders' names, None when there are none.
    """

    accepted: Sequence[Candidate]
    numbers: Sequence[int]
    refusals: Mapping[str, Refusal]
    centroid: Vectors | None

    def similarity(self, photo: Candidate) -> float | None:
        """The cosine of an accepted source's face to the mean one, both SFace's."""
        if photo.raw.role != "source" or self.centroid is None:
            return None
        return similarity(photo.face.vector, self.centroid[SFACE])


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

    def left(*roles: Role) -> Sequence[int]:
        raws = ((number, photo.raw) for number, photo in enumerate(photos))
        return array("q", (n for n, raw in raws if raw.role in roles and raw.label not in refusals))

    for role in ("source", "target"):
        refusals |= duplicates(chosen(photos, left(role)), cfg.near_duplicate)
    refusals |= source_copies(chosen(photos, left("source", "target")), cfg.near_duplicate)
    refusals |= outliers(chosen(photos, left("source")), limits)
    passed = left("source", "target")
    accepted = chosen(photos, passed)
    return Selection(accepted=accepted, numbers=passed, refusals=refusals, centroid=centroid_of(accepted))


def duplicates(photos: Sequence[Candidate], cfg: NearDuplicateConfig) -> dict[str, Refusal]:
    """Refusals of photos that repeat another of the same folder.

    Of a pair the held-out one is kept (its copy would leak into training), then the one with the larger face,
    the sharper one, the first.
    """

    def worth(at: int) -> tuple[float, ...]:
        raw, face = photos[at].raw, photos[at].face
        return not raw.held_out, -round(face.side_px), -face.sharpness, raw.number

    # A tuple of Python's for each would be 200 bytes: as numbers they are 32.
    worths = np.fromiter(map(worth, range(len(photos))), np.dtype((np.float64, 4)), len(photos))
    order = array("q", np.lexsort(worths.T[::-1]).tobytes())
    kept = Originals(cfg, len(photos))
    found: dict[str, Refusal] = {}
    for photo in chosen(photos, order):
        if (refusal := kept.repeated_by(photo)) is None:
            kept.add(photo)
        else:
            found[photo.raw.label] = refusal
    return found


def source_copies(photos: Sequence[Candidate], cfg: NearDuplicateConfig) -> dict[str, Refusal]:
    """Refusals of targets that repeat a source: the person's own photograph, and by its swaps a held-out one would be trained
    on."""
    found: dict[str, Refusal] = {}

    def sources(held_out: bool) -> Iterator[Candidate]:
        return (photo for photo in photos if photo.raw.role == "source" and photo.raw.held_out == held_out)

    originals = [Originals(cfg, len(photos), sources(held_out)) for held_out, *_ in COPIES]
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
    found = mean_of(p.face.vectors for p in photos if p.raw.role == "source" and not p.raw.held_out)
    return found or None


def _disputed(detail: str) -> Refusal:
    return Refusal(
        reason="number-disputed",
        detail=detail,
        remedy="give the files back their names, or correct raw/numbers.yaml if they are meant to change places",
    )


def persona_json(selection: Selection) -> bytes:
    """persona.json: the persona's face by each embedder, and how many photos it averages. It is there to be looked at: no
    stage reads it."""
    trained = sum(p.raw.role == "source" and not p.raw.held_out for p in selection.accepted)
    described = {**vectors_json(selection.centroid or {}), "photos": trained}
    return (json.dumps(described) + "\n").encode()
