# pyright: basic
# mostly cv2 and array arithmetic on untyped results.
"""The source's face, bent onto the target's head: its own inner features in the target's outline."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from likeness.errors import InputError
from likeness.faces import mesh
from likeness.faces.crop import scale_of, similarity_transform
from likeness.swap import Portrait
from likeness.swap.blend import smoothstep
from likeness.swap.regions import SUBPIXEL_BITS, subpixels, width_of

# Pixels kept around the source's landmarks, so that interpolation sees real pixels.
MARGIN_PX = 10
# Room around the target's face, as a share of its size, for blending.
ROI_PAD = 0.35
# Less is no face: the pyramids need a few pixels.
MIN_REGION_PX = 16


@dataclass(frozen=True, kw_only=True)
class Warped:
    """The source face in the target's region: everything in the region's pixels, [h, w]."""

    x0: int
    y0: int
    target: NDArray[np.uint8]  # [h, w, 3] the target photograph's region
    pixels: NDArray[np.uint8]  # [h, w, 3] the warped source
    covered: NDArray[np.bool_]  # where the mesh lies
    facing: NDArray[np.float32]  # how squarely the source photograph saw this spot, 0..1
    points: NDArray[np.float64]  # [468, 2] where the source's landmarks went
    target_points: NDArray[np.float64]  # [468, 2]
    width_px: float  # of the target's face


def warp_face(source: Portrait, target: Portrait, *, outline_falloff: float) -> Warped:
    """Piecewise affine warp over the face mesh.

    The source's landmarks are laid over the target's by a 3-D similarity of the rigid ones; near the outline
    they slide to the target's, over `outline_falloff` interocular distances.

    Raises:
        InputError: `no-overlap`: the target's face is not in its picture.
    """
    of_source, of_target = source.face.landmarks.astype(float), target.face.landmarks.astype(float)
    goal, scale = _goal(of_source, of_target, outline_falloff)
    outline = of_target[list(mesh.FACE_OVAL), :2]
    low, high = outline.min(0), outline.max(0)
    pad = ROI_PAD * (high - low)
    height, width = target.rgb.shape[:2]
    x0, y0 = np.maximum(np.floor(low - pad), 0).astype(int)
    x1, y1 = np.minimum(np.ceil(high + pad), [width, height]).astype(int)
    if min(x1 - x0, y1 - y0) < MIN_REGION_PX:
        raise InputError(
            "the target's face lies outside its picture",
            reason="no-overlap",
            kind="skipped",
            remedy="use a target photo that shows the whole face",
        )
    offset = np.array([x0, y0])
    crop, points = _source_crop(source, of_source, min(scale, 1.0))
    points_in_roi, depth = goal[:, :2] - offset, goal[:, 2]
    nothing = np.full((y1 - y0, x1 - x0), -1, np.float32)
    index = _paint(nothing, points_in_roi, depth, range(len(mesh.triangles()))).astype(np.int32)
    field = _field(points_in_roi, points, index)
    pixels = cv2.remap(crop, field[..., 0], field[..., 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return Warped(
        x0=int(x0),
        y0=int(y0),
        target=target.rgb[y0:y1, x0:x1],
        pixels=np.asarray(pixels, np.uint8),
        covered=index >= 0,
        facing=_facing(of_source, points_in_roi, depth, index.shape),
        points=points_in_roi,
        target_points=of_target[:, :2] - offset,
        width_px=width_of(of_target[:, :2]),
    )


def _goal(of_source, of_target, falloff: float):
    rigid = list(mesh.RIGID)
    matrix = similarity_transform(of_source[rigid], of_target[rigid])
    aligned = of_source @ matrix[:, :3].T + matrix[:, 3]
    eyes, outline = np.linalg.norm(of_target[263] - of_target[33]), of_target[list(mesh.FACE_OVAL)]
    from_outline = np.linalg.norm(of_target[:, None] - outline[None], axis=2).min(1) / eyes
    weight = 1 - smoothstep(from_outline / falloff)[:, None]
    return weight * of_target + (1 - weight) * aligned, scale_of(matrix)


def _source_crop(source: Portrait, of_source, scale: float):
    """The source's face, shrunk by area averaging to the target's scale (sampling alone would alias)."""
    low = np.maximum(np.floor(of_source[:, :2].min(0) - MARGIN_PX), 0).astype(int)
    high = np.ceil(of_source[:, :2].max(0) + MARGIN_PX).astype(int)
    crop = source.rgb[low[1] : high[1], low[0] : high[0]]
    size = (max(1, round(crop.shape[1] * scale)), max(1, round(crop.shape[0] * scale)))
    small = cv2.resize(crop, size, interpolation=cv2.INTER_AREA)
    ratio = np.array([size[0] / crop.shape[1], size[1] / crop.shape[0]])
    return small, (of_source[:, :2] - low + 0.5) * ratio - 0.5


def _paint(canvas, points, depth, values):
    """Fill each triangle of the mesh with its value, the nearest last."""
    triangles = mesh.triangles()
    for number in np.argsort(-depth[triangles].mean(1), kind="stable"):
        corners = subpixels(points[triangles[number]])
        cv2.fillConvexPoly(canvas, corners, float(values[number]), shift=SUBPIXEL_BITS)
    return canvas


def _field(points, source_points, index):
    """[h, w, 2] float32: which source pixel belongs at each pixel."""
    corners = np.concatenate([points[mesh.triangles()], np.ones((len(mesh.triangles()), 3, 1))], axis=2)
    corners[np.abs(np.linalg.det(corners)) < 1e-6] = np.eye(3)
    affine = np.linalg.solve(corners, source_points[mesh.triangles()])
    y, x = np.mgrid[: index.shape[0], : index.shape[1]]
    pixels = np.stack([x, y, np.ones_like(x)], axis=-1).astype(float)
    return np.einsum("hwk,hwkc->hwc", pixels, affine[np.maximum(index, 0)]).astype(np.float32)


def _facing(of_source, points, depth, shape):
    a, b, c = (of_source[mesh.triangles()[:, corner]] for corner in range(3))
    normal = np.cross(b - a, c - a)
    toward = np.sign(normal[:, 2].mean()) * normal[:, 2] / np.linalg.norm(normal, axis=1)
    total, count = np.zeros(len(of_source)), np.zeros(len(of_source))
    for corner in range(3):
        np.add.at(total, mesh.triangles()[:, corner], toward)
        np.add.at(count, mesh.triangles()[:, corner], 1)
    of_point = total / np.maximum(count, 1)
    of_triangle = [of_point[triangle].mean() for triangle in mesh.triangles()]
    canvas = _paint(np.zeros(shape, np.float32), points, depth, of_triangle)
    # Spots seen at less than about 9 degrees hold stretched pixels; above 27 degrees they are fully trusted.
    return smoothstep((canvas - 0.15) / 0.3)
