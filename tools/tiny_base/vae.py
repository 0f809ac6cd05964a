"""Trains the VAE: L1, L2 and gradient differences, a perceptual term of features.py's own features, a little KL.

At first the latents are drawn to the four principal components of 8x8 pixels: from there 23 dB come at once, where
an unled start stays brown and blurred for an hour of a core (19 dB after 7 minutes). The pull then fades away.

Writes WORK/vae (checkpoint.pt, log.csv, psnr.csv, sheets); stops on SIGTERM with a checkpoint.
Sources: Rombach et al., arXiv 2112.10752, appendix G; Zhang et al., arXiv 1801.03924.
"""

import math
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from omegaconf import DictConfig
from torch import Tensor, nn

from tools.tiny_base.data import STORED_PX, Faces, crop, load_faces, resized, to_pixels, to_tensor
from tools.tiny_base.features import Features, feature_distance, load_features
from tools.tiny_base.run import Ema, Run, psnr, seed_step, sheet

SHOWN = 10  # held-out pictures on a sheet
PICTURES_FOR_COMPONENTS = 400
MEASURED = 100  # held-out pictures the PSNR is measured on


def build_vae(cfg: DictConfig) -> AutoencoderKL:
    """SDXL's autoencoder, small; eight times smaller latents."""
    depth = len(cfg.vae.channels)
    return AutoencoderKL(
        block_out_channels=tuple(cfg.vae.channels),
        down_block_types=("DownEncoderBlock2D",) * depth,
        up_block_types=("UpDecoderBlock2D",) * depth,
        layers_per_block=cfg.vae.layers,
        latent_channels=cfg.vae.latent_channels,
        norm_num_groups=cfg.vae.groups,
        sample_size=cfg.data.side_px,
    ).to(memory_format=torch.channels_last)


def main(cfg: DictConfig) -> bool:
    """Train for cfg.vae.minutes of processor time: first on half-size crops, then on whole pictures."""
    faces, features = load_faces(cfg), load_features(cfg)
    run = Run(Path(cfg.work) / "vae")
    seed_step(cfg.seed, "vae")
    vae = build_vae(cfg)
    optimizer = torch.optim.AdamW(vae.parameters(), lr=cfg.vae.lr, betas=(0.9, 0.99), weight_decay=0.0)
    ema, anchor = Ema(vae, cfg.vae.ema), principal_components(faces, cfg)
    if state := run.load():
        vae.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        ema.restore(state["ema"])
    started, done = run.step, 0.0
    while not run.stopped and (done := run.cpu_seconds / 60 / cfg.vae.minutes) < 1:
        _set_rate(optimizer, run.step, done, cfg)
        parts = 2 if done < cfg.vae.small_share else 1
        images = draw_batch(faces, cfg, seed_step(cfg.seed, "vae", run.step), cfg.vae.batch, parts=parts)
        terms = _losses(vae, features, images, anchor)
        pull = max(0.0, 1 - done / cfg.vae.anchored_share)
        fine = {"gradient": 1 - pull, "feature": 1 - pull, "anchor": pull}
        loss = sum(
            getattr(cfg.vae.weights, name) * fine.get(name, 1.0) * term for name, term in terms.items()
        )
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(vae.parameters(), 1.0)
        optimizer.step()
        ema.update(vae)
        run.step += 1
        if run.step % 20 == 0:
            run.log(loss=loss.item(), **{name: term.item() for name, term in terms.items()})
        if run.due("checkpoint", cfg.vae.checkpoint_minutes):
            _save(run, vae, optimizer, ema)
        if run.due("sheet", cfg.vae.sheet_minutes):
            _show(run, cfg, faces, ema)
    if run.step > started:
        _save(run, vae, optimizer, ema)
        _show(run, cfg, faces, ema)
    return not run.stopped


def _save(run: Run, vae: AutoencoderKL, optimizer: torch.optim.Optimizer, ema: Ema) -> None:
    run.save({"model": vae.state_dict(), "optimizer": optimizer.state_dict(), "ema": ema.state()})


def _set_rate(optimizer: torch.optim.Optimizer, step: int, done: float, cfg: DictConfig) -> None:
    warm = min(1.0, (step + 1) / cfg.vae.warmup_steps)
    for group in optimizer.param_groups:
        group["lr"] = cfg.vae.lr * warm * (0.02 + 0.98 * (1 + math.cos(math.pi * done)) / 2)


def draw_batch(
    faces: Faces, cfg: DictConfig, random: np.random.Generator, count: int, *, parts: int
) -> Tensor:
    """`count` training pictures [B,3,S,S] in varied light, or as many pixels of crops whose side is 1 / `parts`."""
    side = cfg.data.side_px // parts
    sizes = (round(side * 0.85), STORED_PX // parts)
    chosen = random.choice(faces.train, count * parts**2, replace=False)
    cut = np.stack([crop(faces.pixels[i], side, random, sizes_px=sizes, mirror=True) for i in chosen])
    images = to_tensor(cut)
    gain = torch.from_numpy(random.uniform(0.8, 1.2, (len(cut), 3, 1, 1)).astype(np.float32))
    shift = torch.from_numpy(random.uniform(-0.15, 0.15, (len(cut), 1, 1, 1)).astype(np.float32))
    return (images * gain + shift).clamp(-1, 1).contiguous(memory_format=torch.channels_last)


def principal_components(faces: Faces, cfg: DictConfig) -> nn.Conv2d:
    """The first components of 8x8 pixels of the training pictures, as a convolution to unit variance."""
    depth = 2 ** (len(cfg.vae.channels) - 1)
    chosen = faces.train[:: max(1, len(faces.train) // PICTURES_FOR_COMPONENTS)]
    pictures = to_tensor(np.stack([resized(faces.pixels[i], cfg.data.side_px) for i in chosen]))
    patches = (
        nn.functional.unfold(pictures.contiguous(), depth, stride=depth)
        .transpose(1, 2)
        .flatten(0, 1)
        .double()
    )
    mean = patches.mean(0)
    values, vectors = torch.linalg.eigh(torch.cov(patches.T))
    kept = (vectors / values.sqrt())[:, -cfg.vae.latent_channels :].T
    made = nn.Conv2d(3, cfg.vae.latent_channels, depth, stride=depth).requires_grad_(False)
    made.weight.copy_(kept.view(-1, 3, depth, depth))
    made.bias.copy_(-(kept @ mean))
    return made


def _losses(vae: AutoencoderKL, features: Features, images: Tensor, anchor: nn.Conv2d) -> dict[str, Tensor]:
    with torch.autocast("cpu", torch.bfloat16):
        posterior = vae.encode(images).latent_dist
        drawn = vae.decode(posterior.sample()).sample
        perceived = feature_distance(features.maps(drawn), features.maps(images))
    error = drawn.float() - images
    return {
        "l1": error.abs().mean(),
        "l2": error.square().mean(),
        "gradient": gradient_distance(error),
        "feature": perceived,
        "anchor": (posterior.mean.float() - anchor(images)).square().mean(),
        "kl": posterior.kl().float().mean(),
    }


def gradient_distance(error: Tensor) -> Tensor:
    """How much the differences between neighbours are off, at full and at half size."""
    return _gradient(error) + _gradient(nn.functional.avg_pool2d(error, 2))


def _gradient(error: Tensor) -> Tensor:
    across, down = error[..., 1:] - error[..., :-1], error[..., 1:, :] - error[..., :-1, :]
    return across.abs().mean() + down.abs().mean()


@torch.no_grad()
def reconstruct(vae: AutoencoderKL, pictures: np.ndarray) -> np.ndarray:
    """Pictures uint8 [N,H,W,3] through the VAE, by the posterior's mode, float32."""
    parts = [
        vae.decode(vae.encode(to_tensor(part)).latent_dist.mode()).sample
        for part in np.array_split(pictures, max(1, len(pictures) // 10))
    ]
    return np.concatenate([to_pixels(part) for part in parts])


def load_vae(cfg: DictConfig) -> AutoencoderKL:
    """The trained VAE: the slow average of its weights, frozen; with the decoder trained once more, if that was."""
    vae, again = build_vae(cfg), Path(cfg.work) / "decoder/checkpoint.pt"
    vae.load_state_dict(torch.load(Path(cfg.work) / "vae/checkpoint.pt", weights_only=True)["ema"]["weights"])
    if again.exists():
        decoder = nn.ModuleList([vae.post_quant_conv, vae.decoder])
        decoder.load_state_dict(torch.load(again, weights_only=True)["ema"]["weights"])
    return vae.requires_grad_(False).eval()


def held_out_pictures(faces: Faces, cfg: DictConfig, count: int) -> np.ndarray:
    """Held-out pictures spread over the people, uint8 [N,side,side,3]."""
    chosen = faces.held_out[np.linspace(0, len(faces.held_out) - 1, count).astype(int)]
    return np.stack([resized(faces.pixels[i], cfg.data.side_px) for i in chosen])


def _show(run: Run, cfg: DictConfig, faces: Faces, ema: Ema) -> None:
    vae = build_vae(cfg)
    vae.load_state_dict(ema.weights)
    pictures = held_out_pictures(faces, cfg, MEASURED)
    again = reconstruct(vae.eval(), pictures)
    values = psnr(pictures, again)
    run.log("psnr", mean_db=float(values.mean()), p5_db=float(np.percentile(values, 5)))
    every = MEASURED // SHOWN
    sheet([pictures[::every], again[::every]], run.folder / f"sheet_{run.step:06d}.png", scale=2)
