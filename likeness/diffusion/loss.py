"""The training objective: how the error of a prediction is measured and weighed.

Sources: Hang et al., arXiv 2303.09556, section 3.4 (min-SNR); Yu et al., arXiv 2310.08442 (debiased estimation);
Song and Dhariwal, arXiv 2310.14189, section 3.3 (pseudo-Huber); N. Guttenberg, "Diffusion with offset noise",
crosslabs.org 2023. Where a paper weighs x_0, the weight here is the one on the predicted quantity.
Shapes: B batch, C latent channels, H and W latent height and width, T training timesteps.
"""

from typing import Literal

import torch
from torch import Tensor

Prediction = Literal["epsilon", "v_prediction"]
"""What a base in discrete steps predicts of the noise."""
Weighting = Literal["none", "min_snr", "debiased"]

# sd-scripts' bound: at the first timesteps the ratio is in the thousands, and the weight would be nothing.
MAX_DEBIASED_SNR = 1000.0


def offset_noise(noise: Tensor, offset: float, generator: torch.Generator) -> Tensor:
    """Noise [B,C,H,W] with a constant of deviation `offset` added to each channel: brightness becomes learnable."""
    if not offset:
        return noise  # and nothing is drawn, so that runs without it keep their bits
    return noise + offset * torch.randn((*noise.shape[:2], 1, 1), generator=generator, device=noise.device)


def timestep_weights(
    alphas_cumprod: Tensor, weighting: Weighting, prediction: Prediction, *, gamma: float
) -> Tensor:
    """Weights [T] of the error per timestep, with SNR(t) = a_t / (1 - a_t).

    min_snr: min(SNR, gamma) / SNR on noise, min(SNR, gamma) / (SNR + 1) on v. debiased: 1 / sqrt(SNR) on noise,
    1 / (SNR + 1) on v.
    """
    if weighting == "none":
        return torch.ones_like(alphas_cumprod)
    snr = alphas_cumprod / (1 - alphas_cumprod)
    if weighting == "debiased":
        snr = snr.clamp(max=MAX_DEBIASED_SNR)
        return 1 / snr.sqrt() if prediction == "epsilon" else 1 / (snr + 1)
    if prediction == "v_prediction":
        return snr.clamp(max=gamma) / (snr + 1)
    # A schedule rescaled to zero terminal SNR ends at 0/0; there the weight's limit is 1.
    return torch.where(snr > 0, snr.clamp(max=gamma) / snr, torch.ones_like(snr))


def weighted_loss(
    predicted: Tensor, wanted: Tensor, weights: Tensor, *, huber_c: float | None, cells: Tensor | None = None
) -> Tensor:
    """Mean over the batch of weight [B] times the error of [B,C,H,W], in float32; `cells` [B,1,H,W] weighs within.

    The error is squared, or with `huber_c` 2c (sqrt(d^2 + c^2) - c): d^2 near zero, 2c|d| far from it.
    """
    squared = (predicted.float() - wanted.float()).square()
    error = squared if huber_c is None else 2 * huber_c * ((squared + huber_c**2).sqrt() - huber_c)
    if cells is not None:
        error = error * cells
    return (weights * error.mean(dim=(1, 2, 3))).mean()
