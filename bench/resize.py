"""Images a second of the face-aware resize on a 12 MP JPEG, against plain Pillow, side by side on one core.

    python -m bench.resize        prints a line of JSON per way and one for the ratio

Every way ends in the same 1024 px crop around the same face, encoded as JPEG of quality 95. PSNR is against
the way that decodes everything (plain Pillow). The photograph is a synthetic person's, enlarged to 12 MP with grain
added, so that the file has the detail a camera's has.
"""

import io
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from likeness.cli.compose import composed
from likeness.images import RGB, encode_jpeg
from likeness.resize import ResizeConfig
from likeness.resize.crop import Cut, plan_cut
from likeness.resize.fit import fit, image_size

ROOT = Path(__file__).parents[1]
PHOTO = ROOT / "tests/photos/sources/jade_01.jpg"
FACE_IN_PHOTO = (367.0, 397.0, 291.0, 385.0)  # YuNet's box, x, y, w, h
TWELVE_MP = (3096, 3870)
GRAIN = 3.0  # standard deviation in levels of 255
ROUNDS = 12


def main() -> None:
    """Measure, taking turns so that a slow moment of the machine hits every way, and print."""
    data = photograph()
    k = TWELVE_MP[0] / 1024
    cfg = ResizeConfig.model_validate(composed(ROOT, "resize=square")["resize"])
    x, y, w, h = FACE_IN_PHOTO
    face = (x * k, y * k, w * k, h * k)

    ways: dict[str, Callable[[], RGB]] = {
        "pillow": lambda: plain(data, plan_cut(TWELVE_MP, face, cfg)),
        "likeness": lambda: fit(data, plan_cut(image_size(data, name="bench"), face, cfg), name="bench"),
    }
    exact = ways["pillow"]().astype(np.float64)
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, way in ways.items():
            started = time.process_time()
            encode_jpeg(way())
            seconds[name].append(time.process_time() - started)
    median = {name: float(np.median(times)) for name, times in seconds.items()}
    for name, way in ways.items():
        error = float(np.mean((way().astype(np.float64) - exact) ** 2))
        psnr = None if error == 0 else round(10 * np.log10(255**2 / error), 2)
        print(
            json.dumps(
                {
                    "way": name,
                    "ms": round(median[name] * 1e3, 1),
                    "images_per_s": round(1 / median[name], 2),
                    "psnr_db": psnr,
                }
            )
        )
    print(
        json.dumps(
            {
                "ratio": "resize images/s, likeness over plain Pillow",
                "megapixels": 12,
                "value": round(median["pillow"] / median["likeness"], 2),
            }
        )
    )


def plain(data: bytes, cut: Cut) -> RGB:
    """What a short script does: decode everything, crop, Lanczos."""
    with Image.open(io.BytesIO(data)) as image:
        rgb = image.convert("RGB").resize(cut.size_px, Image.Resampling.LANCZOS, box=cut.box_px)
        return np.array(rgb)


def photograph() -> bytes:
    """The photograph as a 12 MP JPEG of quality 92, the same at every run."""
    with Image.open(PHOTO) as image:
        big = np.array(image.convert("RGB").resize(TWELVE_MP, Image.Resampling.LANCZOS), dtype=np.float32)
    grain = np.random.default_rng(0).normal(0, GRAIN, big.shape[:2]).astype(np.float32)
    noisy = np.clip(big + grain[..., None], 0, 255).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noisy).save(buffer, format="JPEG", quality=92)
    return buffer.getvalue()


if __name__ == "__main__":
    main()
