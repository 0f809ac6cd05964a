"""The faces in an image, found once for each image and then remembered; and the sets of images whose faces are
compared."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from likeness.evaluate.evaluation import Faces
from likeness.evaluate.identity import FaceEmbedding
from likeness.evaluate.samples import Planned
from likeness.faces import FACES_VERSION, MODELS_DIGEST, Face, FaceAnalyzer, to_json
from likeness.faces.models import RESNET
from likeness.images import RGB, load_rgb
from likeness.lazy import ByName, Lazy, Spool, those
from likeness.paths import face_file
from likeness.pipeline.batch import Made, Outcome, Work
from likeness.pipeline.manifest import Entry
from likeness.pipeline.verified import read_verified, verified_bytes
from likeness.run import Run
from likeness.store.items import Json
from likeness.store.keys import item_key


@dataclass(frozen=True, kw_only=True)
class Finder:
    """Finds faces; `own` names the user's own embedder (`faces.embedder`) where the analyzer has one."""

    analyzer: FaceAnalyzer
    own: str | None = None

    def __call__(self, rgb: RGB) -> list[Face]:
        """Faces of an image, largest first, that one with the embeddings of all networks."""
        faces = self.analyzer.faces(rgb)
        return [self.analyzer.identified(rgb, face) for face in faces[:1]] + faces[1:]


# The detector was trained on faces of 10 px and more; small samples are enlarged to this side.
SEARCHED_SIDE_PX = 512


def face_work(name: str, sha256: str, path: Path, find: Finder) -> Work:
    """The item that remembers the largest face of an image file of this digest, or that there is none, and how many there are."""
    settings: dict[str, Json] = {
        "faces": FACES_VERSION,
        "models": MODELS_DIGEST,
        "resnet": RESNET.sha256,
        "side_px": SEARCHED_SIDE_PX,
    }
    if find.own is not None:
        settings["own"] = find.own
    key = item_key("metrics.face", 3, settings, [sha256])
    return Work(id=name, key=key, make=partial(_largest_face, path, find))


def faces_of(outcomes: Sequence[Outcome]) -> Faces:
    """The faces that `face_work` found, how many in each image, and how many images were searched."""
    embeddings, counts = Spool[FaceEmbedding](), dict[str, int]()
    for outcome in outcomes:
        if outcome.item is not None:
            name, record = outcome.work.id, outcome.item.record
            counts[name] = record["faces"]
            if record["face"] is not None:
                embeddings.append(_embedding(name, record["face"], record["scale"]))
    return Faces(images=len(outcomes), embeddings=embeddings, counts=counts)


def ingested_faces(entries: Sequence[Entry], folder: Path) -> Faces:
    """The faces of photographs, as the ingest stage wrote them beside each (`jade-s7.face.json`)."""
    embeddings, counts = Spool[FaceEmbedding](), dict[str, int]()
    for entry in entries:
        face = verified_bytes(folder / face_file(entry.id), entry.face_sha256)
        embeddings.append(_embedding(entry.id, json.loads(face)))
        counts[entry.id] = len(entry.faces)
    return Faces(images=len(entries), embeddings=embeddings, counts=counts)


def _embedding(image: str, face: Mapping[str, Any], scale: float = 1.0) -> FaceEmbedding:
    return FaceEmbedding(
        id=image,
        embedding=np.asarray(face["embedding"], np.float32),
        others={name: np.asarray(vector, np.float32) for name, vector in face.get("others", {}).items()},
        yaw_deg=float(face["yaw_deg"]),
        side_px=round(min(face["box_px"][2:]) / scale, 1),
    )


def _largest_face(path: Path, find: Finder) -> Made:
    rgb = load_rgb(path)
    scale = max(1.0, SEARCHED_SIDE_PX / max(rgb.shape[:2]))
    found = find(_enlarged(rgb, scale))
    face = to_json(found[0]) if found else None
    return Made(files={}, record={"faces": len(found), "face": face, "scale": scale})


def _enlarged(rgb: RGB, scale: float) -> RGB:
    if scale == 1:
        return rgb
    height, width = rgb.shape[:2]
    size = (round(width * scale), round(height * scale))
    return np.asarray(Image.fromarray(rgb).resize(size, Image.Resampling.BICUBIC))


def search(run: Run, entries: Sequence[Entry], folder: Path, find: Finder) -> Mapping[str, Outcome]:
    """The faces of images, by the images' ids; `find` gives those of one, largest first."""

    def work(number: int) -> Work:
        entry = entries[number]
        return face_work(entry.id, entry.sha256, folder / entry.file, find)

    return ByName(run.batch(Lazy(len(entries), work), what="faces"), lambda outcome: outcome.work.id)


def comparison_sets(
    run: Run,
    trained: Sequence[Entry],
    faces: Mapping[str, Outcome],
    drawn: Mapping[str, Outcome],
    planned: Sequence[Planned],
    named: Sequence[str],
) -> dict[str, Faces]:
    """Faces of the samples, the training images, the photographs and the target people.

    Args:
        faces: what was found in the training images, by id; `drawn`: in the samples that were written.
        named: the prompts that name the person; what others draw is no likeness of her that was asked for.
    """
    photographs = read_verified(run.paths.ingested).entries

    def ingested(entries: Sequence[Entry]) -> Faces:
        return ingested_faces(entries, run.paths.ingested)

    def in_training(entries: Sequence[Entry]) -> Faces:
        return faces_of(Lazy(len(entries), lambda number: faces[entries[number].id]))

    def samples(*, lora: bool, name: bool) -> Faces:
        chosen = [one.id for one in planned if one.lora == lora and (one.prompt in named) == name]
        return faces_of([drawn[image] for image in chosen if image in drawn])

    return {
        "held_out": ingested(those(photographs, lambda photo: photo.held_out)),
        "sources": ingested(those(photographs, lambda photo: photo.source and not photo.held_out)),
        "photographs": in_training(those(trained, lambda entry: entry.target is None)),
        "swaps": in_training(those(trained, lambda entry: entry.target is not None)),
        "samples_with": samples(lora=True, name=True),
        "samples_without": samples(lora=False, name=True),
        "unnamed_with": samples(lora=True, name=False),
        "unnamed_without": samples(lora=False, name=False),
        "targets": ingested(those(photographs, lambda photo: photo.target)),
    }
