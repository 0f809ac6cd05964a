"""`likeness diff` between two versions of 10,000 pictures, 100 of them with another caption and 100 with other pixels.

Prints the seconds of the command, and of python reading the same manifests line by line (the floor)."""

import hashlib
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

PICTURES = 10_000
FOLDERS = ("ingested", "swapped", "resized", "enhanced", "captions", "lora_training")
STAGES = ("ingest", "swap", "resize", "enhance", "caption", "dataset")
FACE = {
    "box_px": [301.25, 212.5, 340.75, 420.0], "score": 0.93, "yaw_deg": -3.25, "pitch_deg": 2.5, "sharpness": 143.2,
    "age_years": 31.0, "roll_deg": 1.5, "mouth_open": 0.02, "eyes_open": 0.3,
}  # fmt: skip


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def put(cache: Path, data: bytes, suffix: str = "") -> str:
    md5 = hashlib.md5(data, usedforsecurity=False).hexdigest() + suffix
    (cache / md5[:2]).mkdir(parents=True, exist_ok=True)
    (cache / md5[:2] / md5[2:]).write_bytes(data)
    return md5


def version(folder: Path, number: int) -> list[Path]:
    """One commit of dvc.lock, with its manifests in the cache; their paths there."""
    cache, stages, manifests = folder / ".dvc/cache/files/md5", {}, []
    for name, stage in zip(FOLDERS, STAGES, strict=True):
        lines = []
        for one in range(PICTURES):
            drawn = number if name in FOLDERS[3:] and one % 100 == 0 else 0
            said = number if name in FOLDERS[4:] and one % 100 == 1 else 0
            pixels = digest(f"{name} {one} {drawn}")
            lines.append(
                json.dumps(
                    {
                        "id": f"jade-s{one}",
                        "file": f"jade-s{one}-sfw.jpg",
                        "sha256": pixels,
                        "source": f"s{one}",
                        "target": None,
                        "width": 2048,
                        "height": 2048,
                        "rating": "sfw",
                        "faces": [FACE],
                        "provider": "local",
                        "cost_usd": 0.0,
                        "parents": [digest(f"parent {one}")],
                        "text": f"jade woman, a portrait, number {one} {said}",
                    }
                )
            )
        data = ("\n".join(lines) + "\n").encode()
        manifest, failures = put(cache, data), put(cache, b"")
        manifests.append(cache / manifest[:2] / manifest[2:])
        listing = [
            {"md5": manifest, "relpath": "manifest.jsonl"},
            {"md5": failures, "relpath": "failures.jsonl"},
        ]
        listing += [
            {"md5": digest(f"{name}{n}")[:32], "relpath": f"jade-s{n}-sfw.jpg"} for n in range(PICTURES)
        ]
        path = f"models/jade/{name}" if name == "lora_training" else f"data/jade/{name}"
        out = {"path": path, "md5": put(cache, json.dumps(listing).encode(), ".dir")}
        settings = {"params.yaml": {stage: {"quality": number}}}
        stages[f"{stage}@jade"] = {"outs": [out], "deps": [], "params": settings}
    (folder / "dvc.lock").write_text(yaml.safe_dump({"schema": "2.0", "stages": stages}))
    subprocess.run(["git", "add", "dvc.lock"], cwd=folder, check=True)
    identity = ("-c", "user.name=bench", "-c", "user.email=bench@localhost")
    subprocess.run(["git", *identity, "commit", "-qm", f"version {number}"], cwd=folder, check=True)
    subprocess.run(["git", "tag", f"v{number}"], cwd=folder, check=True)
    return manifests


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
        manifests = [*version(folder, 1), *version(folder, 2)]
        began = time.process_time()
        for manifest in dict.fromkeys(manifests):
            for line in manifest.read_bytes().splitlines():
                json.loads(line)
        floor = time.process_time() - began
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        said = subprocess.run(
            [sys.executable, "-m", "likeness", "diff", "v1", "v2", "--json"],
            cwd=folder,
            check=True,
            capture_output=True,
            env={"PYTHONPATH": str(Path(__file__).parents[1]), "PATH": "/usr/bin:/bin"},
        ).stdout
        wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        found = json.loads(said)["jade"]["changes"]
        result = {
            "bench": "diff",
            "pictures": PICTURES,
            "changes": len(found),
            "wall_s": round(wall, 2),
            "cpu_s": round(cpu, 2),
            "reading_json_s": round(floor, 2),
        }
        sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
