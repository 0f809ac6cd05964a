"""How much of the training images is the photographs' own pixels: a face before and after."""

from collections.abc import Sequence

import numpy as np
from PIL import Image

from likeness.errors import InputError
from likeness.images import load_rgb
from likeness.pipeline.manifest import Entry
from likeness.report import ReportConfig
from likeness.report.collect import Collected
from likeness.report.pictures import Album
from likeness.report.view import Figure

# The cut shown is at most this many face boxes wide, and no wider than one of the image's pixels a pixel of the page.
CUT_SCALE = 1.5

PORTRAIT_SCALE = 1.9
"""Of a portrait beside the drawn ones, in face boxes."""


def face_details(got: Collected, album: Album, trained: Entry, width_px: int) -> Sequence[Figure]:
    """The face of one training image in the crop's own pixels, each shown as a square, and as it is trained on."""
    crop = got.entry("resized", trained.id)
    if crop is None or not crop.faces or not trained.faces or trained.rating != "sfw":
        return []
    scale = min(CUT_SCALE, width_px / max(trained.faces[0].box_px[2:]))
    factor = trained.width / crop.width
    after = f"trained on, enlarged {factor:.2g} times" if factor > 1 else "trained on, own pixels"
    return [
        _detail(got, album, "resized", crop, "face, own pixels", scale, width_px),
        _detail(got, album, "lora_training", trained, f"face, {after}", scale, width_px),
    ]


def held_out(got: Collected, album: Album, cfg: ReportConfig) -> list[Figure]:
    """The photographs that training never saw, cut as drawn pictures are; only plainly harmless ones."""
    return [
        _detail(
            got,
            album,
            "ingested",
            entry,
            entry.origin or entry.id,
            PORTRAIT_SCALE,
            cfg.sample_px,
            smooth=True,
        )
        for entry in got.steps["ingested"].entries
        if entry.held_out and entry.rating == "sfw" and entry.faces
    ]


def _detail(
    got: Collected,
    album: Album,
    step: str,
    entry: Entry,
    label: str,
    scale: float,
    width_px: int,
    *,
    smooth: bool = False,
) -> Figure:
    x, y, w, h = entry.faces[0].box_px
    side = min(scale * max(w, h), entry.width, entry.height)
    left = min(max(x + w / 2 - side / 2, 0), entry.width - side)
    top = min(max(y + h / 2 - side / 2, 0), entry.height - side)
    path = got.picture(step, entry)
    try:
        image = Image.fromarray(load_rgb(path))
    except InputError:
        return Figure(label=label, picture=None)
    box = (left, top, left + side, top + side)
    shown = image.resize(
        (width_px, width_px), Image.Resampling.LANCZOS if smooth else Image.Resampling.NEAREST, box=box
    )
    return Figure(
        label=label,
        picture=album.rgb(
            np.asarray(shown),
            f"Held-out photograph {label}" if smooth else f"{entry.id}, {label}",
            width_px=width_px,
            code=album.code(entry),
        ),
    )
