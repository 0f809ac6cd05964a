"""A git repository whose commits hold evaluated LoRAs as DVC keeps them: dvc.lock, and the files in its cache."""

import hashlib
import json
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import yaml
from circle_samples import NAMED, OPTIONS, PLAIN, PLANNED, drawn_at, seen
from persona_folders import coloured
from safetensors.numpy import save

from likeness.evaluate.measures import measured
from likeness.images import encode_jpeg

SETTINGS = {
    "evaluate": {"prompts": [NAMED, PLAIN], "steps": 4},
    "train": {"lora": {"rank": 8}, "optimizer": {"lr": 1e-4}, "schedule": {"steps": 200}},
    "personas.jade": {"trigger": "jade"},
}


@cache  # the library orders metadata anew each time
def weights(seed: int, **metadata: str) -> bytes:
    """A file that says what it is; its tensors are noise."""
    tensors = {
        "lora_unet_x.lora_down.weight": np.random.default_rng(seed).normal(size=(2, 4)).astype(np.float32)
    }
    return save(tensors, {"ss_network_dim": "8", "ss_steps": "200"} | metadata)


def details(angle: float, *, only=lambda one: True) -> dict:
    """An evaluation of samples whose faces lie around this angle: 0 is the person's."""
    found = seen(drawn_at(angle))
    written = [one for one in found.planned if only(one)]
    scores = {one["id"]: one["copy"] for one in measured(OPTIONS, found)["copying"]["pictures"]}
    return {
        "measures": measured(OPTIONS, replace(found, planned=written)),
        "samples": [
            {**vars(one), "file": f"{one.id}.jpg" if one in written else None, "rating": "sfw",
             "similarity": scores.get(one.id)} for one in PLANNED
        ],
        "named": [NAMED], "twins": [(NAMED, PLAIN)], "class_word": "woman",
        "checkpoints": [{"step": step, "images": 2, "faces": 2, "similarity": 0.3 + step / 1000} for step in (100, 200)],
    }  # fmt: skip


class Evaluated:
    """The repository; each `commit` is a revision at which the graph had run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / ".dvc").mkdir()
        self.git("init", "-q", "-b", "main")

    def git(self, *arguments: str) -> str:
        who = ("-c", "user.name=t", "-c", "user.email=t@t")
        return subprocess.run(
            ["git", *who, *arguments], cwd=self.folder, check=True, capture_output=True, text=True
        ).stdout

    def keep(self, data: bytes) -> str:
        """Bytes in DVC's cache, by their digest."""
        md5 = hashlib.md5(data).hexdigest()
        path = self.folder / ".dvc" / "cache" / "files" / "md5" / md5[:2] / md5[2:]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return md5

    def keep_folder(self, files: Mapping[str, bytes]) -> str:
        listing = [{"md5": self.keep(data), "relpath": name} for name, data in files.items()]
        data = json.dumps(listing).encode()
        md5 = hashlib.md5(data).hexdigest() + ".dir"
        path = self.folder / ".dvc" / "cache" / "files" / "md5" / md5[:2] / md5[2:]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return md5

    def commit(
        self, tag: str, found: dict, lora: bytes, *, settings=SETTINGS, photographs=("h0", "h1")
    ) -> None:
        """A version of dvc.lock with a tag."""
        digest = hashlib.sha256(lora).hexdigest()
        files = {f"{one['id']}.jpg": encode_jpeg(coloured(tag + one["id"], 32)) for one in found["samples"]}
        lines = [
            {"id": one["id"], "file": f"{one['id']}.jpg", "parents": [digest] if one["lora"] else []}
            for one in found["samples"]
        ]
        samples = {
            "details.json": json.dumps(found).encode(),
            "manifest.jsonl": jsonl(lines),
            "failures.jsonl": b"",
        }
        photos = [
            {"id": f"jade-{name}", "source": name, "sha256": name, "held_out": True} for name in photographs
        ]
        losses = "step,loss\n" + "".join(f"{step},{1 / step}\n" for step in range(1, 9))
        outs = {
            "ingest": {"data/jade/ingested": self.keep_folder({"manifest.jsonl": jsonl(photos), "failures.jsonl": b""})},
            "train": {"models/jade/jade-v1.safetensors": self.keep(lora), "models/jade/training/loss.csv": self.keep(losses.encode())},
            "evaluate": {"models/jade/evaluation/samples": self.keep_folder(samples | files)},
        }  # fmt: skip
        stages = {
            f"{name}@jade": {
                "cmd": name,
                "params": {"params.yaml": {key: value for key, value in settings.items() if key == name}},
                "outs": [{"path": path, "md5": md5} for path, md5 in paths.items()],
            }
            for name, paths in outs.items()
        }
        (self.folder / "dvc.lock").write_text(yaml.safe_dump({"schema": "2.0", "stages": stages}))
        self.git("add", "dvc.lock")
        self.git("commit", "-q", "-m", tag)
        self.git("tag", tag)


def jsonl(lines) -> bytes:
    return "".join(json.dumps(line) + "\n" for line in lines).encode()
