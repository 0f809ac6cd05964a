"""Trains the UNet and the text encoders on the VAE's latents: noise prediction, min-SNR weights, a slow average.

Writes WORK/latents.pt and WORK/unet (checkpoint.pt, log.csv, probe.csv, sheets); stops on SIGTERM with a checkpoint.
Sources: Podell et al., arXiv 2307.01952 (size conditions); Hang et al., arXiv 2303.09556 (weights);
Ho and Salimans, arXiv 2207.12598 (dropped captions).
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderKL
from omegaconf import DictConfig
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from transformers import CLIPTokenizer

from tools.tiny_base.captions import all_words, compose, mirrored, plain
from tools.tiny_base.data import Faces, crops, eye_weights, load_faces, read_described, to_pixels, whole
from tools.tiny_base.model import Denoiser, alphas_cumprod, build_pipeline, build_tokenizer
from tools.tiny_base.run import Ema, Run, device, seed_step, sheet
from tools.tiny_base.vae import load_vae

SHOWN = 16  # held-out captions on a sheet, two rows
PROBED = 128  # held-out pictures the loss is measured on
LARGEST_PX = 2048  # of the sizes photographs are said to have had
ENCODED = 256  # pictures at a time


@dataclass(frozen=True, kw_only=True)
class Words:
    """What the pictures' captions are drawn from, and the tokenizer of all their words."""

    rows: list[dict]
    said: list[dict]
    tokenizer: CLIPTokenizer

    def caption(self, index: int, random: np.random.Generator, *, flipped: bool) -> str:
        """A caption of a picture, drawn anew; `flipped`: of its mirror image."""
        text = compose(self.rows[index]["text"], self.said[index], random)
        return mirrored(text) if flipped else text

    def plain(self, index: int) -> str:
        """The caption to ask for a picture like this."""
        return plain(self.rows[index]["text"], self.said[index])

    def tokens(self, texts: list[str]) -> Tensor:
        """Token numbers [B,K], padded."""
        encoded = self.tokenizer(
            texts, padding="max_length", truncation=True, return_tensors="pt", verbose=False
        )
        return encoded.input_ids


@dataclass(frozen=True, kw_only=True)
class Latents:
    """Latents [N,copies,C,H,W] scaled to unit variance, every other copy mirrored; what each of their places weighs
    [N,copies,1,H,W]."""

    values: Tensor
    weights: Tensor
    scale: float


def load_words(cfg: DictConfig, faces: Faces) -> Words:
    """Of all pictures, held-out ones too."""
    said = [one["said"] for one in read_described(Path(cfg.work))]
    words = all_words([row["text"] for row in faces.rows], said)
    return Words(rows=faces.rows, said=said, tokenizer=build_tokenizer(words, cfg.text.tokens))


def load_latents(cfg: DictConfig, faces: Faces, vae: AutoencoderKL) -> Latents:
    """Made once, of squares drawn at random; the first copy is the whole picture."""
    file = Path(cfg.work) / "latents.pt"
    if not file.exists():
        torch.save(_encode(cfg, faces, vae), file)
    values, weights = torch.load(file, map_location=device(), weights_only=True)
    scale = 1 / values[torch.from_numpy(faces.train).to(device())].float().std().item()
    return Latents(values=values, weights=weights, scale=scale)


@torch.no_grad()
def _encode(cfg: DictConfig, faces: Faces, vae: AutoencoderKL) -> tuple[Tensor, Tensor]:
    side, pictures = cfg.data.side_px, np.arange(len(faces.rows))
    values, weights = [], []
    for copy in range(cfg.unet.copies):
        random = seed_step(cfg.seed, "crop", copy)
        shares = (1.0, 1.0) if copy == 0 else (cfg.unet.least_crop_share, 1.0)
        for chosen in np.array_split(pictures, max(1, len(pictures) // ENCODED)):
            images, eyes = crops(faces, chosen, side, random, shares=shares, mirrored=copy % 2 == 1)
            with torch.autocast(device().type, torch.bfloat16):
                values.append(vae.encode(images).latent_dist.mode().half())
            weights.append(eye_weights(eyes, side // 8, cfg.unet.eye_gain).half())
    return tuple(torch.cat(part).unflatten(0, (cfg.unet.copies, -1)).transpose(0, 1).contiguous()
                 for part in (values, weights))  # fmt: skip


class Draws(Dataset):
    """Of each step what a processor draws: pictures, copies, captions' tokens, timesteps, sizes and the noise's seed."""

    def __init__(self, cfg: DictConfig, words: Words, train: np.ndarray) -> None:
        self.cfg, self.words, self.train = cfg, words, train

    def __getitem__(self, step: int) -> dict[str, Any]:
        random = seed_step(self.cfg.seed, "unet", step)
        settings = self.cfg.unet
        chosen = random.choice(self.train, min(settings.batch, len(self.train)), replace=False)
        return draw_step(self.cfg, self.words, chosen, random, settings.caption_dropout)


def draw_step(
    cfg: DictConfig, words: Words, chosen: np.ndarray, random: np.random.Generator, dropout: float
) -> dict[str, Any]:
    """What one step over the pictures `chosen` needs beside latents and noise."""
    count, alphas = len(chosen), 1000
    copy = random.integers(cfg.unet.copies, size=count)
    texts = ["" if random.random() < dropout else words.caption(int(index), random, flipped=bool(number % 2))
             for index, number in zip(chosen, copy, strict=True)]  # fmt: skip
    return {
        "chosen": torch.from_numpy(chosen),
        "copy": torch.from_numpy(copy),
        "tokens": words.tokens(texts),
        "timesteps": torch.from_numpy(random.integers(alphas, size=count)),
        "sizes": _sizes(count, cfg.data.side_px, random),
        "seed": int(random.integers(2**62)),
    }


def steps(cfg: DictConfig, words: Words, faces: Faces, first: int) -> Iterator[dict[str, Any]]:
    """The steps' draws from the `first` on, without end; beside a GPU by processes of their own."""
    workers = max(1, (os.cpu_count() or 1) - 2) if device().type == "cuda" else 0
    order = range(first, 2**31)
    yield from DataLoader(Draws(cfg, words, faces.train), batch_size=None, sampler=order, num_workers=workers)


def main(cfg: DictConfig) -> bool:
    """Train for cfg.unet.minutes."""
    settings = cfg.unet
    vae, faces = load_vae(cfg), load_faces(cfg)
    words, latents = load_words(cfg, faces), load_latents(cfg, faces, vae)
    run = Run(Path(cfg.work) / "unet")  # its time begins here: what is encoded takes none of it
    seed_step(cfg.seed, "unet")
    model = Denoiser(cfg, words.tokenizer).to(device())
    optimizer = torch.optim.AdamW(
        model.parameters(), settings.lr, (0.9, 0.99), weight_decay=settings.weight_decay, fused=True
    )
    ema, alphas = Ema(model, settings.ema), alphas_cumprod().to(device())
    snr = alphas / (1 - alphas)
    by_noise = snr.clamp(max=settings.min_snr_gamma) / snr
    if state := run.load():
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        ema.restore(state["ema"])
    recent: list[Tensor] = []
    started = run.step
    for drawn in steps(cfg, words, faces, run.step):
        done = run.seconds / 60 / settings.minutes
        if run.stopped or done >= 1:
            break
        rate = min(1.0, (run.step + 1) / settings.warmup_steps, (1 - done) / settings.decay_share)
        for group in optimizer.param_groups:
            group["lr"] = settings.lr * max(rate, 0.01)
        loss = _loss(model, latents, alphas, by_noise, drawn)
        optimizer.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        ema.update(model)
        run.step += 1
        recent.append(loss.detach())
        if run.step % 50 == 0:
            mean = torch.stack(recent).mean().item()
            run.log(loss=mean, grad_norm=norm.item(), rate=optimizer.param_groups[0]["lr"])
            recent = []
        if run.due("checkpoint", settings.checkpoint_minutes):
            _save(run, model, optimizer, ema, latents)
        if run.due("sheet", settings.sheet_minutes):
            _show(run, cfg, faces, words, latents, vae, ema)
    if run.step > started:
        _save(run, model, optimizer, ema, latents)
        _show(run, cfg, faces, words, latents, vae, ema)
    return not run.stopped


def _save(run: Run, model: Denoiser, optimizer: torch.optim.Optimizer, ema: Ema, latents: Latents) -> None:
    run.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "ema": ema.state(),
              "scale": latents.scale})  # fmt: skip


def _loss(
    model: Denoiser, latents: Latents, alphas: Tensor, by_noise: Tensor, drawn: dict[str, Any]
) -> Tensor:
    chosen, copy, timesteps, tokens, sizes = (
        drawn[name].to(alphas.device, non_blocking=True)
        for name in ("chosen", "copy", "timesteps", "tokens", "sizes")
    )
    values, weights = (
        latents.values[chosen, copy].float() * latents.scale,
        latents.weights[chosen, copy].float(),
    )
    torch.manual_seed(drawn["seed"])
    noise = torch.randn(values.shape, device=values.device)
    signal = alphas[timesteps].view(-1, 1, 1, 1)
    noisy = (signal.sqrt() * values + (1 - signal).sqrt() * noise).contiguous(
        memory_format=torch.channels_last
    )
    with torch.autocast(alphas.device.type, torch.bfloat16):
        predicted = model(noisy, timesteps, tokens, sizes)
    error = (weights * (predicted.float() - noise).square()).sum((1, 2, 3)) / weights.sum((1, 2, 3))
    return (by_noise[timesteps] * error).mean() / values.shape[1]


def _sizes(count: int, side: int, random: np.random.Generator) -> Tensor:
    """Size conditions [B,6]: half as when drawing, half as of a larger photograph, as LoRA training says it."""
    sizes = np.tile(np.array([side, side, 0, 0, side, side], np.float32), (count, 1))
    larger = random.random(count) < 0.5
    drawn = np.exp(random.uniform(np.log(side), np.log(LARGEST_PX), (count, 2))).round()
    sizes[larger, :2] = drawn[larger]
    return torch.from_numpy(sizes)


@torch.no_grad()
def _show(
    run: Run, cfg: DictConfig, faces: Faces, words: Words, latents: Latents, vae: AutoencoderKL, ema: Ema
) -> None:
    model = Denoiser(cfg, words.tokenizer).to(device())
    model.load_state_dict(ema.weights)
    model.eval()
    held, alphas = faces.held_out, alphas_cumprod().to(device())
    probed = np.array_split(held[np.linspace(0, len(held) - 1, PROBED).astype(int)], 4)
    drawn = [draw_step(cfg, words, part, seed_step(cfg.seed, "probe", number), 0.0)
             for number, part in enumerate(probed)]  # fmt: skip
    losses = [_loss(model, latents, alphas, torch.ones_like(alphas), one).item() for one in drawn]
    run.log("probe", loss=float(np.mean(losses)))
    chosen = held[np.linspace(0, len(held) - 1, SHOWN).astype(int)]
    texts = [words.plain(int(index)) for index in chosen]
    pictures = draw(cfg, model, vae, words, latents.scale, texts)
    real = whole(faces, chosen, cfg.data.side_px)
    half = SHOWN // 2
    sheet(
        [real[:half], pictures[:half], real[half:], pictures[half:]],
        run.folder / f"sheet_{run.step:06d}.png",
        2,
    )
    (run.folder / "sheet.txt").write_text("\n".join(texts) + "\n")


@torch.no_grad()
def draw(
    cfg: DictConfig, model: Denoiser, vae: AutoencoderKL, words: Words, scale: float, texts: list[str]
) -> np.ndarray:
    """Pictures uint8 [N,side,side,3], each from the seed of its number, as the pipeline draws them."""
    vae.register_to_config(scaling_factor=scale)
    pipeline = build_pipeline(model, vae, words.tokenizer)
    found = []
    for first in range(0, len(texts), 8):
        part = texts[first : first + 8]
        generators = [torch.Generator("cpu").manual_seed(first + number) for number in range(len(part))]
        latents = pipeline(part, negative_prompt=[""] * len(part), height=cfg.data.side_px, width=cfg.data.side_px,
                           num_inference_steps=cfg.sample.steps, guidance_scale=cfg.sample.guidance_scale,
                           generator=generators, output_type="latent").images  # fmt: skip
        found.append(to_pixels(vae.decode(latents / scale).sample))
    return np.concatenate(found)
