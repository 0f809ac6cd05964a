"""Portraits for the tests of swap: faces with given measurements, and the synthetic people measured by the real models."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
from conf_sections import section

from likeness.faces import Face, FaceAnalyzer
from likeness.images import load_rgb
from likeness.swap import Portrait, SwapConfig
from likeness.swap.lighting import Traits
from likeness.swap.local import LocalSwapper
from likeness.swap.range import Candidate

ROOT = Path(__file__).parents[1]
PHOTOS = ROOT / "tests/photos"
ANALYZER = FaceAnalyzer()


@cache
def portrait_of(name: str) -> Portrait:
    """A synthetic person's photograph and its largest face: `sources/jade_01.jpg`."""
    rgb = load_rgb(PHOTOS / name)
    rgb.flags.writeable = False
    return Portrait(rgb=rgb, face=ANALYZER.faces(rgb)[0])


@cache
def close_up(name: str) -> Portrait:
    """A synthetic person's head alone: fewer pixels to encode."""
    whole = portrait_of(name)
    x, y, width, height = (int(value) for value in whole.face.box_px)
    top, left = max(0, y - height // 2), max(0, x - width // 2)
    rgb = np.ascontiguousarray(whole.rgb[top : y + height * 3 // 2, left : x + width * 3 // 2])
    return Portrait(rgb=rgb, face=ANALYZER.identified(rgb, ANALYZER.faces(rgb)[0]))


@cache
def persona() -> np.ndarray:
    """Jade's centroid over three photographs of hers that no test swaps."""
    total = sum(portrait_of(f"sources/jade_{n:02d}.jpg").face.embedding for n in (2, 4, 7))
    return (total / np.linalg.norm(total)).astype(np.float32)


def config(**changes: object) -> SwapConfig:
    """The shipped settings, with changes."""
    return SwapConfig.model_validate(section("swap/local.yaml") | changes)


def local_swapper() -> LocalSwapper:
    """The embedded provider as conf/ has it."""
    return LocalSwapper(**{key: value for key, value in config().provider.items() if key != "_target_"})


def face(**changes: object) -> Face:
    """A frontal face in the middle of a 320 px picture, with changes."""
    plain = Face(
        box_px=(100.0, 90.0, 120.0, 140.0),
        score=0.9,
        points5=np.array([[130, 140], [190, 140], [160, 170], [135, 200], [185, 200]], np.float32),
        landmarks=np.zeros((468, 3), np.float32),
        embedding=np.eye(1, 128, dtype=np.float32)[0],
        yaw_deg=0.0,
        pitch_deg=0.0,
        roll_deg=0.0,
        sharpness=0.2,
        mouth_open=0.02,
        eyes_open=0.3,
    )
    return replace(plain, **changes)


def candidate(
    *,
    left: float = 70.0,
    right: float = 70.0,
    line: float = 0.03,
    shadow: float = 0.02,
    teeth: float = 1.0,
    gaze: float = 0.0,
    **changes: object,
) -> Candidate:
    """A photo's measurements: lightness of the cheeks, line across the nose, what flaws.py measures, and changes of the face."""
    traits = Traits(
        left_cheek=(left, 8.0, 12.0), right_cheek=(right, 8.0, 12.0), bridge_line=line,
        shadow=shadow, teeth=teeth, gaze_apart=gaze,
    )  # fmt: skip
    return Candidate(face=face(**changes), traits=traits)
