"""Colours in words: pixels in CIELAB, each given one of a dozen names.

L 0 is black, 100 white; a and b are green-red and blue-yellow; hue is the angle atan2(b, a), chroma the
distance from grey (CIE 15:2018, D65). The bounds were set by looking at the synthetic people and at the sRGB named
colours of CSS.
"""

import numpy as np
from numpy.typing import NDArray

from likeness.images import Lab

NAMES = (
    "black", "grey", "white", "brown", "reddish brown", "beige", "red", "pink", "orange", "yellow",
    "green", "teal", "blue", "purple",
)  # fmt: skip

# Below these chromas a colour is called grey: warm tints (browns, creams) are seen sooner than cold ones.
GREY_CHROMA_WARM, GREY_CHROMA_COLD = 6.0, 8.0
# In the dark, chroma is not seen.
BLACK_LIGHTNESS, BLACK_CHROMA = 16.0, 10.0
WHITE_LIGHTNESS = 79.0
# Which colours are called dark and light, by L.
DARK, LIGHT = 30.0, 70.0
DARK_GREY, LIGHT_GREY = 35.0, 63.0

# A region has a colour when few names cover most of it, and a second one when it is no accent.
FIRST_SHARE, SECOND_SHARE, COVERED = 0.45, 0.25, 0.65
# Two names nearer than this (CIE76) are one colour in light and shade.
ONE_COLOUR_DIFFERENCE = 12.0


def hue_deg(lab: Lab) -> NDArray[np.float32]:
    """Hue angle 0..360 of colours [..., 3]: red 40, yellow 100, green 140, teal 200, blue 280, pink 0."""
    return np.asarray(np.degrees(np.arctan2(lab[..., 2], lab[..., 1])) % 360, np.float32)


def name_indices(lab: Lab) -> NDArray[np.intp]:
    """Index into NAMES of each colour of [N, 3]."""
    lightness, chroma, hue = lab[:, 0], np.hypot(lab[:, 1], lab[:, 2]), hue_deg(lab)
    warm = (hue >= 30) & (hue < 105)
    grey = chroma < np.where(warm, GREY_CHROMA_WARM, GREY_CHROMA_COLD)
    black = (lightness < BLACK_LIGHTNESS) & (chroma < BLACK_CHROMA)
    rules = [
        ("black", black),
        ("white", grey & (lightness >= WHITE_LIGHTNESS)),
        ("grey", grey),
        ("reddish brown", (hue >= 30) & (hue < 55) & (chroma < 32)),
        ("pink", ((hue >= 330) | (hue < 30)) & (lightness >= 60)),
        ("red", (hue >= 345) | (hue < 50)),
        ("orange", (hue < 75) & (chroma >= 40) & (lightness >= 50)),
        ("yellow", (hue >= 70) & (hue < 105) & (chroma >= 28) & (lightness >= 50)),
        ("beige", (hue < 105) & ((lightness >= 60) | ((lightness >= 50) & (chroma < 15)))),
        ("brown", hue < 100),
        ("green", hue < 185),
        ("teal", hue < 238),
        ("blue", hue < 305),
    ]
    # Of the rules that hold, the first counts; only hues of 305 to 345 are left.
    codes = [NAMES.index(name) for name, _ in rules]
    return np.asarray(np.select([rule for _, rule in rules], codes, NAMES.index("purple")), np.intp)


def colour_words(lab: Lab) -> str | None:
    """What a person would call the colours [N, 3] of a region ("grey and white"); None if it is mixed."""
    if not len(lab):
        return None
    indices = name_indices(lab)
    shares = np.bincount(indices, minlength=len(NAMES)) / len(indices)
    order = [int(i) for i in np.argsort(-shares, kind="stable")]
    chosen = order[:1] + [i for i in order[1:2] if shares[i] >= SECOND_SHARE]
    if shares[chosen[0]] < FIRST_SHARE or sum(shares[i] for i in chosen) < COVERED:
        return None
    middles = [np.median(lab[indices == i], axis=0) for i in chosen]
    if len(chosen) == 2 and np.linalg.norm(middles[0] - middles[1]) < ONE_COLOUR_DIFFERENCE:
        chosen = chosen[:1]
    named = zip(chosen, middles, strict=False)
    return " and ".join(_shade(NAMES[i], float(middle[0])) for i, middle in named)


def _shade(name: str, lightness: float) -> str:
    if name in ("black", "white", "beige", "pink"):
        return name
    dark, light = (DARK_GREY, LIGHT_GREY) if name == "grey" else (DARK, LIGHT)
    if lightness < dark:
        return f"dark {name}"
    return f"light {name}" if lightness > light and name not in ("yellow", "orange") else name
