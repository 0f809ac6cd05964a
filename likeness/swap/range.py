"""Decides which photographs and pairs are out of a swap's range: glasses, a tiny face, heads turned too far apart."""

from dataclasses import dataclass

from likeness.faces import Face
from likeness.swap import PairLimits
from likeness.swap.lighting import Traits

Problem = tuple[str, str, str]
"""Reason, detail and remedy."""


@dataclass(frozen=True, kw_only=True)
class Limit:
    """How far two faces may differ in one column: the setting of swap.limits, and what is said of a pair beyond it."""

    column: str
    setting: str
    reason: str
    detail: str
    remedy: str

    def told(self, differ: float, allowed: float) -> str:
        """How far a pair is beyond it, and which setting says so."""
        return f"{self.detail.format(differ)}, swap.limits.{self.setting} is {allowed:g}"


NEARER = "add a source photo in a pose nearer to this target's"
LIMITS = (
    Limit(column="yaw", setting="max_yaw_difference_deg", reason="yaw-difference",
          detail="heads turned {:.1f} degrees apart", remedy=NEARER),
    Limit(column="pitch", setting="max_pitch_difference_deg", reason="pitch-difference",
          detail="heads tilted {:.1f} degrees apart", remedy=NEARER),
    Limit(column="mouth", setting="max_mouth_difference", reason="mouth-opening",
          detail="mouths opened {:.2f} apart (gap over width)", remedy="add a source photo with the mouth held as in this target"),
    Limit(column="shadow", setting="max_shadow_difference", reason="cast-shadow",
          detail="a shadow falls on the source's cheek and not on the target's: {:.2f} apart",
          remedy="add a source photo in soft light, without sun from the side"),
)  # fmt: skip
"""In this order: a pair counts at the first limit that it breaks."""


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """What is known of a photo without its pixels."""

    face: Face
    traits: Traits


def photo_out_of_range(photo: Candidate, limits: PairLimits) -> Problem | None:
    """What is wrong with a photo whatever it is paired with."""
    side_px, line = min(photo.face.box_px[2:]), photo.traits.bridge_line
    if side_px < limits.min_face_px:
        detail = f"the face is {side_px:.0f} px wide, swap.limits.min_face_px is {limits.min_face_px:g}"
        return "tiny-face", detail, "use a photo taken closer, or a larger file"
    if line > limits.max_bridge_line:
        detail = f"a line of contrast {line:.2f} crosses the nose, swap.limits.max_bridge_line is {limits.max_bridge_line:g}"
        remedy = "use a photo without glasses, or raise the limit if there are none"
        return "glasses", detail, remedy
    return None


def source_out_of_range(photo: Candidate, limits: PairLimits) -> Problem | None:
    """What of a source would be wrong on any face."""
    traits = photo.traits
    if traits.teeth < limits.min_teeth:
        detail = f"the teeth have {traits.teeth:.2f} of the skin's lightness, swap.limits.min_teeth is {limits.min_teeth:g}"
        return "grey-teeth", detail, "use a source photo with the mouth closed, or with light on the teeth"
    if traits.gaze_apart > limits.max_gaze_apart:
        apart = f"the eyes look {traits.gaze_apart:.2f} of their width apart"
        detail = f"{apart}, swap.limits.max_gaze_apart is {limits.max_gaze_apart:g}"
        return "eyes-apart", detail, "use a source photo that looks at one point"
    return None
