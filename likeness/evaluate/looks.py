"""How a picture looks, apart from identity: the attributes captioner's words, light, framing, background and PDQ."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np

from likeness.caption import attribute_text
from likeness.caption.attributes import ATTRIBUTES_VERSION, TRAITS, measured
from likeness.caption.regions import portrait
from likeness.digests import sha256_bytes
from likeness.evaluate.face_patch import face_patch
from likeness.evaluate.statistics import Numbers
from likeness.faces import FACES_VERSION, MODELS_DIGEST, Face, from_json
from likeness.faces.crop import face_square
from likeness.faces.landmarks import OUTER_EYE_CORNERS
from likeness.images import RGB, load_rgb
from likeness.lazy import ByName, Lazy, those
from likeness.marks.pdq import pdq, stretched, turned
from likeness.pipeline.batch import Made, Outcome, Work
from likeness.pipeline.face_entry import face_entry
from likeness.pipeline.manifest import Entry
from likeness.run import Run
from likeness.store.items import Json
from likeness.store.keys import item_key

LOOK_VERSION = 5
"""Raised whenever the same picture would be measured otherwise."""

Box = tuple[float, float, float, float]
"""Left, top, right and bottom in a picture's pixels."""

MOUTH_CORNERS = (61, 291)
"""Landmarks; lengths between them are measured in depth, too, so that a turn of the head changes them little."""

SMALL_SIDE_PX = 512
"""Longest side of a picture of which nothing has to be said: light and colours are the same as in all its pixels."""


@dataclass(frozen=True, kw_only=True)
class Look:
    """A picture: what is said of it, and what is measured where a face was found: degrees, shares of the picture's height,
    lightness L of the whole picture and of the left cheek over the right, the background's median CIELAB, and by landmarks the
    mouth's gap over its width, its width over the eyes' distance, and the eyes' opening over their width. `face_patch` is the
    face as a small picture; `cut_pdqs` are hashes of the part that training sees, where it cuts images to the face."""

    id: str
    text: str
    pdq: str
    turned_pdqs: Sequence[str]
    stretched_pdqs: Sequence[str]
    cut_pdqs: Sequence[str] = ()
    yaw_deg: float | None = None
    pitch_deg: float | None = None
    roll_deg: float | None = None
    face_share: float | None = None
    lightness: float | None = None
    side_light: float | None = None
    background: tuple[float, float, float] | None = None
    mouth_open: float | None = None
    smile_width: float | None = None
    eyes_open: float | None = None
    face_patch: str | None = None


def looks_of(
    run: Run,
    entries: Sequence[Entry],
    folder: Path,
    faces: Mapping[str, Outcome],
    *,
    words: bool,
    face_fraction: float | None = None,
) -> Mapping[str, Look]:
    """The looks of pictures whose faces were searched, by id; those whose face could not be searched are left out. Without
    `words` nothing is said of them, which takes a quarter of the time. `face_fraction` is how training cuts them to the face."""
    searched = those(entries, lambda entry: entry.id in faces and faces[entry.id].item)

    def work(number: int) -> Work:
        entry = searched[number]
        item = faces[entry.id].item
        assert item is not None
        return _work(entry, folder / entry.file, item.record, words, face_fraction)

    found = those(run.batch(Lazy(len(searched), work), what="light and pose"), attrgetter("item"))
    return ByName(Lazy(len(found), lambda number: _as_look(found[number])), attrgetter("id"))


def _as_look(outcome: Outcome) -> Look:
    assert outcome.item is not None
    return Look(id=outcome.work.id, **outcome.item.record)


def _work(
    entry: Entry, path: Path, face: Mapping[str, Any], words: bool, face_fraction: float | None
) -> Work:
    settings: dict[str, Json] = {
        "captioner": ATTRIBUTES_VERSION if words else None,
        "faces": [FACES_VERSION, MODELS_DIGEST],
        "face": sha256_bytes(json.dumps(face, sort_keys=True).encode()),
    }
    cut = None
    if face_fraction is not None and entry.faces:
        cut = face_square((entry.width, entry.height), entry.faces[0].box_px, face_fraction)
        settings["cut_px"] = list(cut)
    key = item_key("evaluate.look", LOOK_VERSION, settings, [entry.sha256])
    return Work(id=entry.id, key=key, make=partial(_look, path, face, words, cut))


def _look(path: Path, record: Mapping[str, Any], words: bool, cut: Box | None) -> Made:
    rgb = load_rgb(path)
    if record["face"] is None:
        return Made(files={}, record={"text": "", **hashes(rgb, cut)})
    small = measured(rgb) if words else measured(rgb, SMALL_SIDE_PX)
    scale = small.shape[0] / rgb.shape[0] / record["scale"]
    seen = from_json(record["face"])
    face = face_entry(seen).moved(scale, scale)
    subject = portrait(small, face, face.marks_px or {})
    phrases = [getattr(attribute_text, trait)(subject) for trait in TRAITS] if words else []
    left, right = subject.cheeks()
    behind: Numbers = np.asarray(subject.background(), np.float64)
    said = {
        "text": ", ".join(phrase for phrase in phrases if phrase),
        **hashes(rgb, cut),
        "yaw_deg": face.yaw_deg,
        "pitch_deg": face.pitch_deg,
        "roll_deg": face.roll_deg,
        "face_share": round(face.box_px[3] / small.shape[0], 4),
        "lightness": round(float(np.median(subject.lab[..., 0])), 2),
        "side_light": round(float(left[0] - right[0]), 2),
        "background": [round(float(one), 2) for one in np.median(behind, axis=0)] if len(behind) else None,
        "mouth_open": round(seen.mouth_open, 4),
        "smile_width": round(_length(seen, *MOUTH_CORNERS) / max(_length(seen, *OUTER_EYE_CORNERS), 1e-6), 4),
        "eyes_open": round(seen.eyes_open, 4),
        "face_patch": face_patch(rgb, seen, record["scale"]),
    }
    return Made(files={}, record=said)


def hashes(rgb: RGB, cut: Box | None = None) -> dict[str, Any]:
    """The PDQ of a picture, mirrored (training with flips draws that, too) or upside down, and stretched; and of the part
    that training sees, as it is and stretched."""
    found: dict[str, Any] = {"pdq": pdq(rgb), "turned_pdqs": turned(rgb), "stretched_pdqs": stretched(rgb)}
    if cut is not None:
        left, top, right, bottom = (round(edge) for edge in cut)
        part = np.ascontiguousarray(rgb[top:bottom, left:right])
        found["cut_pdqs"] = [pdq(part), *stretched(part)]
    return found


def _length(face: Face, one: int, other: int) -> float:
    return float(np.linalg.norm(face.landmarks[one] - face.landmarks[other]))
