# pyright: basic
# mostly cv2 calls, which are untyped.
"""What LocalSwapper draws: a mesh warp, colour matching and pyramid blending."""

import cv2
import numpy as np
from numpy.typing import NDArray

from likeness.errors import InputError
from likeness.images import RGB, Lab, to_lab
from likeness.swap import Portrait, colour, regions
from likeness.swap.blend import blend, smoothstep
from likeness.swap.warp import Warped, warp_face

# The coarsest pyramid level still has this many pixels across the face.
COARSEST_FACE_PX = 16
# Nothing closer to the outline than this share of the face's width is touched.
UNTOUCHED_RIM = 0.04
# The target's features are taken out with so much room around them.
GHOST_GROWTH = 1.25


def draw(source: Portrait, target: Portrait, *, outline_falloff: float, erode: float, feather: float) -> RGB:
    """The target with the source's face, [H, W, 3]; everything outside the face's oval is untouched."""
    warped = warp_face(source, target, outline_falloff=outline_falloff)
    inside = regions.oval(warped.target_points, warped.covered.shape) & warped.covered
    if not inside.any():
        raise InputError(
            "the face mesh does not cover the target's face",
            reason="no-overlap",
            kind="skipped",
            remedy="use a target photo that shows the whole face",
        )
    matched, over = _in_targets_light(warped, inside)
    mask = _mask(warped, inside, over, erode=erode, feather=feather)
    plain = (warped.target / 255).astype(np.float32)
    under = _without_features(warped, inside)
    inner = np.where(inside[..., None], colour.to_rgb(matched), plain).astype(np.float32)
    levels = max(1, int(np.log2(max(warped.width_px, 2 * COARSEST_FACE_PX) / COARSEST_FACE_PX)))
    blended = blend(inner, under, mask, levels)
    rim = smoothstep(regions.from_outline(inside) / (UNTOUCHED_RIM * warped.width_px))[..., None]
    region = blended * rim + plain * (1 - rim)
    out = target.rgb.copy()
    height, width = inside.shape
    out[warped.y0 : warped.y0 + height, warped.x0 : warped.x0 + width] = np.clip(region * 255 + 0.5, 0, 255)
    return out


def _without_features(warped: Warped, inside: regions.Mask) -> NDArray[np.float32]:
    """The target's region [h, w, 3] with skin where its eyes, brows and mouth are: they would show through as ghosts where the
    source's lie elsewhere."""
    shape, width = inside.shape, warped.width_px
    lab, nothing = to_lab(warped.target), np.zeros(shape, bool)
    # Hair over a brow stays; so nothing is spared where it is looked for.
    hair = regions.overlay(lab, regions.cheeks(warped.target_points, shape), inside, nothing, width)
    theirs = regions.features(warped.target_points, shape, GHOST_GROWTH) & inside & ~hair
    skin = inside & ~theirs & ~hair
    if not skin.any():
        return (warped.target / 255).astype(np.float32)
    filled = colour.to_rgb(colour.slow_light(lab, skin, width))
    soft = cv2.GaussianBlur(theirs.astype(np.float32), (0, 0), 0.01 * width)[..., None]
    return (filled * soft + warped.target / 255 * (1 - soft)).astype(np.float32)


def _mask(
    warped: Warped, inside: regions.Mask, over: regions.Mask, *, erode: float, feather: float
) -> NDArray[np.float32]:
    """How much of the source shows, 0..1: feathered at the outline, none where hair or shadow lies over
    either face or where the source photograph saw the spot edge-on, but always the features."""
    width = warped.width_px
    mask = smoothstep((regions.from_outline(inside) / width - erode) / feather)
    hidden = cv2.GaussianBlur(over.astype(np.float32), (0, 0), 0.025 * width)
    core = (regions.features(warped.points, inside.shape, 1.05) & ~over).astype(np.float32)
    core = cv2.GaussianBlur(core, (0, 0), 0.015 * width)
    return (mask * (1 - np.clip(hidden * 1.6, 0, 1)) * np.maximum(warped.facing, core)).astype(np.float32)


def _in_targets_light(warped: Warped, inside: regions.Mask) -> tuple[Lab, regions.Mask]:
    """The warped source in the target's colours [h, w, 3] Lab, and where hair or shadow covers a face."""
    shape, width = inside.shape, warped.width_px
    of_source, of_target = to_lab(warped.pixels), to_lab(warped.target)
    cheeks_s = regions.cheeks(warped.points, shape) & (warped.facing > 0.5)
    cheeks_t = regions.cheeks(warped.target_points, shape)
    features_s = regions.features(warped.points, shape)
    features_t = regions.features(warped.target_points, shape)
    nose_s = regions.hull(warped.points[list(regions.mesh.NOSE)], shape)
    over_s = regions.overlay(of_source, cheeks_s, inside, features_s | nose_s, width)
    over_t = regions.overlay(of_target, cheeks_t, inside, features_t, width)
    cheeks_s, cheeks_t = cheeks_s & ~over_s, cheeks_t & ~over_t
    if not (cheeks_s.any() and cheeks_t.any()):
        raise InputError(
            "no cheek is lit and uncovered in both photos",
            reason="hidden-cheeks",
            kind="skipped",
            remedy="use photos in which hair and shadow leave a cheek free",
        )
    matched = colour.match_cheeks(of_source, of_target, cheeks_s, cheeks_t)
    skin_s = inside & ~over_s & ~features_s & (warped.facing > 0.3)
    skin_t = inside & ~over_t & ~features_t
    matched = colour.match_shading(matched, of_target, skin_s, skin_t, width)
    if skin_t.any():
        slow = colour.slow_light(of_target, skin_t, width)
        matched = colour.add_shine(matched, of_target, slow, skin_s & skin_t, width)
    eyes_s, eyes_t = regions.eyes(warped.points, shape), regions.eyes(warped.target_points, shape)
    return colour.keep_eyes(matched, of_source, of_target, eyes_s, eyes_t, width), over_s | over_t
