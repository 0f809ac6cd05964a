"""How images become noise for a kind of base, and what the base predicts at each step.

Both kinds have the same methods. Timesteps are as the base's `predict` reads them; tensors are on its device.
Shapes: B batch, C latent channels, H and W latent height and width, T training timesteps.
"""

from typing import Literal

import torch
from torch import Tensor

from likeness.diffusion.config import ObjectiveConfig
from likeness.diffusion.loss import Prediction, timestep_weights


class Diffusion:
    """T discrete steps of a schedule of alphas [T]: Ho et al., arXiv 2006.11239, equations 4 and 14 (noise prediction);
    Salimans and Ho, arXiv 2202.00512, appendix D (v)."""

    def __init__(self, alphas_cumprod: Tensor, prediction: Prediction, cfg: ObjectiveConfig) -> None:
        self.alphas = alphas_cumprod
        self.prediction: Prediction = prediction
        self._weights = timestep_weights(alphas_cumprod, cfg.weighting, prediction, gamma=cfg.min_snr_gamma)

    def draw(self, count: int, random: torch.Generator) -> Tensor:
        """Timesteps [B] to train at."""
        return torch.randint(len(self.alphas), (count,), generator=random, device=self.alphas.device)

    def at(self, positions: Tensor) -> Tensor:
        """The timesteps [B] at positions [B] of 0..1 in the order of noise, spread as `draw` spreads them."""
        return (positions * len(self.alphas)).long()

    def noisy(self, latents: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        """Latents [B,C,H,W] with as much of the noise [B,C,H,W] as belongs to the timesteps [B]:
        x_t = sqrt(a_t) x_0 + sqrt(1 - a_t) noise."""
        signal = self.alphas[timesteps].view(-1, 1, 1, 1)
        return signal.sqrt() * latents + (1 - signal).sqrt() * noise

    def target(self, latents: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        """What the network is to predict [B,C,H,W]: the noise, or v = sqrt(a_t) noise - sqrt(1 - a_t) x_0."""
        if self.prediction == "epsilon":
            return noise
        signal = self.alphas[timesteps].view(-1, 1, 1, 1)
        return signal.sqrt() * noise - (1 - signal).sqrt() * latents

    def weights(self, timesteps: Tensor) -> Tensor:
        """What the error at the timesteps counts [B]."""
        return self._weights[timesteps]


class Flow:
    """Straight paths from picture to noise at times of 0..1, and their velocity (flow matching, Lipman et al., arXiv
    2210.02747; rectified flow, Liu et al., arXiv 2209.03003).

    Times are drawn `uniform`, or `logit_normal`: most often where picture and noise are even (Esser et al., arXiv
    2403.03206, section 3.1); then moved towards noise by `shift`, as large pictures need it (there, equation 23). All
    count alike.
    """

    def __init__(
        self, timesteps: Literal["uniform", "logit_normal"], shift: float, device: torch.device
    ) -> None:
        self.timesteps, self.shift, self.device = timesteps, shift, device

    def draw(self, count: int, random: torch.Generator) -> Tensor:
        """See Diffusion."""
        return self.at(torch.rand(count, generator=random, device=self.device))

    def at(self, positions: Tensor) -> Tensor:
        """See Diffusion: the quantiles of what is drawn."""
        if self.timesteps == "logit_normal":
            positions = (2**0.5 * (2 * positions - 1).erfinv()).sigmoid()
        return self.shift * positions / (1 + (self.shift - 1) * positions)

    def noisy(self, latents: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        """(1 - t) x_0 + t noise; see Diffusion."""
        return torch.lerp(latents, noise, timesteps.view(-1, 1, 1, 1))

    def target(self, latents: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        """noise - x_0, the same at all times; see Diffusion."""
        return noise - latents

    def weights(self, timesteps: Tensor) -> Tensor:
        """See Diffusion."""
        return torch.ones_like(timesteps)


ForwardProcess = Diffusion | Flow
