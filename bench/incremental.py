"""One photo more in 1,000: the stage again, over the cost of its one new item.

Floor: making that one item and nothing else. `again_s` is the stage with nothing new: reading the manifest, 1,000
verified look-ups in the item store, laying 1,000 files out. DVC deletes a stage's outputs before it runs it, so that is done
before the clock starts. `again_cpu_s` and `one_more_cpu_s` are of the processors.
"""

import json
import shutil
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np

from bench.scale_things import entry
from likeness.digests import sha256_bytes
from likeness.images import decode_rgb, encode_jpeg, encode_png
from likeness.pipeline.batch import Made, Work, run_batch
from likeness.pipeline.outputs import finish
from likeness.store.items import ItemStore
from likeness.store.keys import item_key

ITEMS, SIDE_PX, WORKERS = 1000, 512, 2


def photo(number: int) -> bytes:
    """A noisy 512 px picture, about the bytes of a photograph of that size."""
    noise = np.random.default_rng(number).normal(128, 12, (SIDE_PX // 4, SIDE_PX // 4, 3)).clip(0, 255)
    return encode_jpeg(np.kron(noise, np.ones((4, 4, 1))).astype(np.uint8))


def make(number: int) -> Made:
    """Decode and encode again as PNG: a cheap stage, so that the overhead shows."""
    return Made(files={"image": encode_png(decode_rgb(photo(number)))}, record={"number": number})


def line(image, item):
    name = f"{image}.png"
    digest = item.files["image"].sha256
    return entry(image, name, digest, side_px=SIDE_PX, provider="bench"), {name: "image"}


def stage(folder: Path, store: ItemStore, count: int) -> tuple[float, float]:
    """Seconds of a whole stage over `count` photos, on the clock and of the processors."""
    shutil.rmtree(folder, ignore_errors=True)
    started, used = time.perf_counter(), time.process_time()
    works = [
        Work(
            id=f"jade-s{n}",
            key=item_key("bench", 1, {}, [sha256_bytes(str(n).encode())]),
            make=partial(make, n),
            line=partial(line, f"jade-s{n}"),
        )
        for n in range(1, count + 1)
    ]
    finish(
        "bench",
        folder,
        run_batch("bench", works, store, workers=WORKERS),
        max_failure_ratio=0,
        counts=folder.with_suffix(".json"),
    )
    return time.perf_counter() - started, time.process_time() - used


def main() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        store, folder = ItemStore(Path(temporary) / "items"), Path(temporary) / "out"
        row = {"bench": "incremental", "items": ITEMS, "first_s": stage(folder, store, ITEMS)[0]}
        row["again_s"], row["again_cpu_s"] = stage(folder, store, ITEMS)
        row["one_more_s"], row["one_more_cpu_s"] = stage(folder, store, ITEMS + 1)
        started = time.perf_counter()
        make(ITEMS + 2)
        row["one_item_s"] = time.perf_counter() - started
    row["over_first"] = row["one_more_s"] / row["first_s"]
    sys.stdout.write(
        json.dumps({k: round(v, 4) if isinstance(v, float) else v for k, v in row.items()}) + "\n"
    )


if __name__ == "__main__":
    main()
