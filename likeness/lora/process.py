"""How images become noise for a kind of base, and what it is asked for on the way.

Shapes: B batch, C latent channels, H and W latent height and width, T training timesteps.
"""

from typing import Protocol

import torch
from torch import Tensor

from likeness.lora.config import TrainConfig
from likeness.lora.loss import Prediction, noisy_latents, target, timestep_weights


class Process(Protocol):
    """Timesteps are as the base's network reads them; tensors are on its device."""

    def draw(self, count: int, random: torch.Generator) -> Tensor:
        """Timesteps [B] to train at."""
        ...

    def at(self, positions: Tensor) -> Tensor:
        """The timesteps [B] at positions [B] of 0..1 in the order of noise, spread as `draw` spreads them."""
        ...

    def noisy(self, latents: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        """Latents [B,C,H,W] with as much of the noise [B,C,H,W] as belongs to the timesteps [B]."""
        ...

    def target(self, latents: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        """What the network is to predict [B,C,H,W]."""
        ...

    def weights(self, timesteps: Tensor) -> Tensor:
        """What the error at the timesteps counts [B]."""
        ...


class Diffusion:
    """Ho et al., arXiv 2006.11239: T discrete steps of a schedule of alphas [T]."""

    def __init__(self, alphas_cumprod: Tensor, prediction: Prediction, cfg: TrainConfig) -> None:
        self.alphas = alphas_cumprod
        self.prediction: Prediction = prediction
        self._weights = timestep_weights(alphas_cumprod, cfg.weighting, prediction, gamma=cfg.min_snr_gamma)

    def draw(self, count: int, random: torch.Generator) -> Tensor:
        """See Process."""
        return torch.randint(len(self.alphas), (count,), generator=random, device=self.alphas.device)

    def at(self, positions: Tensor) -> Tensor:
        """See Process."""
        return (positions * len(self.alphas)).long()

    def noisy(self, latents: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        """See Process."""
        return noisy_latents(latents, noise, self.alphas, timesteps)

    def target(self, latents: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        """See Process."""
        return target(latents, noise, self.alphas, timesteps, self.prediction)

    def weights(self, timesteps: Tensor) -> Tensor:
        """See Process."""
        return self._weights[timesteps]
