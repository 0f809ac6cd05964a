"""The floors: how strict the gates are at the least. A config may be stricter, never laxer.

Every setting that decides whether a likeness, an age or explicit material passes has its row in SETTINGS. Settings that
decide quality (light, sharpness, poses, sizes of files) have none: what they let pass, the gates still judge.
How like the persona a face must be depends on the photographs: people of one synthetic mesh need more than photographs
do. Such floors come from the consent record, which says who decided them and why, and then hold in place of SFACE and
RESNET; the ends here hold for the record, too.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from likeness.errors import ConfigError
from likeness.settings import dotted

if TYPE_CHECKING:
    from likeness.persona import Similarity
    from likeness.safety.consent import Consent
    from likeness.safety.embedder import EmbedderConfig


@dataclass(frozen=True, kw_only=True)
class Floor:
    """The least strict value that a setting may have, and what a laxer one would let through."""

    at_least: float | None = None
    at_most: float | None = None
    why: str

    def laxer(self, value: float) -> str | None:
        """What is wrong with a value; None where it is strict enough. NaN is not."""
        if self.at_least is not None and not value >= self.at_least:
            return f"{value:g} is below the floor {self.at_least:g}"
        if self.at_most is not None and not value <= self.at_most:
            return f"{value:g} is above the floor {self.at_most:g}"
        return None


# Ends of what a consent record may say: below, two photographs of strangers are the same person to the network.
SFACE_MIN_END, SFACE_TARGET_END = 0.25, 0.9
RESNET_MAX_END, RESNET_TARGET_END = 0.7, 0.1

ADULT_YEARS = 18

MIN_FACE_PX = 32
"""Of smaller faces neither the embedders nor the age estimator say anything; YuNet finds faces from 10 px on."""

EXPLICIT = Floor(at_most=0.7, why="explicit material")
REVIEWED = Floor(at_most=0.3, why="pictures that a person must look at")

SETTINGS: Mapping[str, Floor] = {
    "ingest.max_explicit": EXPLICIT,
    "ingest.review_explicit": REVIEWED,
    # Of what is drawn while training, which has settings of its own.
    "train.drawing.max_explicit": EXPLICIT,
    "train.drawing.review_explicit": REVIEWED,
    "ingest.background_face_ratio": Floor(at_most=0.5, why="a second person beside the one who consented"),
    "ingest.min_face_px": Floor(at_least=MIN_FACE_PX, why="faces whose age and identity nothing can tell"),
    "personas.*.similarity.source_min": Floor(at_least=SFACE_MIN_END, why="photographs of somebody else"),
    "personas.*.similarity.swap_min": Floor(at_least=SFACE_MIN_END, why="swaps that show somebody else"),
    "personas.*.similarity.target_max": Floor(
        at_most=SFACE_TARGET_END, why="swaps that still show the target"
    ),
}


def laxer(settings: Mapping[str, Any]) -> Iterator[str]:
    """A sentence for each setting of params.yaml that is laxer than its floor."""
    for key, value in dotted(settings):
        for pattern, floor in SETTINGS.items():
            if fnmatchcase(key, pattern) and (wrong := floor.laxer(value)):
                yield f"{key}: {wrong} in likeness/safety/floors.py: it would let through {floor.why}"


@dataclass(frozen=True, kw_only=True)
class SFaceLimits:
    """Cosines: of a source to the persona's face, of a swap to it, and of a swap to the target's own face.

    Source: OpenCV Zoo's threshold for SFace is .363 (LFW); the others are this project's for swaps of real people.
    """

    source_min: float = 0.36
    swap_min: float = 0.45
    target_max: float = 0.60


@dataclass(frozen=True, kw_only=True)
class ResnetLimits:
    """The same as distances of dlib's resnet; its threshold for one person is .6 (dlib, face_recognition.py)."""

    source_max: float = 0.60
    swap_max: float = 0.60
    target_min: float = 0.40


@dataclass(frozen=True, kw_only=True)
class IdentityLimits:
    """How like a persona a face must be, for each embedder; all must agree. `own` is the user's (`faces.embedder`), whose
    settings are its limits."""

    sface: SFaceLimits
    resnet: ResnetLimits
    own: "EmbedderConfig | None" = None


def record_limits(consent: "Consent", embedder: "EmbedderConfig | None" = None) -> IdentityLimits:
    """The floors of a persona: those of the consent record, or, where it has none, those above; beside them the limits of
    the user's own embedder."""
    floors = consent.floors
    return IdentityLimits(
        sface=SFaceLimits(**(floors.sface.model_dump() if floors else {})),
        resnet=ResnetLimits(**(floors.resnet.model_dump() if floors else {})),
        own=embedder,
    )


def identity_limits(
    similarity: "Similarity", consent: "Consent", embedder: "EmbedderConfig | None" = None
) -> IdentityLimits:
    """The limits of a persona: those of its settings for SFace, which may not be laxer than the floors.

    Raises:
        ConfigError: `below-the-floor`, with the floor.
    """
    limits = record_limits(consent, embedder)
    sface = limits.sface
    rows = {
        "source_min": Floor(at_least=sface.source_min, why=""),
        "swap_min": Floor(at_least=sface.swap_min, why=""),
        "target_max": Floor(at_most=sface.target_max, why=""),
    }
    whose = f"of consent/{consent.persona}.yaml" if consent.floors else "in likeness/safety/floors.py"
    wrong = [
        f"personas.{consent.persona}.similarity.{name}: {problem} {whose}"
        for name, floor in rows.items()
        if (problem := floor.laxer(getattr(similarity, name)))
    ]
    if wrong:
        raise ConfigError(
            "; ".join(wrong),
            reason="below-the-floor",
            remedy=f"correct conf/persona/{consent.persona}.yaml; where the photographs need another floor, it is recorded "
            f"under `floors` in consent/{consent.persona}.yaml, with who decided it and why (docs/consent.md)",
        )
    asked = {name: float(getattr(similarity, name)) for name in rows}
    return replace(limits, sface=SFaceLimits(**asked))
