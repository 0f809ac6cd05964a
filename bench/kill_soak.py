"""The production graph at scale against the fake servers: `python -m bench.kill_soak [ITEMS] [KILLS]`.

ITEMS swaps (1,000 if none are given) of varied copies of the demo's photographs go through swap, enhance and caption
of a clone, bought from fake servers that paste instead of swapping. With KILLS, `dvc repro` is killed with -9 so often on
the way. Printed: purchases against items, the most memory a stage took, and the time.
"""

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import yaml
from PIL import Image, ImageEnhance

from fakes.s3 import S3Server
from fakes.server import FakeServers
from likeness.digests import sha256_file
from tools.repository_clone import RepositoryClone, clone_repository

# Runs a command and prints the most memory that it or a child of it took, in KiB.
PEAK = (
    "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL); "
    "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
)
SOURCES = 20
SIDE_PX = 512
SETTINGS = (
    "+experiment=fakes", "swap.pairs=all", "swap.limits.max_yaw_difference_deg=180",
    "swap.limits.max_pitch_difference_deg=180", "swap.limits.max_mouth_difference=9", "swap.limits.max_bridge_line=9",
    "swap.limits.min_face_px=8", "swap.max_failure_ratio=1", "swap.include_sources=false",
    "personas.jade.held_out=[]", "ingest.near_duplicate.min_similarity=1",
    "ingest.near_duplicate.max_hash_bits=0", "ingest.min_face_px=32", "ingest.min_sharpness=0",
    "ingest.max_failure_ratio=1", "resize.side_px=512",
    "budget.max_usd=1000",
)  # fmt: skip


def varied(folder: Path, wanted: int, luck: random.Random) -> None:
    """Replace the photos of a raw folder by `wanted` smaller ones: other crops, brightness and colour."""
    photos = [p for p in sorted(folder.iterdir()) if p.suffix in (".jpg", ".png")]
    pictures = [Image.open(path).convert("RGB") for path in photos]
    for path in photos:
        path.unlink()
    for number in range(wanted):
        picture = pictures[number % len(pictures)]
        width, height = picture.size
        cut = [luck.uniform(0, 0.06) for _ in range(4)]
        box = (
            int(cut[0] * width),
            int(cut[1] * height),
            int((1 - cut[2]) * width),
            int((1 - cut[3]) * height),
        )
        small = picture.crop(box)
        small.thumbnail((SIDE_PX, SIDE_PX))
        small = ImageEnhance.Brightness(small).enhance(luck.uniform(0.85, 1.15))
        ImageEnhance.Color(small).enhance(luck.uniform(0.7, 1.3)).save(
            folder / f"photo_{number:04}.jpg", quality=92
        )


def license_all(folder: Path) -> None:
    """List the varied targets in the clone's licence record."""
    record = folder / "consent/jade.targets.yaml"
    listed = yaml.safe_load(record.read_text())
    listed["photos"] = {
        path.name: {"shows": "a synthetic person", "age_years": 30, "sha256": sha256_file(path)}
        for path in sorted((folder / "data/jade/raw/targets").glob("*.jpg"))
    }
    record.write_text(yaml.safe_dump(listed))
    RepositoryClone(folder).sign("jade")


def killed(clone: RepositoryClone, services: FakeServers, after: int) -> bool:
    """`dvc repro`, killed with all of its group after so many more purchases; False when it ended before."""
    enough = len(services.purchases()) + after
    run = subprocess.Popen(
        [sys.executable, "-m", "dvc", "repro", "dataset@jade"],
        cwd=clone.folder,
        env=clone.env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    while run.poll() is None:
        if len(services.purchases()) >= enough:
            os.killpg(run.pid, signal.SIGKILL)
            run.wait()
            return True
        time.sleep(0.1)
    return False


def main(items: int, kills: int) -> None:
    luck = random.Random(1)
    targets = -(-items // SOURCES)
    with (
        tempfile.TemporaryDirectory() as place,
        S3Server(Path(place) / "s3") as s3,
        FakeServers(swap="paste", swap_s=0.5, enhance_s=1.0, swap_format="jpeg") as services,
    ):
        folder = Path(place) / "clone"
        folder.mkdir()
        clone = clone_repository(folder)
        varied(folder / "data/jade/raw/sources", SOURCES, luck)
        varied(folder / "data/jade/raw/targets", targets, luck)
        license_all(folder)
        clone.env |= {**s3.environment(), **services.environment(), "OMP_NUM_THREADS": "1"}
        clone.params(
            *SETTINGS,
            f"swap.provider.base_url={services.maxstudio_url}",
            f"swap.provider.inputs_url=s3://{s3.new_bucket()}/inputs",
            f"enhance.provider.base_url={services.maxstudio_url}",
            f"caption.provider.base_url={services.xai_url}",
        )
        clone.repro("ingest@jade")
        started = time.monotonic()
        done = 0
        while done < kills and killed(clone, services, luck.randint(1, max(2, 2 * items // max(kills, 1)))):
            done += 1
        peaks = {}
        for stage, before in (("swap", "ingest"), ("enhance", "resize"), ("caption", "enhance")):
            clone.dvc("repro", f"{before}@jade")
            said = clone.run(
                sys.executable, "-c", PEAK, sys.executable, "-m", f"stages.{stage}", "jade"
            ).stdout
            peaks[stage] = int(said.split()[-1]) / 1024
        clone.dvc("repro", "dataset@jade")
        bought = services.purchases()
        twice = [n for n in Counter((p.what, p.digest) for p in bought).values() if n > 1]
        print(
            json.dumps(
                {
                    "measurement": "kill_soak",
                    "swaps": clone.ledger("data-jade-swapped")["items"],
                    "kills": done,
                    "bought": dict(Counter(p.what for p in bought)),
                    "bought twice": len(twice),
                    "peak MB": {stage: round(mb) for stage, mb in peaks.items()},
                    "seconds": round(time.monotonic() - started),
                    "dataset": clone.sha256("models/jade/jade_lora_dataset.zip")[:16],
                }
            )
        )


if __name__ == "__main__":
    main(*(int(value) for value in (sys.argv[1:] + ["1000", "0"][len(sys.argv) - 1 :])))
