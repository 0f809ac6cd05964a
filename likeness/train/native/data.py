"""The training folder as examples, and the order in which a run sees them.

Order is a pure function of (seed, epoch), so that a resumed run goes on with the very next batch.
"""

import hashlib
import itertools
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from likeness.dataset.layout import METADATA, WRITTEN_BY_DATASET, changed, repeats_in
from likeness.diffusion.randomness import derive
from likeness.digests import sha256_file
from likeness.errors import ConfigError, InputError
from likeness.faces.crop import face_square
from likeness.lazy import Spool
from likeness.paths import require_file
from likeness.train.config import DataConfig, TrainConfig

Bucket = tuple[int, int]
"""Width and height of a training image in pixels."""
Box = tuple[float, float, float, float]
"""Left, top, right and bottom in an image's pixels."""
Point = tuple[float, float]
CELL_PX = 8  # a VAE makes one cell of latents of 8 by 8 pixels


@dataclass(frozen=True, kw_only=True)
class TrainingExample:
    """One image of the training set with its caption, how often an epoch shows it, and its size in pixels.

    `cut_px` is the part that is trained on, whose size that is then; None is the whole image. `face_px` and `outline_px`,
    its corners in order, are where the face lies in that part, if that is known. `photograph` is the label of the person's
    photograph that it is or is made of, the file's own name where no label is known; `target` is that of the picture
    that the face was put into. `prior` is a picture of the class that the base drew.
    """

    path: Path
    text: str
    sha256: str
    repeats: int
    width: int
    height: int
    photograph: str = ""
    target: str | None = None
    cut_px: Box | None = None
    face_px: Box | None = None
    outline_px: tuple[Point, ...] | None = None
    prior: bool = False


def read_examples(folder: Path, *, face_fraction: float | None = None) -> Sequence[TrainingExample]:
    """The examples of a Kohya folder with train/metadata.jsonl, in its order; they lie in a file of their own.

    With a `face_fraction`, images whose face the metadata knows are cut to a square around it in which it has this
    share of the height: at 128 px nothing else would be left of a face.

    Raises:
        InputError: no metadata, no example, or an image that is missing, unreadable or not the recorded one.
    """
    metadata = require_file(folder / METADATA, remedy=WRITTEN_BY_DATASET)
    with metadata.open(encoding="utf-8") as lines:
        read = (_example(metadata, json.loads(line), face_fraction) for line in lines if line.strip())
        examples = Spool(read)
    if not any(example.repeats for example in examples):
        raise InputError(
            f"{folder} holds no image to train on",
            reason="empty-dataset",
            remedy="read the failures.jsonl files below data/PERSONA/ to see why photos were left out",
        )
    return examples


def _example(metadata: Path, line: Mapping[str, Any], face_fraction: float | None) -> TrainingExample:
    path = metadata.parent / line["file_name"]
    if not path.is_file() or sha256_file(path) != line["sha256"]:
        raise changed(f"{path} is missing or is not the image that metadata.jsonl records")
    try:
        with Image.open(path) as image:
            size = image.size
    except (UnidentifiedImageError, OSError) as error:
        raise InputError(
            f"{path} is not a readable image: {error}", reason="unreadable", remedy=WRITTEN_BY_DATASET
        ) from error
    cut, face, outline = None, line.get("face_box_px"), line.get("face_outline_px")
    if face is not None:
        x, y, w, h = face
        if face_fraction is not None:
            cut = face_square(size, (x, y, w, h), face_fraction)
            size, (x, y) = (round(cut[2] - cut[0]), round(cut[3] - cut[1])), (x - cut[0], y - cut[1])
        face = (x, y, x + w, y + h)
    left, top = cut[:2] if cut else (0.0, 0.0)
    moved = tuple((x - left, y - top) for x, y in outline) if outline else None
    repeats = line["repeats"] if "repeats" in line else repeats_in(line["file_name"])
    return TrainingExample(
        path=path,
        text=line["text"],
        sha256=line["sha256"],
        repeats=repeats,
        width=size[0],
        height=size[1],
        cut_px=cut,
        face_px=face,
        outline_px=moved,
        photograph=line.get("source") or path.stem,
        target=line.get("target"),
    )


def dataset_digest(examples: Sequence[TrainingExample]) -> str:
    """sha256 over images, captions, repeats, faces and cuts: what is trained on, whatever the files are called."""
    # The lines in their order, without all of them in memory: each begins with its image's digest.
    begins = [example.sha256 for example in examples]
    order = sorted(range(len(begins)), key=begins.__getitem__)
    digest, between = hashlib.sha256(), b""
    for _, alike in itertools.groupby(order, key=begins.__getitem__):
        for line in sorted(_described(examples[number]) for number in alike):
            digest.update(between + line.encode())
            between = b"\n"
    return digest.hexdigest()


def _described(example: TrainingExample) -> str:
    told = [example.sha256, example.text, example.repeats, example.face_px, example.cut_px]
    # Only where there is something to tell: datasets without keep their digests.
    more = {"outline_px": example.outline_px, "prior": example.prior}
    return json.dumps(told + ([more] if any(more.values()) else []))


def bucket_for(width: int, height: int, *, side_px: int, step_px: int) -> Bucket:
    """The bucket of at most `side_px` squared pixels and nearest shape, its sides multiples of `step_px`."""
    area = side_px * side_px
    sides = range(step_px, area // step_px + 1, step_px)
    buckets = [(w, h) for w in sides if (h := area // w // step_px * step_px) > 0]
    wanted = math.log(width / height)
    return min(buckets, key=lambda size: (abs(math.log(size[0] / size[1]) - wanted), -size[0] * size[1]))


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """A training image uint8 [H,W,3] RGB of its bucket's size, and where it was cut out of the scaled one."""

    rgb: NDArray[np.uint8]
    crop_top: int
    crop_left: int


def fit_image(path: Path | BinaryIO, bucket: Bucket, cut_px: Box | None = None) -> Fitted:
    """Scale (Lanczos) so that the image, or the part of it, covers the bucket and cut out the centre."""
    width, height = bucket
    with Image.open(path) as image:
        left, top, right, bottom = cut_px or (0, 0, image.width, image.height)
        across, down = right - left, bottom - top
        scale = max(width / across, height / down)
        size = (max(width, round(across * scale)), max(height, round(down * scale)))
        scaled = image.convert("RGB").resize(size, Image.Resampling.LANCZOS, box=cut_px)
    left, top = (size[0] - width) // 2, (size[1] - height) // 2
    rgb = np.asarray(scaled.crop((left, top, left + width, top + height)))
    return Fitted(rgb=rgb, crop_top=top, crop_left=left)


def face_cells(example: TrainingExample, bucket: Bucket) -> NDArray[np.float32]:
    """The share of each cell of a fitted image's latents [H/8,W/8] that lies within the face's outline, or within its box
    where no outline is known; 0 without a face."""
    left, top, right, bottom = example.face_px or (0.0, 0.0, 0.0, 0.0)
    corners = example.outline_px or ((left, top), (right, top), (right, bottom), (left, bottom))
    size, fitted = np.array([example.width, example.height]), np.array(bucket)
    scale = (fitted / size).max()
    points = (np.array(corners) * scale - (scale * size - fitted) / 2) / CELL_PX
    return polygon_cells(points, bucket[0] // CELL_PX, bucket[1] // CELL_PX).astype(np.float32)


def polygon_cells(points: NDArray[np.float64], width: int, height: int) -> NDArray[np.float64]:
    """The share of each cell of a grid [height,width] that lies within a polygon of corners [N,2] (x, y) in cells; exact.

    By Green's theorem the polygon's area left of X and above Y is the sum over its edges of the integral of min(x, X) dy
    over the part above Y. Shares are differences of that area between neighbours.
    """
    rows, columns = np.arange(height + 1.0), np.arange(width + 1.0)
    (x0, y0), (x1, y1) = points.T[..., None], np.roll(points, -1, axis=0).T[..., None]
    slope = (x1 - x0) / np.where(y1 == y0, 1.0, y1 - y0)  # a level edge adds nothing
    from_y, to_y = np.minimum(y0, rows), np.minimum(y1, rows)  # [N,height+1]: the part above each row's start
    from_x, to_x = x0 + slope * (from_y - y0), x0 + slope * (to_y - y0)
    low, high = np.minimum(from_x, to_x)[..., None], np.maximum(from_x, to_x)[..., None]
    # The mean of min(x, X) over x between low and high.
    beyond, length = (columns - low).clip(0.0, high - low), high - low
    mean = np.minimum(columns, high) - beyond**2 / (2 * np.where(length > 0, length, 1.0))
    area = ((to_y - from_y)[..., None] * mean).sum(0)
    return np.abs(np.diff(np.diff(area, axis=0), axis=1)).clip(0.0, 1.0)


def captions(example: TrainingExample, cfg: DataConfig, seed: int) -> list[str]:
    """The example's caption in the orders that are learned: as it is, or shuffled behind the parts that stay."""
    if not cfg.caption_shuffles:
        return [example.text]
    parts = [part.strip() for part in example.text.split(",")]
    kept, moved = parts[: cfg.keep_tokens], parts[cfg.keep_tokens :]
    orders: list[str] = []
    for number in range(cfg.caption_shuffles):
        random = np.random.Generator(np.random.PCG64(derive(seed, "shuffle", example.text, number)))
        shuffled: list[str] = [moved[i] for i in random.permutation(len(moved))]
        orders.append(", ".join(kept + shuffled))
    return orders


@dataclass(frozen=True)
class BatchMembers:
    """A bucket and the examples of one batch, counted within the bucket."""

    bucket: Bucket
    members: tuple[int, ...]


class Order:
    """Which batch comes when; every batch has `batch_size` examples of one bucket."""

    def __init__(self, examples: Sequence[TrainingExample], cfg: DataConfig, seed: int) -> None:
        self.batch_size, self.seed = cfg.batch_size, seed
        self.members: dict[Bucket, list[int]] = {}
        repeats: dict[Bucket, list[int]] = {}
        limits = {"side_px": cfg.side_px, "step_px": cfg.bucket_step_px}
        for index, example in enumerate(examples):
            bucket = bucket_for(example.width, example.height, **limits)
            self.members.setdefault(bucket, []).append(index)
            repeats.setdefault(bucket, []).append(example.repeats)
        self.members = dict(sorted(self.members.items()))
        self.repeats = {bucket: repeats[bucket] for bucket in self.members}
        self.batches_per_epoch = sum(math.ceil(sum(r) / self.batch_size) for r in repeats.values())

    def epoch(self, number: int) -> list[BatchMembers]:
        """All batches of an epoch; a bucket's last one is filled up from the start of the bucket's list."""
        random = np.random.Generator(np.random.PCG64(derive(self.seed, "order", number)))
        batches: list[BatchMembers] = []
        for bucket, repeats in self.repeats.items():
            shown = random.permutation(np.repeat(np.arange(len(repeats)), repeats)).tolist()
            for start in range(0, len(shown), self.batch_size):
                chosen = (shown[(start + offset) % len(shown)] for offset in range(self.batch_size))
                batches.append(BatchMembers(bucket, tuple(chosen)))
        return [batches[i] for i in random.permutation(len(batches))]


def resolve_steps(examples: Sequence[TrainingExample], cfg: TrainConfig) -> TrainConfig:
    """The settings with the `steps` that `epochs` of these examples take, rounded up; as they are without epochs.

    Raises:
        ConfigError: warm-up would be all there is.
    """
    schedule = cfg.schedule
    if schedule.epochs is None:
        return cfg
    order = Order(examples, cfg.data, cfg.seed)
    steps = math.ceil(schedule.epochs * order.batches_per_epoch / cfg.parts)
    if schedule.warmup_steps >= steps:
        raise ConfigError(
            f"train.schedule.epochs {schedule.epochs:g} of this dataset are {steps} steps, of which "
            f"train.schedule.warmup_steps {schedule.warmup_steps} leaves nothing",
            reason="no-steps",
            remedy="raise train.schedule.epochs, or lower train.schedule.warmup_steps",
        )
    return cfg.model_copy(update={"schedule": schedule.model_copy(update={"steps": steps})})
