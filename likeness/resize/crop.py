"""Where to cut: the largest crop, nearer when the face would be lost in it, with the head whole inside."""

import math
from dataclasses import dataclass, replace

from likeness.pipeline.manifest import OWN_SCALE, FaceEntry
from likeness.resize import ResizeConfig

Box = tuple[float, float, float, float]

# A head around a detector's box (forehead to chin, ear to ear), in box heights or widths: hair and ears at
# the sides, some neck below. Measured on the synthetic people; room above is a setting (`headroom`).
SIDE_ROOM = 0.25
CHIN_ROOM = 0.15

# Where the middle of the face lies in the crop's height when there is a choice: portraits put the eyes near
# the upper third, and the eyes lie above the box's middle.
FACE_MIDDLE_Y = 0.42


@dataclass(frozen=True, kw_only=True)
class Cut:
    """Crop `box_px` (left, top, right, bottom) of the original; it becomes `size_px` (width, height)."""

    box_px: Box
    size_px: tuple[int, int]

    @property
    def scale(self) -> float:
        """Output pixels per original pixel, the same along both sides."""
        return self.size_px[0] / (self.box_px[2] - self.box_px[0])


def own_pixels(cut: Cut) -> Cut:
    """The same crop in pixels of its own: none invented, and none dropped below OWN_SCALE times the size.

    Where it has fewer, its corners go to whole pixels, so that nothing is resampled.
    """
    width, height = cut.size_px
    if cut.scale * OWN_SCALE <= 1:
        return replace(cut, size_px=(width * OWN_SCALE, height * OWN_SCALE))
    left, top, right, bottom = cut.box_px
    x, y = math.floor(left), math.floor(top)
    size = (round(right - left), round(bottom - top))
    return Cut(box_px=(x, y, x + size[0], y + size[1]), size_px=size)


def plan_cut(image_px: tuple[int, int], face_box_px: Box, cfg: ResizeConfig) -> Cut:
    """The crop of an image of (width, height) around a face box (x, y, width, height).

    The crop has exactly the output's aspect, so nothing is stretched. It is the largest that fits; where
    the face is lower than `face_fraction_min` of it, it is smaller, down to `max_upscale` and to what holds
    the head.
    """
    width, height = image_px
    size = bucket(width / height, cfg)
    aspect = size[0] / size[1]
    largest = min(height, width / aspect)
    left, top, right, bottom = head_box(image_px, face_box_px, cfg.headroom)
    face_height = face_box_px[3]
    crop_height = largest
    if face_height < cfg.face_fraction_min * largest:
        head = max(bottom - top, (right - left) / aspect)
        crop_height = min(largest, max(face_height / cfg.face_fraction_min, size[1] / cfg.max_upscale, head))
    crop_width = crop_height * aspect
    x = face_box_px[0] + face_box_px[2] / 2 - crop_width / 2
    y = face_box_px[1] + face_height / 2 - FACE_MIDDLE_Y * crop_height
    x = _place(x, crop_width, (left, right), width)
    y = _place(y, crop_height, (top, bottom), height)
    return Cut(box_px=(x, y, x + crop_width, y + crop_height), size_px=size)


def head_box(image_px: tuple[int, int], face_box_px: Box, headroom: float) -> Box:
    """The head as (left, top, right, bottom) inside the image; `headroom` is in face heights."""
    x, y, w, h = face_box_px
    width, height = image_px
    left, top = max(0.0, x - SIDE_ROOM * w), max(0.0, y - headroom * h)
    return left, top, min(float(width), x + (1 + SIDE_ROOM) * w), min(float(height), y + (1 + CHIN_ROOM) * h)


def bucket(aspect: float, cfg: ResizeConfig) -> tuple[int, int]:
    """The (width, height) of `buckets` that is nearest to an aspect width / height.

    Nearest is the smallest loss to the crop: |log| of the ratio of aspects; of equals, the larger area.
    """

    def loss(size: tuple[int, int]) -> tuple[float, int]:
        return abs(math.log(aspect * size[1] / size[0])), -size[0] * size[1]

    return min(buckets(cfg), key=loss)


def buckets(cfg: ResizeConfig) -> list[tuple[int, int]]:
    """All sizes within `max_aspect`: to each side the greatest other side that keeps the area."""
    area, step = cfg.side_px**2, cfg.step_px
    sizes: set[tuple[int, int]] = set()
    for side in range(step, area // step + 1, step):
        other = area // side // step * step
        if max(side, other) <= cfg.max_aspect * min(side, other):
            sizes |= {(side, other), (other, side)}
    return sorted(sizes)


def move_face(face: FaceEntry, cut: Cut) -> FaceEntry:
    """A face in the pixels of the resized image."""
    return face.moved(cut.scale, cut.scale, left=cut.box_px[0], top=cut.box_px[1])


def is_inside(face: FaceEntry, cut: Cut) -> bool:
    """Whether the middle of a face's box lies in the crop."""
    x, y = face.box_px[0] + face.box_px[2] / 2, face.box_px[1] + face.box_px[3] / 2
    return cut.box_px[0] <= x <= cut.box_px[2] and cut.box_px[1] <= y <= cut.box_px[3]


def _place(start: float, length: float, keep: tuple[float, float], limit: float) -> float:
    """Start of a `length` within 0..limit, near `start`, that holds `keep` or is centred on it."""
    fits = keep[1] - keep[0] <= length
    holding = min(max(start, keep[1] - length), keep[0]) if fits else (keep[0] + keep[1] - length) / 2
    return min(max(holding, 0.0), max(limit - length, 0.0))
