"""Reads the imagefolder: captioned pictures of many people, split by person, as arrays on disk."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from omegaconf import DictConfig
from PIL import Image
from torch import Tensor

from likeness.faces.crop import face_square
from likeness.faces.detect import face_rows

STORED_PX = 256  # crops are cut from this size
MEASURED_PX = 512  # pictures are enlarged for the detector


@dataclass(frozen=True, kw_only=True)
class Faces:
    """Pictures uint8 [N,256,256,3] (memory-mapped), their metadata, and who is held out."""

    pixels: NDArray[np.uint8]
    rows: list[dict]
    train: NDArray[np.intp]
    held_out: NDArray[np.intp]
    digest: str

    @property
    def identities(self) -> list[str]:
        """The training identities, sorted."""
        return sorted({self.rows[i]["identity"] for i in self.train})


def load_faces(cfg: DictConfig) -> Faces:
    """The imagefolder, decoded once into `cfg.work`; an identity is held out by the digest of its name.

    Once the step describe has been, nobody trains on a picture without exactly one face or rated too explicit.
    """
    folder, work = Path(cfg.folder), Path(cfg.work)
    rows = [json.loads(line) for line in (folder / "metadata.jsonl").read_text().splitlines()]
    rows.sort(key=lambda row: row["file_name"])
    store, digest_file = work / "pixels.npy", work / "data.sha256"
    work.mkdir(parents=True, exist_ok=True)
    if not digest_file.exists():
        digest = hashlib.sha256()
        array = np.lib.format.open_memmap(store, "w+", np.uint8, (len(rows), STORED_PX, STORED_PX, 3))
        for number, row in enumerate(rows):
            digest.update(json.dumps(row, sort_keys=True).encode())
            digest.update((folder / row["file_name"]).read_bytes())
            image = Image.open(folder / row["file_name"]).convert("RGB")
            array[number] = _near(image, cfg.data.face_fraction)
        array.flush()
        digest_file.write_text(digest.hexdigest())
    held = np.array([is_held_out(row["identity"], cfg.data.held_out_share) for row in rows])
    safe = np.ones(len(rows), bool)
    if len(described := read_described(work)) == len(rows):
        safe = np.array([one["faces"] == 1 and one["explicit"] < cfg.data.max_explicit for one in described])
    return Faces(
        pixels=np.load(store, mmap_mode="r"),
        rows=rows,
        train=np.flatnonzero(~held & safe),
        held_out=np.flatnonzero(held),
        digest=digest_file.read_text(),
    )


def _near(image: Image.Image, face_fraction: float) -> NDArray[np.uint8]:
    """A picture cut around its one face, [STORED_PX,STORED_PX,3]; whole without one."""
    big = np.asarray(image.resize((MEASURED_PX, MEASURED_PX), Image.Resampling.BICUBIC))
    found = face_rows(big)
    box = (0.0, 0.0, *map(float, image.size))
    if len(found) == 1:
        across, down = image.width / MEASURED_PX, image.height / MEASURED_PX
        x, y, w, h = map(float, found[0][:4])
        box = face_square(image.size, (x * across, y * down, w * across, h * down), face_fraction)
    return np.asarray(image.resize((STORED_PX, STORED_PX), Image.Resampling.LANCZOS, box=box))


def read_described(work: Path) -> list[dict]:
    """What the step describe measured, a record a picture in the order of `Faces.rows`; nothing before it has been."""
    file = work / "described.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def is_held_out(identity: str, share: float) -> bool:
    """Whether a person is kept for measuring: depends on the name alone, so more people may be added."""
    return int.from_bytes(hashlib.sha256(identity.encode()).digest()[:4], "big") < share * 2**32


def resized(pixels: NDArray[np.uint8], side_px: int) -> NDArray[np.uint8]:
    """A picture [H,W,3] at [side,side,3]."""
    return np.asarray(Image.fromarray(pixels).resize((side_px, side_px), Image.Resampling.LANCZOS))


def crop(
    pixels: NDArray[np.uint8],
    side_px: int,
    random: np.random.Generator,
    *,
    sizes_px: tuple[int, int],
    mirror: bool,
) -> NDArray[np.uint8]:
    """A random square of a picture, of the least to the largest size, at [side,side,3]; perhaps mirrored."""
    full, (least, largest) = pixels.shape[0], sizes_px
    size = int(random.integers(least, largest + 1))
    y, x = random.integers(0, full - size + 1, 2)
    cut = Image.fromarray(np.ascontiguousarray(pixels[y : y + size, x : x + size]))
    array = np.asarray(cut.resize((side_px, side_px), Image.Resampling.BICUBIC, reducing_gap=2))
    return array[:, ::-1] if mirror and random.random() < 0.5 else array


def to_tensor(batch: NDArray[np.uint8]) -> Tensor:
    """Pixels [B,H,W,3] of 0..255 as [B,3,H,W] of -1..1, channels last in memory."""
    return torch.tensor(np.ascontiguousarray(batch)).permute(0, 3, 1, 2).float() / 127.5 - 1


def to_pixels(images: Tensor) -> NDArray[np.uint8]:
    """Images [B,3,H,W] of -1..1 as uint8 [B,H,W,3]."""
    return ((images.float() + 1) * 127.5).clamp(0, 255).round().byte().permute(0, 2, 3, 1).numpy()
