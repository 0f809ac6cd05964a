"""The face in an image, as the identity scores need it: found once for each image, then remembered."""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from likeness.evaluate.evaluation import Faces
from likeness.evaluate.identity import FaceEmbedding
from likeness.faces import FACES_VERSION, MODELS_DIGEST, Face
from likeness.images import RGB, load_rgb
from likeness.paths import face_file
from likeness.pipeline.batch import Made, Outcome, Work
from likeness.pipeline.manifest import Entry
from likeness.store.items import item_key

Finder = Callable[[RGB], Sequence[Face]]
"""Faces of an image, largest first."""

# The detector was trained on faces of 10 px and more; small samples are enlarged to this side.
SEARCHED_SIDE_PX = 512


def face_work(name: str, sha256: str, path: Path, find: Finder) -> Work:
    """The item that remembers the largest face of an image file of this digest, or that there is none."""
    settings = {"faces": FACES_VERSION, "models": MODELS_DIGEST, "side_px": SEARCHED_SIDE_PX}
    return Work(
        id=name,
        key=item_key("metrics.face", 1, settings, [sha256]),
        make=partial(_largest_face, path, find),
    )


def faces_of(outcomes: Sequence[Outcome]) -> Faces:
    """The faces that `face_work` found, and how many images were searched."""
    embeddings = [
        _embedding(outcome.work.id, face)
        for outcome in outcomes
        if outcome.item is not None and (face := outcome.item.record["face"]) is not None
    ]
    return Faces(images=len(outcomes), embeddings=embeddings)


def ingested_faces(entries: Sequence[Entry], folder: Path) -> Faces:
    """The faces of photographs, as the ingest stage wrote them beside each (`jade-s7.face.json`)."""
    faces = {entry.id: json.loads((folder / face_file(entry.id)).read_bytes()) for entry in entries}
    return Faces(images=len(entries), embeddings=[_embedding(name, face) for name, face in faces.items()])


def _embedding(image: str, face: Mapping[str, Any]) -> FaceEmbedding:
    vector = np.asarray(face["embedding"], np.float32)
    return FaceEmbedding(id=image, embedding=vector, yaw_deg=float(face["yaw_deg"]))


def _largest_face(path: Path, find: Finder) -> Made:
    found = find(_enlarged(load_rgb(path)))
    if not found:
        return Made(files={}, record={"face": None})
    embedding = [round(float(value), 6) for value in found[0].embedding]
    return Made(files={}, record={"face": {"embedding": embedding, "yaw_deg": round(found[0].yaw_deg, 2)}})


def _enlarged(rgb: RGB) -> RGB:
    height, width = rgb.shape[:2]
    scale = SEARCHED_SIDE_PX / max(height, width)
    if scale <= 1:
        return rgb
    size = (round(width * scale), round(height * scale))
    return np.asarray(Image.fromarray(rgb).resize(size, Image.Resampling.BICUBIC))
