# pyright: basic
# mostly cv2 calls, which are untyped.
"""The source's skin in the target's light: colour matched on the cheeks, then shading over the whole face."""

import cv2
import numpy as np
from numpy.typing import NDArray

from likeness.images import Lab
from likeness.swap.regions import Mask

# Bounds of the match: beyond them the difference is make-up, beard or a wrong region, not skin and light.
LIGHTNESS_GAIN = (0.2, 3.0)
# Chroma shrinks as far as the skin's does, but never grows: red lids and lips would glow on dark skin.
CHROMA_LEAST = 0.3
CHROMA_MOST = (0.6, 1.0)
SHADING_GAIN = (0.55, 1.8)
# Lab units.
SHADING_CHROMA = 10.0
# Skin brighter than its median by this is a highlight: the target's shine would make the source's face pale.
SHINE = 1.35
# Shine begins so far above the slow light, and adds at most so much lightness; from LAMP_COLOURED on it has the lamp's colour.
SHINE_FROM, BRIGHTEST_SHINE, LAMP_COLOURED = 1.09, 35.0, 20.0
# So much of it is kept: all of it would bring the bones under it along, and with them whose face it is.
SHINE_KEPT = 0.5
# Highlights are looked for in spots of this share of the face's width: finer ones are grain.
SPOT_SIGMA = 0.02
# Light changes over a fifth of the face's width; anything finer belongs to the person.
SHADING_SIGMA = 0.2
# Lightness of an eye changes within these bounds, judged by its whites: the brightest 15 % between the lids.
EYE_GAIN = (0.45, 1.5)
EYE_WHITES_PERCENTILE = 85
MIN_EYE_PX = 8


def to_rgb(lab: Lab) -> NDArray[np.float32]:
    """RGB 0..1, float32."""
    valid = np.clip(lab, [0, -127, -127], [100, 127, 127]).astype(np.float32)
    return np.asarray(cv2.cvtColor(valid, cv2.COLOR_LAB2RGB), np.float32)


def match_cheeks(source: Lab, target: Lab, source_cheeks: Mask, target_cheeks: Mask) -> Lab:
    """Shift `source` so that its cheeks have the target's median colour.

    A darker goal scales lightness (reflectance), a lighter one mixes scaling with a gamma: highlights stay.
    """
    of_source, of_target = _median(source, source_cheeks), _median(target, target_cheeks)
    gain = float(np.clip(of_target[0] / of_source[0], *LIGHTNESS_GAIN))
    lightness = np.clip(source[..., 0], 0, 100)
    out = source.copy()
    out[..., 0] = lightness * gain
    if gain > 1:
        gamma = np.log(of_target[0] / 100) / np.log(of_source[0] / 100)
        out[..., 0] = 0.5 * out[..., 0] + 50 * (lightness / 100) ** gamma
    # Chroma scales with the skin's, so that lips stay redder than skin and nothing grey turns blue; what
    # scaling within its bounds can't reach is added, less where it is dark.
    most = float(np.clip(gain, *CHROMA_MOST))
    chroma = np.clip(of_target[1:] / np.maximum(of_source[1:], 1.0), CHROMA_LEAST, most)
    rest = of_target[1:] - of_source[1:] * chroma
    out[..., 1:] = source[..., 1:] * chroma + rest * np.clip(lightness / of_source[0], 0, 1.15)[..., None]
    return out


def slow_light(target: Lab, skin: Mask, width_px: float) -> Lab:
    """The slow light and shade of a face's skin [h, w, 3], without its highlights."""
    typical = _median(target, skin)[0]
    return _slow(target, skin & (target[..., 0] < SHINE * typical), SHADING_SIGMA * width_px)


def match_shading(source: Lab, target: Lab, source_skin: Mask, target_skin: Mask, width_px: float) -> Lab:
    """Give matched `source` the slow light and shade of the target's skin."""
    if not (source_skin.any() and target_skin.any()):
        return source
    typical = _median(target, target_skin)[0]
    slow_source = _slow(source, source_skin, SHADING_SIGMA * width_px)
    slow_target = slow_light(target, target_skin, width_px)
    ratio = np.clip(slow_target[..., 0] / np.maximum(slow_source[..., 0], 1), *SHADING_GAIN)
    shift = np.clip(slow_target[..., 1:] - slow_source[..., 1:], -SHADING_CHROMA, SHADING_CHROMA)
    out = source.copy()
    out[..., 0] *= ratio
    out[..., 1:] += shift * np.clip(out[..., :1] / typical, 0, 1.1)
    return out


def add_shine(matched: Lab, target: Lab, slow: Lab, skin: Mask, width_px: float) -> Lab:
    """The source's skin with the highlights of the target's: what it has above its slow light [h, w, 3]. A matte face on a glossy
    neck looks like a mask."""
    soft = max(SPOT_SIGMA * width_px, 0.5)
    above = np.asarray(cv2.GaussianBlur(target[..., 0], (0, 0), soft)) - SHINE_FROM * slow[..., 0]
    weight = np.asarray(cv2.GaussianBlur(skin.astype(np.float32), (0, 0), soft)) * skin
    shine = SHINE_KEPT * np.clip(above, 0, BRIGHTEST_SHINE) * weight
    out = matched.copy()
    out[..., 0] += shine
    lamp = np.clip(shine / LAMP_COLOURED, 0, 1)[..., None]
    out[..., 1:] = out[..., 1:] * (1 - lamp) + target[..., 1:] * lamp
    return out


def keep_eyes(
    matched: Lab, source: Lab, target: Lab, source_eyes: Mask, target_eyes: Mask, width_px: float
) -> Lab:
    """The white of an eye is no skin: inside the lids only the target's light is taken, not its skin tone."""
    if min(source_eyes.sum(), target_eyes.sum()) < MIN_EYE_PX:
        return matched
    whites_s, whites_t = (
        np.percentile(lab[eyes][:, 0], EYE_WHITES_PERCENTILE)
        for lab, eyes in ((source, source_eyes), (target, target_eyes))
    )
    own = source.copy()
    own[..., 0] *= np.clip(whites_t / max(whites_s, 1.0), *EYE_GAIN)
    sigma = max(0.6, 0.008 * width_px)
    weight = np.asarray(cv2.GaussianBlur(source_eyes.astype(np.float32), (0, 0), sigma))[..., None]
    return (matched * (1 - weight) + own * weight).astype(np.float32)


def _median(lab: Lab, where: Mask) -> Lab:
    """Median colour; lightness kept off black and white, where a ratio or a logarithm means nothing."""
    median = np.median(lab[where], axis=0)
    median[0] = np.clip(median[0], 1.0, 99.0)
    return median.astype(np.float32)


def _slow(lab: Lab, skin: Mask, sigma: float) -> Lab:
    """Blur over skin only (normalised convolution), with a wider one where there is little."""
    weight = skin.astype(np.float32)
    total = np.zeros_like(lab)
    share = np.zeros((*weight.shape, 1), np.float32)
    for factor, scale in ((1.0, sigma), (0.05, 3 * sigma)):
        total += factor * cv2.GaussianBlur(lab * weight[..., None], (0, 0), scale)
        share += factor * cv2.GaussianBlur(weight, (0, 0), scale)[..., None]
    return (total / (share + 1e-6)).astype(np.float32)
