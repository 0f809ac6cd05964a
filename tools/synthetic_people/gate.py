"""What every picture must pass before it is written: rated sfw, exactly one face, intact, adult, sharp, large enough.

The rating is the one of ingest (`likeness.safety.rating`), with the thresholds of conf/ingest/default.yaml.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import yaml
from numpy.typing import NDArray

from likeness.errors import InputError
from likeness.faces import Face
from likeness.ingest import IngestConfig
from likeness.safety.floors import ADULT_YEARS
from likeness.safety.gates import rating

CONF = Path(__file__).parents[2] / "conf" / "ingest" / "default.yaml"

INTACT = 0.5
"""Least confidence of the face mesh (`Face.landmark_score`)."""

YAW_TOLERANCE_DEG = 20.0
"""A face that is measured farther from its plan is deformed, covered or not found well."""

ANOTHER = "try another --seed; if it comes again, change the trait that makes it so"
OLDER = "raise `age` or laugh_lines, or lower eye_size and cheeks"
LARGER = "leave --long-side-px out, or give more"


class FaceFinder(Protocol):
    """Finds the faces of RGB pixels; `likeness.faces.FaceAnalyzer` is one."""

    def faces(self, rgb: NDArray[np.uint8]) -> list[Face]: ...


class ExplicitRater(Protocol):
    """Scores RGB pixels 0..1; `likeness.safety.rating.Rater` is one."""

    def explicit(self, rgb: NDArray[np.uint8]) -> float: ...


class AgeJudge(Protocol):
    """Apparent age in years of a face; `likeness.faces.age.AgeEstimator` is one. It only ever refuses."""

    def years(self, rgb: NDArray[np.uint8], face: Face) -> float: ...


@dataclass(frozen=True, kw_only=True)
class Gate:
    """Judges pictures. Faces from `judged_face_px` on must look adult; the age of smaller ones cannot be seen well."""

    faces: FaceFinder
    rater: ExplicitRater
    ages: AgeJudge
    limits: IngestConfig
    min_face_px: float
    judged_face_px: float

    def face(self, rgb: NDArray[np.uint8], *, yaw_deg: float) -> Face:
        """The one face of a picture uint8 [H, W, 3] that was planned to be turned by `yaw_deg`.

        Raises:
            InputError: refused as not-rated, not-sfw, no-face, several-faces, face-not-intact, face-turned,
                too-small, looks-young or blurred.
        """
        explicit = self.rater.explicit(rgb)
        limits = self.limits
        rated = rating(explicit, review_explicit=limits.review_explicit, max_explicit=limits.max_explicit)
        if rated != "sfw":
            raise _refused(
                "not-sfw", f"it is rated {rated} ({explicit:.2f}, sfw below {limits.review_explicit:g})"
            )
        faces = self.faces.faces(rgb)
        if len(faces) != 1:
            raise _refused(
                "several-faces" if faces else "no-face", f"{len(faces)} faces are found, one is needed"
            )
        for flaw in self._flaws(rgb, faces[0], yaw_deg):
            raise flaw
        return faces[0]

    def _flaws(self, rgb: NDArray[np.uint8], face: Face, yaw_deg: float) -> Iterator[InputError]:
        """Written so that a NaN is refused."""
        side_px = min(face.box_px[2:])
        if not face.landmark_score >= INTACT:
            detail = f"the face mesh fits by {face.landmark_score:.2f}, {INTACT:g} is needed"
            yield _refused("face-not-intact", detail)
        if not abs(face.yaw_deg - yaw_deg) <= YAW_TOLERANCE_DEG:
            detail = f"the face is turned by {face.yaw_deg:.0f} degrees, {yaw_deg:.0f} were planned"
            yield _refused("face-turned", detail)
        if not side_px >= self.min_face_px:
            detail = f"the face is {side_px:.0f} px wide, it needs {self.min_face_px:g}"
            yield _refused("too-small", detail, LARGER)
        if side_px >= self.judged_face_px and not (years := self.ages.years(rgb, face)) >= ADULT_YEARS:
            yield _refused("looks-young", f"the face looks {years:.0f} years old", OLDER)
        if not face.sharpness >= self.limits.min_sharpness:
            detail = f"sharpness {face.sharpness:.2f}, {self.limits.min_sharpness:g} is needed"
            yield _refused("blurred", detail)


def limits() -> IngestConfig:
    """Ingest's thresholds."""
    return IngestConfig.model_validate(yaml.safe_load(CONF.read_text(encoding="utf-8")))


def _refused(reason: str, detail: str, remedy: str = ANOTHER) -> InputError:
    return InputError(detail, reason=reason, remedy=remedy, kind="refused")
