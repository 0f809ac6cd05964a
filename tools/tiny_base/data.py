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
from torch.nn import functional

from likeness.faces.crop import face_square
from likeness.faces.detect import Detector
from tools.tiny_base.run import device

MEASURED_PX = 512  # pictures are enlarged for the detector
NOWHERE = -9.0  # eyes that were not found: so far outside that they weigh nothing
EYE_SHARE = 0.045  # of the side: how far an eye reaches, as the deviation of a bell


@dataclass(frozen=True, kw_only=True)
class Faces:
    """Pictures uint8 [N,P,P,3], P cfg.data.stored_px, on the device; where their eyes are [N,2,2] (x and y in shares of
    the side, outside the picture where none is found); their metadata, and who is held out."""

    pixels: Tensor
    eyes: Tensor
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
        side = cfg.data.stored_px
        array = np.lib.format.open_memmap(store, "w+", np.uint8, (len(rows), side, side, 3))
        eyes = np.full((len(rows), 2, 2), NOWHERE, np.float32)
        detector = Detector()
        for number, row in enumerate(rows):
            digest.update(json.dumps(row, sort_keys=True).encode())
            digest.update((folder / row["file_name"]).read_bytes())
            image = Image.open(folder / row["file_name"]).convert("RGB")
            array[number], eyes[number] = _near(image, detector, cfg)
        array.flush()
        np.save(work / "eyes.npy", eyes)
        digest_file.write_text(digest.hexdigest())
    held = np.array([is_held_out(row["identity"], cfg.data.held_out_share) for row in rows])
    safe = np.ones(len(rows), bool)
    if len(described := read_described(work)) == len(rows):
        safe = np.array([one["faces"] == 1 and one["explicit"] < cfg.data.max_explicit for one in described])
    return Faces(
        pixels=torch.from_numpy(np.load(store)).to(device()),
        eyes=torch.from_numpy(np.load(work / "eyes.npy")).to(device()),
        rows=rows,
        train=np.flatnonzero(~held & safe),
        held_out=np.flatnonzero(held),
        digest=digest_file.read_text(),
    )


def _near(
    image: Image.Image, detector: Detector, cfg: DictConfig
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """A picture cut around its one face, [P,P,3], and its eyes in it; whole without one."""
    big = np.asarray(image.resize((MEASURED_PX, MEASURED_PX), Image.Resampling.BICUBIC))
    found = detector.rows(big)
    box, eyes = (0.0, 0.0, *map(float, image.size)), np.full((2, 2), NOWHERE, np.float32)
    if len(found) == 1:
        across = np.array([image.width, image.height]) / MEASURED_PX
        corner, size = found[0][:2] * across, found[0][2:4] * across
        box = face_square(image.size, (*corner, *size), cfg.data.face_fraction)
        eyes = (found[0][4:8].reshape(2, 2) * across - box[:2]) / (np.array(box[2:]) - box[:2])
    side = (cfg.data.stored_px, cfg.data.stored_px)
    return np.asarray(image.resize(side, Image.Resampling.LANCZOS, box=box)), eyes.astype(np.float32)


def read_described(work: Path) -> list[dict]:
    """What the step describe measured, a record a picture in the order of `Faces.rows`; nothing before it has been."""
    file = work / "described.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def is_held_out(identity: str, share: float) -> bool:
    """Whether a person is kept for measuring: depends on the name alone, so more people may be added."""
    return int.from_bytes(hashlib.sha256(identity.encode()).digest()[:4], "big") < share * 2**32


def whole(faces: Faces, chosen: NDArray[np.intp], side_px: int) -> NDArray[np.uint8]:
    """Pictures [B,side,side,3]."""
    side = (side_px, side_px)
    small = [
        Image.fromarray(faces.pixels[i].cpu().numpy()).resize(side, Image.Resampling.LANCZOS) for i in chosen
    ]
    return np.stack([np.asarray(one) for one in small])


def crops(
    faces: Faces,
    chosen: NDArray[np.intp],
    side_px: int,
    random: np.random.Generator,
    *,
    shares: tuple[float, float],
    mirrored: NDArray[np.bool_] | bool = False,
) -> tuple[Tensor, Tensor]:
    """A random square of each picture, of the least to the largest share of its side: [B,3,side,side] of -1..1, and
    where its eyes are [B,2,2]."""
    size = random.uniform(*shares, len(chosen))
    corner = random.uniform(0, 1, (len(chosen), 2)) * (1 - size)[:, None]
    flip = np.where(np.broadcast_to(mirrored, size.shape), -1.0, 1.0)
    middle = 2 * corner + size[:, None] - 1
    affine = np.zeros((len(chosen), 2, 3), np.float32)
    affine[:, 0, 0], affine[:, 1, 1], affine[:, :, 2] = size * flip, size, middle
    here = faces.pixels.device
    where = torch.from_numpy(affine).to(here)
    pictures = faces.pixels[torch.from_numpy(chosen).to(here)].permute(0, 3, 1, 2).float() / 127.5 - 1
    grid = functional.affine_grid(where, [len(chosen), 3, side_px, side_px], align_corners=False)
    cut = functional.grid_sample(pictures, grid, mode="bicubic", padding_mode="border", align_corners=False)
    at = 2 * faces.eyes[torch.from_numpy(chosen).to(here)] - 1
    eyes = ((at - where[:, None, :, 2]) / where[:, None].diagonal(dim1=-2, dim2=-1) + 1) / 2
    return cut.clamp(-1, 1).contiguous(memory_format=torch.channels_last), eyes


def eye_weights(eyes: Tensor, side: int, gain: float) -> Tensor:
    """1 everywhere and up to 1 + gain at the eyes [B,2,2], as [B,1,side,side]."""
    places = (torch.arange(side, device=eyes.device) + 0.5) / side
    x, y = ((places - eyes[..., axis, None]).square() for axis in (0, 1))
    near = torch.exp(-(x[:, :, None, :] + y[:, :, :, None]) / (2 * EYE_SHARE**2))
    return 1 + gain * near.amax(1, keepdim=True)


def to_tensor(batch: NDArray[np.uint8]) -> Tensor:
    """Pixels [B,H,W,3] of 0..255 as [B,3,H,W] of -1..1, channels last in memory, on the device."""
    return torch.tensor(np.ascontiguousarray(batch)).to(device()).permute(0, 3, 1, 2).float() / 127.5 - 1


def to_pixels(images: Tensor) -> NDArray[np.uint8]:
    """Images [B,3,H,W] of -1..1 as uint8 [B,H,W,3]."""
    return ((images.float() + 1) * 127.5).clamp(0, 255).round().byte().permute(0, 2, 3, 1).cpu().numpy()
