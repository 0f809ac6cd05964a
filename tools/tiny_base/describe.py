"""Says of every training picture what likeness's own captioner would: the base learns the words it is asked in.

Writes WORK/described.jsonl, a line a picture, going on where it was stopped: faces found, phrases of the captioner, and
the gate's explicit-material rating.
"""

import json
from pathlib import Path

import cv2
import numpy as np
from omegaconf import DictConfig

from likeness.caption import attribute_text
from likeness.caption.attributes import TRAITS
from likeness.caption.regions import Portrait, portrait
from likeness.faces import Face, FaceAnalyzer
from likeness.images import RGB
from likeness.pipeline.face_entry import face_entry
from likeness.safety.rating import Rater
from tools.tiny_base.data import load_faces

MEASURED_PX = 512  # half of what the captioner measures at: a third of the time, nearly the same words


def main(cfg: DictConfig) -> bool:
    """Measure the pictures not yet in the file."""
    faces, analyzer = load_faces(cfg), FaceAnalyzer()
    rater = Rater()
    file = Path(cfg.work) / "described.jsonl"
    done = len(file.read_text().splitlines()) if file.exists() else 0
    with file.open("a", buffering=1) as stream:
        for number in range(done, len(faces.rows)):
            big = cv2.resize(faces.pixels[number], (MEASURED_PX, MEASURED_PX), interpolation=cv2.INTER_CUBIC)
            found = analyzer.faces(np.asarray(big, np.uint8))
            subject = subject_of(big, found[0]) if found else None
            said = {trait: getattr(attribute_text, trait)(subject) for trait in TRAITS} if subject else {}
            record = {
                "file_name": faces.rows[number]["file_name"],
                "faces": len(found),
                "said": said,
                "explicit": round(rater.explicit(faces.pixels[number]), 4),
            }
            stream.write(json.dumps(record) + "\n")
    return True


def subject_of(rgb: RGB, face: Face) -> Portrait:
    """A picture [H, W, 3] and the face found in it, as the captioner measures them."""
    entry = face_entry(face)
    return portrait(rgb, entry, entry.marks_px or {})
