"""Trains the VAE's decoder once more, alone, on whole pictures for sharpness: latents stay, and with them the UNet.

Writes WORK/decoder (checkpoint.pt, log.csv, psnr.csv, sheets); stops on SIGTERM with a checkpoint.
"""

import math
from pathlib import Path

import numpy as np
import torch
from omegaconf import DictConfig
from torch import Tensor, nn

from tools.tiny_base.data import load_faces
from tools.tiny_base.features import feature_distance, load_features
from tools.tiny_base.run import Ema, Run, psnr, seed_step, sheet
from tools.tiny_base.vae import (
    MEASURED,
    SHOWN,
    draw_batch,
    gradient_distance,
    held_out_pictures,
    load_vae,
    reconstruct,
)


def main(cfg: DictConfig) -> bool:
    """Train for cfg.decoder.minutes of processor time."""
    faces, features, vae, settings = load_faces(cfg), load_features(cfg), load_vae(cfg), cfg.decoder
    run = Run(Path(cfg.work) / "decoder")
    decoder = nn.ModuleList([vae.post_quant_conv, vae.decoder]).requires_grad_(True)
    optimizer = torch.optim.AdamW(decoder.parameters(), lr=settings.lr, betas=(0.9, 0.99), weight_decay=0.0)
    ema = Ema(decoder, settings.ema)
    if state := run.load():
        decoder.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        ema.restore(state["ema"])
    started = run.step
    while not run.stopped and (done := run.cpu_seconds / 60 / settings.minutes) < 1:
        for group in optimizer.param_groups:
            group["lr"] = settings.lr * (0.02 + 0.98 * (1 + math.cos(math.pi * done)) / 2)
        images = draw_batch(faces, cfg, seed_step(cfg.seed, "decoder", run.step), settings.batch, parts=1)
        terms = _losses(vae, features, images)
        loss = sum(settings.weights[name] * term for name, term in terms.items())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(decoder.parameters(), 1.0)
        optimizer.step()
        ema.update(decoder)
        run.step += 1
        if run.step % 20 == 0:
            run.log(loss=loss.item(), **{name: term.item() for name, term in terms.items()})
        if run.due("checkpoint", settings.checkpoint_minutes):
            _save(run, decoder, optimizer, ema)
    if run.step > started:
        _save(run, decoder, optimizer, ema)
        _show(run, cfg, faces)
    return not run.stopped


def _losses(vae, features, images: Tensor) -> dict[str, Tensor]:
    with torch.autocast("cpu", torch.bfloat16):
        with torch.no_grad():
            latents = vae.encode(images).latent_dist.mode()
        drawn = vae.decode(latents).sample
        perceived = feature_distance(features.maps(drawn), features.maps(images))
    error = drawn.float() - images
    return {"l1": error.abs().mean(), "gradient": gradient_distance(error), "feature": perceived}


def _save(run: Run, decoder: nn.Module, optimizer: torch.optim.Optimizer, ema: Ema) -> None:
    run.save({"model": decoder.state_dict(), "optimizer": optimizer.state_dict(), "ema": ema.state()})


@torch.no_grad()
def _show(run: Run, cfg: DictConfig, faces) -> None:
    pictures = held_out_pictures(faces, cfg, MEASURED)
    again = reconstruct(load_vae(cfg), pictures)  # with what was just saved
    values = psnr(pictures, again)
    run.log("psnr", mean_db=float(values.mean()), p5_db=float(np.percentile(values, 5)))
    every = MEASURED // SHOWN
    sheet([pictures[::every], again[::every]], run.folder / f"sheet_{run.step:06d}.png", scale=2)
