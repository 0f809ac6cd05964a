"""Colours that a file names by code points or numbers instead of an ICC profile -> sRGB.

Sources: ITU-T H.273 (code points), SMPTE ST 2084 (PQ), ITU-R BT.2100 (HLG) and BT.2408 (white of HDR at 203 cd/m²).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from likeness.errors import InputError
from likeness.images import RGB

Floats = NDArray[np.float32]
Chromaticities = tuple[float, ...]
"""x and y of white, red, green and blue, as PNG's cHRM has them."""

D65 = (0.3127, 0.3290)
SRGB: Chromaticities = (*D65, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
ADOBE_RGB: Chromaticities = (*D65, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06)
PRIMARIES: dict[int, tuple[str, Chromaticities]] = {
    1: ("BT.709", SRGB),
    2: ("BT.709", SRGB),
    4: ("BT.470 M", (0.310, 0.316, 0.67, 0.33, 0.21, 0.71, 0.14, 0.08)),
    5: ("BT.601 625", (*D65, 0.64, 0.33, 0.29, 0.60, 0.15, 0.06)),
    6: ("BT.601 525", (*D65, 0.630, 0.340, 0.310, 0.595, 0.155, 0.070)),
    7: ("SMPTE 240M", (*D65, 0.630, 0.340, 0.310, 0.595, 0.155, 0.070)),
    9: ("BT.2020", (*D65, 0.708, 0.292, 0.170, 0.797, 0.131, 0.046)),
    11: ("DCI-P3", (0.314, 0.351, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060)),
    12: ("Display P3", (*D65, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060)),
    22: ("EBU 3213", (*D65, 0.630, 0.340, 0.295, 0.605, 0.155, 0.077)),
}
# Of the triangle of primaries in x and y; sRGB's has .112, and what is near a line is no set of primaries.
LEAST_AREA = 0.005
# Code points of transfer curves that are shown as sRGB's (BT.709's and its like are what cameras call it).
SRGB_CURVES = (1, 2, 6, 13, 14, 15)
GAMMAS = {4: 2.2, 5: 2.8, 8: 1.0}
PQ, HLG = 16, 18
HDR_WHITE_NITS = 203.0
HLG_PEAK_NITS = 1000.0
BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])


@dataclass(frozen=True, kw_only=True)
class Encoding:
    """What the numbers of a picture mean: primaries, and a curve as a code point of H.273 or a power (`gamma`)."""

    name: str
    primaries: Chromaticities = SRGB
    transfer: int = 13
    gamma: float | None = None

    @property
    def is_srgb(self) -> bool:
        """Whether nothing need be converted."""
        near = np.allclose(self.primaries, SRGB, atol=0.005)
        return near and self.gamma is None and self.transfer in SRGB_CURVES


def from_code_points(primaries: int, transfer: int) -> Encoding:
    """The encoding that an nclx box or a PNG's cICP chunk names.

    Raises:
        InputError: `unsupported-colour`.
    """
    known = transfer in (*SRGB_CURVES, *GAMMAS, PQ, HLG)
    if primaries not in PRIMARIES or not known:
        raise unsupported_colour(f"primaries {primaries}, transfer {transfer}")
    name, chromaticities = PRIMARIES[primaries]
    name += {PQ: ", HDR by PQ", HLG: ", HDR by HLG"}.get(transfer, "")
    return Encoding(name=name, primaries=chromaticities, transfer=transfer, gamma=GAMMAS.get(transfer))


def unsupported_colour(codes: str) -> InputError:
    """The refusal of colours that are told in a way that is not read."""
    return InputError(
        f"its colours are given by code points that likeness does not read: {codes} (H.273)",
        reason="unsupported-colour",
        remedy="export it as JPEG with an sRGB or Display P3 profile",
        kind="refused",
    )


def spans_colours(primaries: Chromaticities) -> bool:
    """Whether white and three primaries are there, and the primaries are three."""
    (x, y), (u, v), (s, t) = (primaries[at : at + 2] for at in (2, 4, 6))
    area = abs((u - x) * (t - y) - (s - x) * (v - y)) / 2
    return min(primaries) > 0 and max(primaries) < 1 and area > LEAST_AREA


def convert(rgb: RGB, encoding: Encoding) -> RGB:
    """Pixels [H, W, 3] of an encoding as sRGB; what is brighter than white, or outside sRGB, is clipped."""
    levels = np.arange(256, dtype=np.float64) / 255
    linear = _linear(levels, encoding).astype(np.float32)[rgb]
    if encoding.transfer == HLG:  # the display's curve depends on a pixel's luminance
        luminance = np.maximum(linear @ np.array([0.2627, 0.6780, 0.0593], np.float32), 1e-6)
        linear *= (luminance**0.2)[..., None] * np.float32(HLG_PEAK_NITS / HDR_WHITE_NITS)
    linear = np.clip(linear @ _to_srgb(encoding.primaries).T, 0, 1)
    curved = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** np.float32(1 / 2.4) - 0.055)
    return np.round(curved * 255).astype(np.uint8)


def _linear(level: NDArray[np.float64], encoding: Encoding) -> NDArray[np.float64]:
    """Light by code value 0..1; 1 is white."""
    if encoding.gamma is not None:
        return level**encoding.gamma
    if encoding.transfer == PQ:
        root = level ** (1 / 78.84375)
        light = np.maximum(root - 0.8359375, 0) / (18.8515625 - 18.6875 * root)
        return light ** (1 / 0.1593017578125) * 10_000 / HDR_WHITE_NITS
    if encoding.transfer == HLG:
        bright = (np.exp((level - 0.55991073) / 0.17883277) + 0.28466892) / 12
        return np.where(level <= 0.5, level**2 / 3, bright)
    return np.where(level <= 0.04045, level / 12.92, ((level + 0.055) / 1.055) ** 2.4)


def _to_srgb(primaries: Chromaticities) -> Floats:
    white, goal = _white(primaries), _white(SRGB)
    cones = np.diag(BRADFORD @ goal / (BRADFORD @ white))
    adapt = np.linalg.inv(BRADFORD) @ cones @ BRADFORD
    return (np.linalg.inv(_to_xyz(SRGB)) @ adapt @ _to_xyz(primaries)).astype(np.float32)


def _to_xyz(primaries: Chromaticities) -> NDArray[np.float64]:
    columns = np.array([_xyz(*primaries[at : at + 2]) for at in (2, 4, 6)]).T
    return columns * np.linalg.solve(columns, _white(primaries))


def _white(primaries: Chromaticities) -> NDArray[np.float64]:
    return _xyz(*primaries[:2])


def _xyz(x: float, y: float) -> NDArray[np.float64]:
    return np.array([x / y, 1.0, (1 - x - y) / y])
