"""Real pictures: detection and swaps by likeness itself, in a process of their own, and 2x by Pillow."""

import hashlib
import io
import os
import signal
import threading
from functools import lru_cache
from multiprocessing import connection, parent_process
from pathlib import Path
from typing import Any

from PIL import Image, UnidentifiedImageError

CONF = Path(__file__).parents[1] / "conf" / "swap" / "local.yaml"
PHOTOS_KEPT = 32
TINT = 0.35
Box = tuple[float, float, float, float]


class Undoable(Exception):
    """This cannot be drawn; says why."""


def die_with_parent() -> None:
    """For a pool's processes: a killed server leaves none behind, and Ctrl-C is the server's to answer."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = parent_process()
    assert parent is not None

    def watch() -> None:
        connection.wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def detect(data: bytes) -> list[Box]:
    """The boxes (x, y, width, height in px) of the faces, largest first."""
    return [face.box_px for face in _seen(data)[1]]


def middle(data: bytes) -> list[Box]:
    """One box in the middle, as large as a portrait's face."""
    width, height = _opened(data).size
    return [(width * 0.3, height * 0.2, width * 0.4, height * 0.5)]


def swap(source: bytes, target: bytes, box: Box, image_format: str, quality: int) -> bytes:
    """LocalSwapper's result for the source's largest face and the target's face in `box`.

    Raises:
        Undoable: no face there, or the swapper refuses.
    """
    from likeness.errors import InputError
    from likeness.swap import Portrait

    (source_rgb, source_faces), (target_rgb, target_faces) = _seen(source), _seen(target)
    if not source_faces:
        raise Undoable("No face detected in newFace")
    there = [face for face in target_faces if _overlap(face.box_px, box) > 0]
    if not there:
        raise Undoable("No face of mediaUrl is in originalFace")
    chosen = max(there, key=lambda face: _overlap(face.box_px, box))
    try:
        swapped = _swapper().swap(
            Portrait(rgb=source_rgb, face=source_faces[0]), Portrait(rgb=target_rgb, face=chosen)
        )
    except InputError as error:
        raise Undoable(error.message) from None
    return _encoded(Image.fromarray(swapped.rgb), image_format, quality)


def paste(source: bytes, target: bytes, box: Box, image_format: str, quality: int) -> bytes:
    """The source's largest face, turned and scaled, laid over the target's in `box`: what the gates take for a swap.

    Raises:
        Undoable: no face there.
    """
    import cv2
    import numpy as np

    from likeness.faces.crop import similarity_transform

    (source_rgb, source_faces), (target_rgb, target_faces) = _seen(source), _seen(target)
    there = [face for face in target_faces if _overlap(face.box_px, box) > 0]
    if not source_faces or not there:
        raise Undoable("No face detected")
    face, goal = source_faces[0], max(there, key=lambda one: _overlap(one.box_px, box))
    matrix = similarity_transform(face.points5, goal.points5)
    height, width = target_rgb.shape[:2]
    x, y, w, h = face.box_px
    oval = np.zeros(source_rgb.shape[:2], np.uint8)
    cv2.ellipse(oval, (int(x + w / 2), int(y + h / 2)), (int(0.6 * w), int(0.62 * h)), 0, 0, 360, [255], -1)
    laid, mask = (cv2.warpAffine(one, matrix, (width, height)) for one in (source_rgb, oval))
    pasted = np.where((mask > 127)[..., None], laid, target_rgb)
    return _encoded(Image.fromarray(pasted.astype(np.uint8)), image_format, quality)


def echo(source: bytes, target: bytes, box: Box, image_format: str, quality: int) -> bytes:
    """The target with `box` tinted in a colour that follows from the source."""
    image = _opened(target)
    colour = tuple(hashlib.sha256(source).digest()[:3])
    x, y, width, height = box
    frame = (
        max(0, round(x)),
        max(0, round(y)),
        min(image.width, round(x + width)),
        min(image.height, round(y + height)),
    )
    if frame[0] >= frame[2] or frame[1] >= frame[3]:
        raise Undoable("originalFace lies outside mediaUrl")
    part = image.crop(frame)
    image.paste(Image.blend(part, Image.new("RGB", part.size, colour), TINT), frame[:2])
    return _encoded(image, image_format, quality)


def enlarge(data: bytes, scale: float, image_format: str, quality: int) -> bytes:
    """The picture `scale` times as wide and high, Lanczos."""
    image = _opened(data)
    size = (round(image.width * scale), round(image.height * scale))
    return _encoded(image.resize(size, Image.Resampling.LANCZOS), image_format, quality)


def _opened(data: bytes) -> Image.Image:
    try:
        with Image.open(io.BytesIO(data)) as image:
            return image.convert("RGB")
    except (UnidentifiedImageError, OSError, SyntaxError) as error:
        raise Undoable("Invalid image") from error


def _encoded(image: Image.Image, image_format: str, quality: int) -> bytes:
    buffer = io.BytesIO()
    options: dict[str, Any] = (
        {"compress_level": 1} if image_format == "png" else {"quality": quality, "subsampling": 0}
    )
    image.save(buffer, format=image_format.upper(), **options)
    return buffer.getvalue()


@lru_cache(maxsize=1)
def _analyzer() -> Any:
    from likeness.faces import FaceAnalyzer

    return FaceAnalyzer()


@lru_cache(maxsize=1)
def _swapper() -> Any:
    import yaml

    from likeness.swap.local import LocalSwapper

    settings = dict(yaml.safe_load(CONF.read_text())["provider"])
    assert settings.pop("_target_").endswith(".LocalSwapper")
    return LocalSwapper(**settings)


@lru_cache(maxsize=PHOTOS_KEPT)
def _seen(data: bytes) -> tuple[Any, list[Any]]:
    import numpy as np

    rgb = np.array(_opened(data), np.uint8)
    return rgb, _analyzer().faces(rgb)


def _overlap(a: Box, b: Box) -> float:
    (ax, ay, aw, ah), (bx, by, bw, bh) = a, b
    return max(0.0, min(ax + aw, bx + bw) - max(ax, bx)) * max(0.0, min(ay + ah, by + bh) - max(ay, by))
