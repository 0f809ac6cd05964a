"""What one photo's own measurements decide: safety first, one reason a photo."""

from collections.abc import Callable
from dataclasses import dataclass

from likeness.ingest import IngestConfig
from likeness.ingest.raw import RawPhoto
from likeness.ingest.records import Measured, MeasuredFace
from likeness.safety.consent import Consent
from likeness.safety.floors import IdentityLimits
from likeness.safety.gates import Rating, Refusal, SeenFace, Subject, judge, rating
from likeness.safety.identity import stranger


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """A readable photo: which one, the sha256 of its raw bytes, and what was measured, which `look` gives: the set is judged with
    all of its photos, and what was measured on one takes 6 kB."""

    raw: RawPhoto
    sha256: str
    look: Callable[[], Measured]

    @property
    def measured(self) -> Measured:
        """What was measured."""
        return self.look()

    @property
    def face(self) -> MeasuredFace:
        """The chosen face: the largest."""
        return self.measured.faces[0]


def rating_of(photo: Candidate, cfg: IngestConfig) -> Rating:
    """How explicit a photo is by the thresholds; one without a score counts as explicit."""
    return rating(photo.measured.explicit, review_explicit=cfg.review_explicit, max_explicit=cfg.max_explicit)


def refusal_of(photo: Candidate, cfg: IngestConfig, attested: Consent) -> Refusal | None:
    """The first reason why this photo cannot be used, or None."""
    return next(filter(None, (check(photo, cfg, attested) for check in CHECKS)), None)


def refusal_alone(
    photo: Candidate, cfg: IngestConfig, attested: Consent, limits: IdentityLimits
) -> Refusal | None:
    """Why this photo cannot be used, as far as it and the consent record alone say so: asked before it is stored."""
    if (refusal := refusal_of(photo, cfg, attested)) or photo.raw.role == "target":
        return refusal
    why = stranger(photo.face.vectors, attested.face_vectors, limits)
    return not_the_persona(why, "the face in the consent record") if why else None


NOT_THE_PERSONA = "not-the-persona"


def not_the_persona(why: str, what: str) -> Refusal:
    """The refusal of a source whose face is not like `what`."""
    return Refusal(
        reason=NOT_THE_PERSONA,
        detail=f"compared with {what}: {why}",
        remedy="remove the photo if it shows someone else; if it is the persona, use a clearer one",
    )


def gate_refusal(photo: Candidate, cfg: IngestConfig, attested: Consent) -> Refusal | None:
    """What the gates of the door `photograph` say."""
    # An attested age is the subject's; it says nothing of people behind.
    years = attested.attested_age(photo.raw.role, photo.raw.name, photo.sha256)
    faces = [seen(face, years if n == 0 else None) for n, face in enumerate(photo.measured.faces)]
    subject = Subject(explicit=photo.measured.explicit, max_explicit=cfg.max_explicit, faces=faces)
    return judge("photograph", subject)


def _licence(photo: Candidate, _: IngestConfig, attested: Consent) -> Refusal | None:
    raw = photo.raw
    if raw.role != "target" or attested.target_licence(raw.name, photo.sha256) is not None:
        return None
    if (listed := attested.listed_sha256(raw.role, raw.name)) is not None:
        return Refusal(
            reason="licence-of-other-bytes",
            detail=f"consent/{attested.persona}.targets.yaml lists this name with sha256 {listed}, the file has {photo.sha256}",
            remedy="put the file back that was licensed, or check the new one's licence and record its sha256",
        )
    return Refusal(
        reason="no-licence",
        detail=f"no licence is recorded for these bytes (sha256 {photo.sha256})",
        remedy=f"add the photo to consent/{attested.persona}.targets.yaml with who it shows and its licence",
    )


def _listed(photo: Candidate, _: IngestConfig, attested: Consent) -> Refusal | None:
    raw = photo.raw
    if raw.role == "source" and not attested.covers_photo(raw.role, raw.name, photo.sha256):
        return Refusal(
            reason="not-in-record",
            detail=f"the signed record of this synthetic person does not list these bytes (sha256 {photo.sha256})",
            remedy="if whoever made the person made this photo, too, have the record signed again with it: "
            "`likeness consent sign PERSONA`",
        )
    return None


STANDS = {
    "negative": (
        "its faces are negatives: light and dark are exchanged",
        "export it again as a positive (a scan of film, or a program that read the numbers the other way round)",
    ),
    "faces-disagree": (
        "its faces stand different ways: one upright, one on its head or its side",
        "crop the photo so that one person is left",
    ),
    "not-upright": (
        "its faces do not stand upright, and turning it did not help",
        "turn it upright in a photo program and save it",
    ),
}


def _stance(photo: Candidate, _: IngestConfig, __: Consent) -> Refusal | None:
    if (fault := photo.measured.fault) is None:
        return None
    detail, remedy = STANDS[fault]
    return Refusal(reason=fault, detail=detail, remedy=remedy)


# A picture without a face is called nearly white where 95 % of it lies above this luma: paper is no photograph.
NEARLY_WHITE = 230


def _light(photo: Candidate, cfg: IngestConfig, _: Consent) -> Refusal | None:
    faces = photo.measured.faces
    percentiles = faces[0].light if faces else photo.measured.luma
    if percentiles is None:
        return None
    low, middle, high = percentiles
    what = "the face" if faces else "the picture"
    if high < cfg.min_face_light:
        return Refusal(
            reason="too-dark",
            detail=f"{what} is nearly black: 95 % of it lies below {high:.0f} of 255, ingest.min_face_light is "
            f"{cfg.min_face_light:g}",
            remedy="use a brighter photo; if it looks right elsewhere, export it there as JPEG or PNG with 8 bits",
        )
    if middle > cfg.max_face_light if faces else low > NEARLY_WHITE:
        return Refusal(
            reason="too-bright",
            detail=f"{what} is nearly white: half of it lies above {middle:.0f} of 255, ingest.max_face_light is "
            f"{cfg.max_face_light:g}",
            remedy="use a photo that is not overexposed; if it looks right elsewhere, export it there as JPEG with 8 bits",
        )
    return None


def _faces(photo: Candidate, cfg: IngestConfig, _: Consent) -> Refusal | None:
    faces = photo.measured.faces
    if not faces:
        return Refusal(
            reason="no-face",
            detail=f"no face found in {_px(photo)}, turned any way",
            remedy="use a photo in which the whole face is seen, lit and not covered"
            + (", or cut out the part around it" if _is_scaled(photo) else ""),
        )
    counting = [face for face in faces if face.side_px >= cfg.background_face_ratio * faces[0].side_px]
    if len(counting) < 2:
        return None
    sizes = " and ".join(f"{face.side_px:.0f}" for face in counting)
    return Refusal(
        reason="several-faces",
        detail=f"{len(counting)} faces of {sizes} px; one counts from {cfg.background_face_ratio:g} of the "
        "largest one's size (ingest.background_face_ratio)",
        remedy="crop the photo so that one person is left",
    )


def seen(face: MeasuredFace, attested_years: int | None) -> SeenFace:
    """A measured face as the gates look at it."""
    return SeenFace(side_px=face.side_px, age_years=face.age_years, attested_years=attested_years)


def _size(photo: Candidate, cfg: IngestConfig, _: Consent) -> Refusal | None:
    width, height, face = photo.measured.width, photo.measured.height, photo.face.side_px
    scaled = _is_scaled(photo)
    cut = f"cut out the part around the face, or raise ingest.max_side_px ({cfg.max_side_px}), which scaled it down"
    if min(width, height) < cfg.min_side_px:
        return Refusal(
            reason="too-small",
            detail=f"{_px(photo)}, the shorter side needs ingest.min_side_px {cfg.min_side_px}",
            remedy=cut if scaled else "use the original photo instead of a preview",
        )
    if face < cfg.min_face_px:
        return Refusal(
            reason="too-small",
            detail=f"the face is {face:.0f} px wide in {_px(photo)}, it needs ingest.min_face_px {cfg.min_face_px:g}",
            remedy=cut if scaled else "use a photo taken from nearer, or of higher resolution",
        )
    return None


def _is_scaled(photo: Candidate) -> bool:
    stored = photo.measured.stored_px
    return stored is not None and max(stored) > max(photo.measured.width, photo.measured.height)


def _px(photo: Candidate) -> str:
    now, stored = f"{photo.measured.width}x{photo.measured.height} px", photo.measured.stored_px
    if stored and _is_scaled(photo):
        return f"{now} (scaled down from {stored[0]}x{stored[1]} by ingest.max_side_px)"
    return now


def _sharp(photo: Candidate, cfg: IngestConfig, _: Consent) -> Refusal | None:
    if photo.face.sharpness < cfg.min_sharpness:
        return Refusal(
            reason="blurred",
            detail=f"sharpness {photo.face.sharpness:.3f}, below ingest.min_sharpness {cfg.min_sharpness:g}",
            remedy="use a sharp photo, or lower ingest.min_sharpness",
        )
    return None


Check = Callable[[Candidate, IngestConfig, Consent], Refusal | None]

# In this order; those after _faces may rely on there being one.
CHECKS: tuple[Check, ...] = (gate_refusal, _licence, _listed, _stance, _light, _faces, _size, _sharp)
