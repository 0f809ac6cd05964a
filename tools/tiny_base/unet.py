"""Trains the UNet and the text encoders on the VAE's latents: noise prediction, min-SNR weights, a slow average.

Writes WORK/latents.pt and WORK/unet (checkpoint.pt, log.csv, probe.csv, sheets); stops on SIGTERM with a checkpoint.
Sources: Podell et al., arXiv 2307.01952 (size conditions); Hang et al., arXiv 2303.09556 (weights);
Ho and Salimans, arXiv 2207.12598 (dropped captions).
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from omegaconf import DictConfig
from torch import Tensor
from transformers import CLIPTokenizer

from tools.tiny_base.captions import all_words, compose, plain
from tools.tiny_base.data import (
    STORED_PX,
    Faces,
    crop,
    load_faces,
    read_described,
    resized,
    to_pixels,
    to_tensor,
)
from tools.tiny_base.model import Denoiser, alphas_cumprod, build_pipeline, build_tokenizer
from tools.tiny_base.run import Ema, Run, seed_step, sheet
from tools.tiny_base.vae import load_vae

SHOWN = 16  # held-out captions on a sheet, two rows
PROBED = 128  # held-out pictures the loss is measured on
LARGEST_PX = 2048  # of the sizes photographs are said to have had


@dataclass(frozen=True, kw_only=True)
class Trainset:
    """Latents [N,copies,C,H,W] scaled to unit variance, N pictures' texts and measured phrases."""

    faces: Faces
    latents: Tensor
    scale: float
    said: list[dict]
    tokenizer: CLIPTokenizer

    def caption(self, index: int, random: np.random.Generator) -> str:
        """A caption of a picture, drawn anew."""
        return compose(self.faces.rows[index]["text"], self.said[index], random)

    def plain(self, index: int) -> str:
        """The caption to ask for a picture like this."""
        return plain(self.faces.rows[index]["text"], self.said[index])

    def tokens(self, texts: list[str]) -> Tensor:
        """Token numbers [B,K], padded."""
        encoded = self.tokenizer(
            texts, padding="max_length", truncation=True, return_tensors="pt", verbose=False
        )
        return encoded.input_ids


def load_trainset(cfg: DictConfig, vae: AutoencoderKL) -> Trainset:
    """Everything the loop reads; latents are made once."""
    faces = load_faces(cfg)
    said = [one["said"] for one in read_described(Path(cfg.work))]
    file = Path(cfg.work) / "latents.pt"
    if not file.exists():
        torch.save(_encode(cfg, faces, vae), file)
    latents = torch.load(file, weights_only=True)
    scale = 1 / latents[torch.from_numpy(faces.train)].float().std().item()
    words = all_words([row["text"] for row in faces.rows], said)
    return Trainset(
        faces=faces,
        latents=latents.float() * scale,
        scale=scale,
        said=said,
        tokenizer=build_tokenizer(words, cfg.text.tokens),
    )


@torch.no_grad()
def _encode(cfg: DictConfig, faces: Faces, vae: AutoencoderKL) -> Tensor:
    found, side = [], cfg.data.side_px
    for first in range(0, len(faces.rows), 16):
        pictures = []
        for index in range(first, min(first + 16, len(faces.rows))):
            random = seed_step(cfg.seed, "crop", index)
            pictures.append(resized(faces.pixels[index], side))
            pictures += [
                crop(
                    faces.pixels[index],
                    side,
                    random,
                    sizes_px=(cfg.unet.least_crop_px, STORED_PX),
                    mirror=False,
                )
                for _ in range(cfg.unet.copies - 1)
            ]
        with torch.autocast("cpu", torch.bfloat16):
            modes = vae.encode(to_tensor(np.stack(pictures))).latent_dist.mode()
        found.append(modes.float().unflatten(0, (-1, cfg.unet.copies)).contiguous())
    return torch.cat(found)


def main(cfg: DictConfig) -> bool:
    """Train for cfg.unet.hours of processor time."""
    settings = cfg.unet
    vae = load_vae(cfg)
    data = load_trainset(cfg, vae)
    run = Run(Path(cfg.work) / "unet")  # its time begins here: what is encoded takes none of it
    seed_step(cfg.seed, "unet")
    model = Denoiser(cfg, data.tokenizer)
    optimizer = torch.optim.AdamW(
        model.parameters(), settings.lr, (0.9, 0.99), weight_decay=settings.weight_decay
    )
    ema, alphas = Ema(model, settings.ema), alphas_cumprod()
    snr = alphas / (1 - alphas)
    weights = snr.clamp(max=settings.min_snr_gamma) / snr
    if state := run.load():
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        ema.restore(state["ema"])
    recent: list[float] = []
    started = run.step
    while not run.stopped and (done := run.cpu_seconds / 3600 / settings.hours) < 1:
        rate = min(1.0, (run.step + 1) / settings.warmup_steps, (1 - done) / settings.decay_share)
        for group in optimizer.param_groups:
            group["lr"] = settings.lr * max(rate, 0.01)
        random = seed_step(cfg.seed, "unet", run.step)
        loss = _loss(
            model,
            data,
            alphas,
            weights,
            random.choice(data.faces.train, settings.batch, replace=False),
            random,
            settings.caption_dropout,
        )
        optimizer.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        ema.update(model)
        run.step += 1
        recent.append(loss.item())
        if run.step % 50 == 0:
            run.log(loss=float(np.mean(recent)), grad_norm=norm.item(), rate=optimizer.param_groups[0]["lr"])
            recent = []
        if run.due("checkpoint", settings.checkpoint_minutes):
            _save(run, model, optimizer, ema)
        if run.due("sheet", settings.sheet_minutes):
            _show(run, cfg, data, vae, ema)
    if run.step > started:
        _save(run, model, optimizer, ema)
        _show(run, cfg, data, vae, ema)
    return not run.stopped


def _save(run: Run, model: Denoiser, optimizer: torch.optim.Optimizer, ema: Ema) -> None:
    run.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "ema": ema.state()})


def _loss(
    model: Denoiser,
    data: Trainset,
    alphas: Tensor,
    weights: Tensor,
    chosen: np.ndarray,
    random: np.random.Generator,
    dropout: float,
) -> Tensor:
    count, side = len(chosen), data.latents.shape[-1] * 8
    copy = random.integers(data.latents.shape[1], size=count)
    latents = data.latents[torch.from_numpy(chosen), torch.from_numpy(copy)]
    texts = ["" if random.random() < dropout else data.caption(int(index), random) for index in chosen]
    timesteps = torch.from_numpy(random.integers(len(alphas), size=count))
    noise = torch.randn(latents.shape)
    signal = alphas[timesteps].view(-1, 1, 1, 1)
    noisy = (signal.sqrt() * latents + (1 - signal).sqrt() * noise).contiguous(
        memory_format=torch.channels_last
    )
    with torch.autocast("cpu", torch.bfloat16):
        predicted = model(noisy, timesteps, data.tokens(texts), _sizes(count, side, random))
    return (weights[timesteps] * (predicted.float() - noise).square().mean((1, 2, 3))).mean()


def _sizes(count: int, side: int, random: np.random.Generator) -> Tensor:
    """Size conditions [B,6]: half as when drawing, half as of a larger photograph, as LoRA training says it."""
    sizes = np.tile(np.array([side, side, 0, 0, side, side], np.float32), (count, 1))
    larger = random.random(count) < 0.5
    drawn = np.exp(random.uniform(np.log(side), np.log(LARGEST_PX), (count, 2))).round()
    sizes[larger, :2] = drawn[larger]
    return torch.from_numpy(sizes)


@torch.no_grad()
def _show(run: Run, cfg: DictConfig, data: Trainset, vae: AutoencoderKL, ema: Ema) -> None:
    model = Denoiser(cfg, data.tokenizer)
    model.load_state_dict(ema.weights)
    model.eval()
    held = data.faces.held_out
    alphas = alphas_cumprod()
    losses = [
        _loss(
            model, data, alphas, torch.ones_like(alphas), part, seed_step(cfg.seed, "probe", number), 0.0
        ).item()
        for number, part in enumerate(
            np.array_split(held[np.linspace(0, len(held) - 1, PROBED).astype(int)], 4)
        )
    ]
    run.log("probe", loss=float(np.mean(losses)))
    chosen = held[np.linspace(0, len(held) - 1, SHOWN).astype(int)]
    pictures = draw(cfg, model, vae, data, [data.plain(int(index)) for index in chosen], list(range(SHOWN)))
    real = np.stack([resized(data.faces.pixels[index], cfg.data.side_px) for index in chosen])
    half = SHOWN // 2
    sheet(
        [real[:half], pictures[:half], real[half:], pictures[half:]],
        run.folder / f"sheet_{run.step:06d}.png",
        2,
    )
    (run.folder / "sheet.txt").write_text("\n".join(data.plain(int(index)) for index in chosen) + "\n")


@torch.no_grad()
def draw(cfg, model: Denoiser, vae, data: Trainset, texts: list[str], seeds: list[int]) -> np.ndarray:
    """Pictures uint8 [N,side,side,3], each from its own seed, as the pipeline draws them."""
    vae.register_to_config(scaling_factor=data.scale)
    pipeline = build_pipeline(model, vae, data.tokenizer)
    found = []
    for first in range(0, len(texts), 8):
        part = texts[first : first + 8]
        generators = [torch.Generator("cpu").manual_seed(seed) for seed in seeds[first : first + 8]]
        latents = pipeline(
            part,
            negative_prompt=[""] * len(part),
            height=cfg.data.side_px,
            width=cfg.data.side_px,
            num_inference_steps=cfg.sample.steps,
            guidance_scale=cfg.sample.guidance_scale,
            generator=generators,
            output_type="latent",
        ).images
        found.append(to_pixels(vae.decode(latents / data.scale).sample))
    return np.concatenate(found)
