"""A finished picture at a door: what is measured on it once, and what the gates see in that."""

from collections.abc import Mapping

import numpy as np

from likeness.faces import FACES_VERSION, MODELS_DIGEST, Face
from likeness.faces.age import AgeEstimator
from likeness.faces.landmarks import PRESENCE
from likeness.faces.models import AGE, RESNET
from likeness.images import RGB
from likeness.safety.consent import Consent
from likeness.safety.embedder import EmbedderConfig
from likeness.safety.floors import EXPLICIT, MIN_FACE_PX, IdentityLimits, record_limits
from likeness.safety.gates import Door, SeenFace, Subject, refuse
from likeness.safety.identity import (
    drawn_stranger,
    face_analyzer,
    read_vectors_of,
    stranger,
    vectors_json,
    vectors_of,
)
from likeness.safety.rating import RATER_DIGEST, Rater
from likeness.store.items import Json

VERSION = 4
"""Raised whenever the same pixels would be measured otherwise."""


def models(embedder: EmbedderConfig | None) -> list[Json]:
    """What decides a measurement beside the pixels: part of the key of an item that holds one."""
    always = [VERSION, FACES_VERSION, MODELS_DIGEST, RESNET.sha256, AGE.sha256, RATER_DIGEST]
    return [*always, embedder.digest] if embedder else always


COUNTS = 1 / 24
"""A face counts from this share of the picture's shorter side on, and from MIN_FACE_PX: 43 px of 1024."""

LOOKED_AT_PX = (640, 320)
"""Faces that count have 26 px and more at the first of these; a larger one takes three times as long and finds no more."""

TURNED_AT_PX = (320,)
"""Faces that lie, lean or stand on their heads are looked for in the smaller picture alone, where those that count have 13 px; 9 px
where they lean by 45 degrees."""

BLURRED = 0.25
"""Faces of less sharpness (`measure.sharpness`) are nobody's: the demo's have .49 and more, its blurred photograph .15."""


JUDGED_FACE_PX = 128
"""In a drawn picture the age of smaller faces is read too young by years, and only a child's counts."""

DRAWN: frozenset[Door] = frozenset({"drawn picture", "drawn likeness"})


class PictureGate:
    """The local models; cheap to construct."""

    def __init__(self, embedder: EmbedderConfig | None = None) -> None:
        self._analyzer, self._ages, self._rater = face_analyzer(embedder), AgeEstimator(), Rater()

    def measure(self, rgb: RGB) -> dict[str, Json]:
        """Explicit-material score, and of each face that counts: side, sharpness, age and embeddings; as JSON values.

        Raises:
            InputError: `not-rated`.
        """
        return {
            "explicit": round(self._rater.explicit(rgb), 4),
            "faces": [
                self._face(shown, self._analyzer.identified(shown, face))
                for shown, face in self._counting(rgb, embed=True)
            ],
        }

    def ages(self, rgb: RGB) -> list[SeenFace]:
        """The faces of a drawn picture that count: nobody attests an age of them."""
        return [
            SeenFace(
                side_px=min(face.box_px[2:]),
                age_years=self._ages.years(shown, face),
                small=min(face.box_px[2:]) < JUDGED_FACE_PX,
            )
            for shown, face in self._counting(rgb, embed=False)
            if face.landmark_score >= PRESENCE
        ]

    def _counting(self, rgb: RGB, *, embed: bool) -> list[tuple[RGB, Face]]:
        """The faces that count, each in the picture in which it is upright: who lies, or is a negative, is somebody, too."""
        least_px = max(MIN_FACE_PX, COUNTS * min(rgb.shape[:2]))
        upright = self._analyzer.faces(rgb, LOOKED_AT_PX, least_px=least_px, embed=embed)
        turned = self._analyzer.turned(rgb, upright, TURNED_AT_PX, least_px=least_px)
        return [*((rgb, face) for face in upright), *turned]

    def _face(self, rgb: RGB, face: Face) -> dict[str, Json]:
        years = self._ages.years(rgb, face) if face.landmark_score >= PRESENCE else None
        return {
            "side_px": round(min(face.box_px[2:]), 1),
            "sharpness": round(face.sharpness, 4),
            "age_years": None if years is None or not np.isfinite(years) else round(years, 1),
            **vectors_json(vectors_of(face)),
        }


def refuse_picture(
    door: Door,
    seen: Mapping[str, Json],
    consent: Consent,
    *,
    what: str,
    max_explicit: float | None = None,
    untraced: str | None = None,
    embedder: EmbedderConfig | None = None,
) -> None:
    """Let a measured picture pass a door, or not. Whose a face is, is compared with the consent record's own face, by the
    floors; only of a face that is the persona's does the record attest an age.

    Raises:
        InputError: refused, with the gate's reason; `what` begins the message.
    """
    most = EXPLICIT.at_most if max_explicit is None else max_explicit
    limits = record_limits(consent, embedder)
    faces = [_seen(face, consent, limits, drawn=door in DRAWN) for face in seen["faces"]]
    subject = Subject(
        explicit=seen["explicit"], max_explicit=float(most or 0.0), faces=faces, untraced=untraced
    )
    refuse(door, subject, what=what)


def _seen(face: Mapping[str, Json], consent: Consent, limits: IdentityLimits, *, drawn: bool) -> SeenFace:
    vectors = read_vectors_of(face)
    why_not = (
        drawn_stranger(vectors, consent.face_vectors, limits)
        if drawn
        else stranger(vectors, consent.face_vectors, limits, swap=True)
    )
    whose = consent.persona if why_not is None else None
    return SeenFace(
        side_px=face["side_px"],
        age_years=face["age_years"],
        # Whoever is drawn, nobody attests the age that a picture shows.
        attested_years=consent.adult.age_years if whose and not drawn else None,
        small=drawn and face["side_px"] < JUDGED_FACE_PX,
        whose=whose,
        blurred=bool(face["sharpness"] < BLURRED),
    )
