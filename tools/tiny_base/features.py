"""A small classifier of the captions' words and of the identities: its features are the VAE's perceptual term.

Writes WORK/features/checkpoint.pt. No weights from elsewhere.
"""

from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from omegaconf import DictConfig
from torch import Tensor, nn

from tools.tiny_base.data import Faces, crop, load_faces, to_tensor
from tools.tiny_base.run import Run, seed_step

CHANNELS = (32, 64, 128, 192)
WORDS_LEFT_OUT = {"a", "photo", "of", "with", "hair", "wearing", "the", "background", "to", "and"}


class Features(nn.Module):
    """Four strided convolutions on [B,3,128,128]; heads for words and identities."""

    def __init__(self, words: int, identities: int) -> None:
        super().__init__()
        widths = (3, *CHANNELS)
        self.convolutions = nn.ModuleList(
            nn.Conv2d(a, b, 3 if a > 3 else 5, stride=2, padding=1 if a > 3 else 2)
            for a, b in pairwise(widths)
        )
        self.norms = nn.ModuleList(nn.GroupNorm(8, width) for width in CHANNELS)
        self.words, self.identities = (
            nn.Linear(CHANNELS[-1] * 16, words),
            nn.Linear(CHANNELS[-1] * 16, identities),
        )

    def maps(self, images: Tensor) -> list[Tensor]:
        """The activations after each convolution."""
        found = []
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            images = F.silu(norm(convolution(images)))
            found.append(images)
        return found

    def pooled(self, images: Tensor) -> Tensor:
        """The last activations, averaged over a grid of 4x4: [B,3072]."""
        return F.adaptive_avg_pool2d(self.maps(images)[-1], 4).flatten(1)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of words and of identities."""
        flat = self.pooled(images)
        return self.words(flat), self.identities(flat)


def feature_distance(first: list[Tensor], second: list[Tensor]) -> Tensor:
    """Squared difference of maps, each position's features scaled to length 1 (arXiv 1801.03924, eq. 1)."""
    total = torch.zeros(())
    for a, b in zip(first, second, strict=True):
        a, b = (F.normalize(x.float(), dim=1, eps=1e-4) for x in (a, b))
        total = total + (a - b).square().sum(1).mean()
    return total


def vocabulary(faces: Faces) -> list[str]:
    """The captions' words that say something."""
    return sorted({word for row in faces.rows for word in _words(row)})


def _words(row: dict) -> set[str]:
    return set(row["text"].replace(",", "").split()) - WORDS_LEFT_OUT


def load_features(cfg: DictConfig) -> Features:
    """The trained classifier, frozen."""
    state = torch.load(Path(cfg.work) / "features/checkpoint.pt", weights_only=True)
    model = Features(len(state["model"]["words.bias"]), len(state["model"]["identities.bias"]))
    model.load_state_dict(state["model"])
    return model.requires_grad_(False).eval().to(memory_format=torch.channels_last)


def main(cfg: DictConfig) -> bool:
    """Train for cfg.features.minutes of processor time; a stop starts anew, it takes minutes only."""
    if (Path(cfg.work) / "features/checkpoint.pt").exists():
        return True
    faces, run = (
        load_faces(cfg),
        Run(Path(cfg.work) / "features"),
    )
    words, names = vocabulary(faces), faces.identities
    present = np.array([[word in _words(row) for word in words] for row in faces.rows], np.float32)
    who = {name: number for number, name in enumerate(names)}
    seed_step(cfg.seed, "features")
    model = Features(len(words), len(names)).to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(model.parameters(), lr=cfg.features.lr, weight_decay=0.02)
    while not run.stopped and (spent := run.cpu_seconds) < cfg.features.minutes * 60:
        random = seed_step(cfg.seed, "features", run.step)
        chosen = random.choice(faces.train, cfg.features.batch, replace=False)
        images = torch.stack([_varied(faces.pixels[i], cfg.data.side_px, random) for i in chosen])
        for group in optimizer.param_groups:
            group["lr"] = cfg.features.lr * min(1.0, 5 * (1 - spent / (cfg.features.minutes * 60)))
        with torch.autocast("cpu", torch.bfloat16):
            said, identity = model(images.to(memory_format=torch.channels_last))
        targets = torch.tensor([who[faces.rows[i]["identity"]] for i in chosen])
        word_loss = F.binary_cross_entropy_with_logits(said.float(), torch.from_numpy(present[chosen]))
        loss = 10 * word_loss + 0.3 * F.cross_entropy(identity.float(), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        run.step += 1
        if run.step % 50 == 0:
            right = (identity.argmax(1) == targets).float().mean().item()
            hits = ((said > 0).float() == torch.from_numpy(present[chosen])).float().mean().item()
            run.log(words=word_loss.item(), identity=right, words_right=hits)
    if not run.stopped:
        run.save({"model": model.state_dict()})
    return not run.stopped


def _varied(pixels: np.ndarray, side_px: int, random: np.random.Generator) -> Tensor:
    """Most of a picture, not mirrored (words say left and right), in another light."""
    image = to_tensor(crop(pixels, side_px, random, sizes_px=(216, 256), mirror=False)[None])[0]
    return image * random.uniform(0.85, 1.1) + random.uniform(-0.1, 0.1)
