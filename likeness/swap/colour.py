# pyright: basic, reportReturnType=false, reportArgumentType=false
# mostly cv2 calls, which are untyped.
"""The source's skin in the target's light: colour matched on the cheeks, then its shading over the whole face."""

import cv2
import numpy as np
from numpy.typing import NDArray

from likeness.swap.regions import Mask

Lab = NDArray[np.float32]

# Bounds of the match: beyond them the difference is make-up, beard or a wrong region, not skin and light.
LIGHTNESS_GAIN = (0.2, 3.0)
CHROMA_GAIN = (0.6, 1.0)
SHADING_GAIN = (0.55, 1.8)
SHADING_CHROMA = 10.0
# Light changes over a fifth of the face's width; anything finer belongs to the person.
SHADING_SIGMA = 0.2


def to_lab(rgb: NDArray[np.uint8]) -> Lab:
    """CIE Lab, float32: L 0..100."""
    return cv2.cvtColor(rgb.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)


def to_rgb(lab: Lab) -> NDArray[np.float32]:
    """RGB 0..1, float32."""
    return cv2.cvtColor(np.clip(lab, [0, -127, -127], [100, 127, 127]).astype(np.float32), cv2.COLOR_LAB2RGB)


def match_cheeks(source: Lab, target: Lab, source_cheeks: Mask, target_cheeks: Mask) -> Lab:
    """Shift `source` so that its cheeks have the target's mean colour.

    A darker goal scales lightness (reflectance); a lighter one mixes scaling with a gamma, which keeps highlights.
    """
    mean_s, mean_t = source[source_cheeks].mean(0), target[target_cheeks].mean(0)
    gain = float(np.clip(mean_t[0] / mean_s[0], *LIGHTNESS_GAIN))
    lightness = np.clip(source[..., 0], 0, 100)
    out = source.copy()
    out[..., 0] = lightness * gain
    if gain > 1:
        gamma = np.log(mean_t[0] / 100) / np.log(mean_s[0] / 100)
        out[..., 0] = 0.5 * out[..., 0] + 50 * (lightness / 100) ** gamma
    chroma = np.clip(gain, *CHROMA_GAIN)
    shift = (mean_t[1:] - mean_s[1:]) * np.clip(lightness / mean_s[0], 0, 1.15)[..., None]
    out[..., 1:] = mean_s[1:] + (source[..., 1:] - mean_s[1:]) * chroma + shift
    return out


def match_shading(source: Lab, target: Lab, source_skin: Mask, target_skin: Mask, width_px: float) -> Lab:
    """Give matched `source` the slow light and shade of the target's skin."""
    sigma = SHADING_SIGMA * width_px
    slow_source, slow_target = _slow(source, source_skin, sigma), _slow(target, target_skin, sigma)
    ratio = np.clip(slow_target[..., 0] / np.maximum(slow_source[..., 0], 1), *SHADING_GAIN)
    shift = np.clip(slow_target[..., 1:] - slow_source[..., 1:], -SHADING_CHROMA, SHADING_CHROMA)
    out = source.copy()
    out[..., 0] *= ratio
    bright = target[target_skin][:, 0].mean() if target_skin.any() else 50.0
    out[..., 1:] += shift * np.clip(out[..., :1] / bright, 0, 1.1)
    return out


def keep_eyes(
    matched: Lab, source: Lab, target: Lab, source_eyes: Mask, target_eyes: Mask, width_px: float
) -> Lab:
    """The white of an eye is no skin: inside the lids only the target's light is taken over, not its skin tone."""
    if source_eyes.sum() < 8 or target_eyes.sum() < 8:
        return matched
    weight = cv2.GaussianBlur(source_eyes.astype(np.float32), (0, 0), max(0.6, 0.008 * width_px))[..., None]
    light = np.percentile(target[target_eyes][:, 0], 85) / max(
        np.percentile(source[source_eyes][:, 0], 85), 1.0
    )
    own = source.copy()
    own[..., 0] *= np.clip(light, 0.45, 1.5)
    return matched * (1 - weight) + own * weight


def _slow(lab: Lab, skin: Mask, sigma: float) -> Lab:
    """Blur over skin only (normalised convolution), with a wider one where there is little."""
    weight = skin.astype(np.float32)
    total = np.zeros_like(lab)
    share = np.zeros((*weight.shape, 1), np.float32)
    for factor, scale in ((1.0, sigma), (0.05, 3 * sigma)):
        total += factor * cv2.GaussianBlur(lab * weight[..., None], (0, 0), scale)
        share += factor * cv2.GaussianBlur(weight, (0, 0), scale)[..., None]
    return total / (share + 1e-6)
