"""One photograph becomes an item: photo.png, the chosen face and everything the later decisions need.

Nothing is decided here but whether the file can be read: measuring once and judging from the record means
that a changed threshold costs no second look at the pixels.
"""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import imagehash
from PIL import Image

from likeness.digests import sha256_pixels
from likeness.faces import Face, FaceAnalyzer, to_json
from likeness.faces.age import AgeEstimator
from likeness.faces.measure import light, luma
from likeness.images import RGB, encode_png
from likeness.ingest.decode import Limits, decode_photo
from likeness.ingest.records import Measured, MeasuredFace
from likeness.ingest.upright import Upright, make_upright
from likeness.pipeline.batch import Made
from likeness.store.items import Json
from likeness.store.keys import item_key

VERSION = 9
"""Raised whenever the same bytes would give another photo.png or record."""

PHOTO = "photo.png"
FACE = "face.json"

# Smaller faces have too few pixels for the age estimator to mean much: only the chosen face, on which the
# decision hangs, is judged below this size, by an enlarged crop.
JUDGED_FACE_PX = 128

Rate = Callable[[RGB], float]
"""Explicit-material score 0..1 of RGB pixels."""


@dataclass(frozen=True, kw_only=True)
class Instruments:
    """What measures a photo, and the digest of all weights it runs on."""

    faces: FaceAnalyzer
    ages: AgeEstimator
    rate: Rate
    digest: str
    faces_version: int
    stances: FaceAnalyzer | None = None
    """Says how faces stand; without it photographs stay as they are."""
    identify: Callable[[RGB, Face], Face] = lambda rgb, face: face
    """Adds the embeddings of all networks that decide whose face it is."""


def photo_key(raw_sha256: str, limits: Limits, instruments: Instruments) -> str:
    """The item's key: the raw bytes, how they are read, and what measures them."""
    settings: dict[str, Json] = {
        "limits": asdict(limits),
        "faces_version": instruments.faces_version,
        "models": instruments.digest,
    }
    return item_key("ingest", VERSION, settings, [raw_sha256])


def analyse(path: Path, sha256: str, limits: Limits, instruments: Instruments) -> Made:
    """Decode and measure one photo, of which `sha256` is the digest.

    Returns:
        photo.png, face.json of the largest face (absent without faces), and a `Measured` record.

    Raises:
        InputError: the file cannot be read as a picture (see `decode_photo`).
    """
    photo = decode_photo(path, limits, sha256)
    upright = Upright(rgb=photo.rgb, faces=instruments.faces.faces(photo.rgb))
    if instruments.stances is not None:
        upright = make_upright(photo.rgb, upright.faces, instruments.faces.faces, instruments.stances)
    rgb, faces = upright.rgb, upright.faces
    if faces:  # only of the one that is meant the identity is decided
        faces = [instruments.identify(rgb, faces[0]), *faces[1:]]
    height, width = rgb.shape[:2]
    measured = Measured(
        format=photo.format,
        notes=(*photo.notes, *upright.notes),
        width=width,
        height=height,
        stored_px=photo.stored_px,
        pixels_sha256=sha256_pixels(rgb),
        average_hash=str(cast(Any, imagehash).average_hash(Image.fromarray(rgb))),
        explicit=_finite(instruments.rate(rgb), digits=4),
        fault=upright.fault,
        luma=luma(rgb),
        faces=_measured(rgb, faces, instruments.ages),
    )
    files = {PHOTO: encode_png(rgb)}
    if faces:
        files[FACE] = (json.dumps(to_json(faces[0]), sort_keys=True) + "\n").encode()
    return Made(files=files, record=measured.record())


def _measured(rgb: RGB, faces: Sequence[Face], ages: AgeEstimator) -> tuple[MeasuredFace, ...]:
    found: list[MeasuredFace] = []
    for index, face in enumerate(faces):
        judged = index == 0 or min(face.box_px[2:]) >= JUDGED_FACE_PX
        values = {name: value for name, value in to_json(face).items() if name in MeasuredFace.model_fields}
        values["age_years"] = _finite(ages.years(rgb, face), digits=1) if judged else None
        values["light"] = light(rgb, face.points5) if index == 0 else None
        found.append(MeasuredFace(**values))
    return tuple(found)


def _finite(value: float, *, digits: int) -> float | None:
    """Rounded, or None for what no instrument should say: it then counts as not measured, which refuses."""
    return round(float(value), digits) if math.isfinite(value) else None
