"""What the gates cost: their share of ingest's time, and seconds an image at the other doors. `python -m bench.gates`

Processor time of one thread, the two sides in turn over the demo's photographs; models are opened before. Of each picture the least
of ROUNDS counts: other work on the machine only ever adds. In ingest and at the swap's door the gates are the rating, the ages and
the second embedder: faces are found and measured for the crop, the choice and the captions, too.
"""

import json
import math
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from likeness.digests import sha256_file
from likeness.images import RGB, encode_jpeg, load_rgb
from likeness.ingest import IngestConfig
from likeness.ingest.analyse import analyse
from likeness.ingest.limits import limits_of
from likeness.ingest.models import local_instruments
from likeness.safety.pictures import PictureGate
from likeness.safety.postcondition import measure_swap
from likeness.safety.rating import Rater
from likeness.strict_yaml import read_yaml

PHOTOGRAPHS = ("data/jade/raw/sources", "data/jade/raw/targets")
IMAGE_PX = 1024
ROUNDS = 3
TURNED = ("jade_05.jpg",)  # stored turned, which ingest rights


class NoAges:
    """Judges no age."""

    def years(self, rgb: RGB, face: object) -> float:
        return 30.0


def seconds(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def ingest(paths: list[Path]) -> dict[str, object]:
    values = read_yaml(Path("conf/ingest/default.yaml"), remedy="")
    limits, gated = limits_of(IngestConfig.model_validate(values)), local_instruments()
    bare = replace(gated, ages=NoAges(), rate=lambda rgb: 0.0, identify=lambda rgb, face: face)
    digests = {path: sha256_file(path) for path in paths}
    analyse(paths[0], digests[paths[0]], limits, gated)
    sides = {"gated": gated, "bare": bare}
    took = least(
        {
            name: lambda path, one=one: analyse(path, digests[path], limits, one)
            for name, one in sides.items()
        },
        paths,
    )
    whole, without = took["gated"], took["bare"]
    return {
        "s_a_photograph": round(whole, 3),
        "gates_s": round(whole - without, 3),
        "share": round(1 - without / whole, 3),
    }


def doors(paths: list[Path]) -> dict[str, float]:
    gate, rater, instruments = PictureGate(), Rater(), local_instruments()
    pictures = [square(load_rgb(path)) for path in paths if path.name not in TURNED]
    gate.measure(pictures[0])
    rater.explicit(pictures[0])
    faces = [instruments.faces.faces(rgb)[0] for rgb in pictures]
    took = least(
        {
            "training image, delivery, publication": lambda n: gate.measure(pictures[n]),
            "drawn picture": lambda n: (rater.explicit(pictures[n]), gate.ages(pictures[n])),
            "swap with its face found": lambda n: measure_swap(
                pictures[n], faces[n], analyzer=gate._analyzer, ages=gate._ages, rater=rater
            ),
            "for comparison: find the swap's face": lambda n: gate._analyzer.faces(pictures[n]),
            "for comparison: write the picture as JPEG": lambda n: encode_jpeg(pictures[n]),
        },
        range(len(pictures)),
    )
    took["swap"] = took["swap with its face found"] - took["for comparison: find the swap's face"]
    return {name: round(value, 3) for name, value in took.items()}


def least(works: Mapping[str, Callable[[Any], object]], things: Sequence[Any]) -> dict[str, float]:
    """Seconds that each work takes: the least of ROUNDS with each thing, the mean of the things; works take turns."""
    took = {name: [math.inf] * len(things) for name in works}
    for _ in range(ROUNDS):
        for number, thing in enumerate(things):
            for name, work in works.items():
                took[name][number] = min(took[name][number], seconds(lambda: work(thing)))  # noqa: B023 - run at once
    return {name: statistics.mean(each) for name, each in took.items()}


def square(rgb: RGB) -> RGB:
    side = min(rgb.shape[:2])
    return np.asarray(
        Image.fromarray(rgb[:side, :side]).resize((IMAGE_PX, IMAGE_PX), Image.Resampling.LANCZOS)
    )


def main() -> None:
    paths = [path for folder in PHOTOGRAPHS for path in sorted(Path(folder).glob("*.[jp][pn]g"))]
    sys.stdout.write(
        json.dumps({"photographs": len(paths), "ingest": ingest(paths), "s_an_image": doors(paths)}) + "\n"
    )


if __name__ == "__main__":
    main()
