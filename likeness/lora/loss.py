"""The training objective: noise prediction with min-SNR weights.

Sources: Ho et al., Denoising Diffusion Probabilistic Models, arXiv 2006.11239, equations 4 and 14;
Hang et al., Efficient Diffusion Training via Min-SNR Weighting Strategy, arXiv 2303.09556, section 3.4.
Shapes: B batch, C latent channels, H and W latent height and width, T training timesteps.
"""

import torch
from torch import Tensor


def noisy_latents(latents: Tensor, noise: Tensor, alphas_cumprod: Tensor, timesteps: Tensor) -> Tensor:
    """x_t = sqrt(a_t) x_0 + sqrt(1 - a_t) noise for latents and noise [B,C,H,W], a [T], timesteps [B]."""
    signal = alphas_cumprod[timesteps].view(-1, 1, 1, 1)
    return signal.sqrt() * latents + (1 - signal).sqrt() * noise


def min_snr_weights(alphas_cumprod: Tensor, gamma: float | None) -> Tensor:
    """Weights [T] of the squared error per timestep: min(SNR, gamma) / SNR, all ones without gamma.

    SNR(t) = a_t / (1 - a_t); dividing by SNR turns the paper's weight on x_0 into one on the noise.
    """
    if gamma is None:
        return torch.ones_like(alphas_cumprod)
    snr = alphas_cumprod / (1 - alphas_cumprod)
    # A schedule rescaled to zero terminal SNR ends at 0/0; there the weight's limit is 1.
    return torch.where(snr > 0, snr.clamp(max=gamma) / snr, torch.ones_like(snr))


def noise_loss(predicted: Tensor, noise: Tensor, weights: Tensor) -> Tensor:
    """Mean over the batch of weight [B] times mean squared error of [B,C,H,W], in float32."""
    squared = (predicted.float() - noise.float()).square().mean(dim=(1, 2, 3))
    return (weights * squared).mean()
