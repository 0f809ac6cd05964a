"""Does a LoRA on the tiny base teach a person? `python -m bench.identity_gain IMAGEFOLDER [SHEET.png]`, after `make demo`.

Twenty seeds of one prompt are drawn by the base, by jade's LoRA with and without her name, and by the LoRA of somebody
else: a person of the imagefolder (tools/tiny_base/CARD.md) whom the base never saw, taught with the same settings. Printed: SFace
similarity to jade's held-out photographs with 95 % intervals; the sheet shows them all.
"""

import json
import statistics
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np
import yaml
from numpy.typing import NDArray
from PIL import Image

from likeness.diffusion.bases import Base
from likeness.diffusion.config import BaseModelConfig
from likeness.diffusion.generate import GenerationRequest, generate
from likeness.diffusion.load import load_base
from likeness.digests import sha256_file
from likeness.faces import FaceAnalyzer, similarity
from likeness.images import load_rgb
from likeness.lora.adapter import remove_lora
from likeness.lora.load import loaded_lora
from likeness.pipeline.manifest import read_manifest
from likeness.store.items import ItemStore
from likeness.train.config import TrainConfig
from likeness.train.native.checkpoint import RunFolder
from likeness.train.native.data import read_examples
from likeness.train.native.job import prepare
from likeness.train.native.metadata import Facts

ROOT = Path(__file__).parents[1]
SEEDS = range(101, 121)
PROMPT = (
    "{name} woman, head and shoulders photo, facing the camera, neutral expression, plain grey background"
)
OTHER = "mara"  # what the other person is called
T_95 = 2.093  # Student's t for 19 degrees of freedom
MEASURED_PX = 512
HELD_OUT_SHARE = 0.05  # as in tools/tiny_base/config.yaml


def main(imagefolder: Path, sheet: Path) -> None:
    """Draw, measure, print, and lay out what a person judges by eye."""
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    cfg, base_cfg = (
        TrainConfig.model_validate(params["train"]),
        BaseModelConfig.model_validate(params["base"]),
    )
    base, analyzer = load_base(base_cfg, device=cfg.system.device), FaceAnalyzer()
    ingested = ROOT / "data/jade/ingested"
    photos = [load_rgb(ingested / one.file) for one in read_manifest(ingested).entries if one.held_out]
    wanted = [analyzer.faces(photo)[0].embedding for photo in photos]
    with tempfile.TemporaryDirectory() as place:
        other = train_on(somebody(imagefolder, Path(place) / "set"), base, cfg, Path(place))
        jade = ROOT / "models/jade/jade-v1.safetensors"
        arms = {
            "base": (None, "jade"),
            "jade's LoRA": (jade, "jade"),
            "jade's LoRA, a woman": (jade, "a"),
            f"{OTHER}'s LoRA": (other, OTHER),
        }
        drawn = {arm: draw(base, lora, name, cfg.data.side_px) for arm, (lora, name) in arms.items()}
    print(
        json.dumps(
            {"bench": "identity_gain", "seeds": len(SEEDS), "prompt": PROMPT, "steps": cfg.schedule.steps}
            | {arm: scores(pictures, wanted, analyzer) for arm, pictures in drawn.items()}
        )
    )
    rows = [np.concatenate(pictures, 1) for pictures in drawn.values()]
    held_out = [
        cv2.resize(photo[: min(photo.shape[:2]), : min(photo.shape[:2])], (128, 128)) for photo in photos
    ]
    blank = np.full((128, rows[0].shape[1] - 128 * len(held_out), 3), 255, np.uint8)
    Image.fromarray(np.concatenate([*rows, np.concatenate([*held_out, blank], 1)])).save(sheet)


def somebody(imagefolder: Path, folder: Path) -> Path:
    """A Kohya folder of the first woman of the imagefolder that the base was not trained on."""
    from tools.tiny_base.data import is_held_out

    lines = [json.loads(line) for line in (imagefolder / "metadata.jsonl").read_text().splitlines()]
    people = sorted({line["identity"] for line in lines if "woman" in line["text"]})
    person = next(one for one in people if is_held_out(one, HELD_OUT_SHARE))
    images = folder / "train"
    images.mkdir(parents=True)
    rows: list[str] = []
    for line in (line for line in lines if line["identity"] == person):
        photo = images / line["file_name"]
        photo.write_bytes((imagefolder / line["file_name"]).read_bytes())
        text = line["text"].replace("a photo of a woman", f"{OTHER} woman, close-up photo", 1)
        face = FaceAnalyzer().faces(load_rgb(photo))[0]
        rows.append(
            json.dumps(
                {
                    "file_name": photo.name,
                    "text": text,
                    "sha256": sha256_file(photo),
                    "repeats": 10,
                    "face_box_px": face.box_px,
                }
            )
        )
    (images / "metadata.jsonl").write_text("\n".join(rows) + "\n")
    return folder


def train_on(folder: Path, base: Base, cfg: TrainConfig, place: Path) -> Path:
    """A LoRA of the folder's person, as the stage train makes it."""
    facts = Facts(
        title="other",
        trigger=OTHER,
        class_word="woman",
        consent_id="synthetic",
        training_set_sha256="0" * 64,
        base=base,
    )
    examples = read_examples(folder, face_fraction=cfg.data.face_fraction)
    job = prepare(base, examples, cfg, ItemStore(place / "items"), facts)
    trained = job.train(RunFolder(place / "run", key=job.key, kept=1))
    remove_lora(base)
    file = place / "other.safetensors"
    file.write_bytes(job.file(dict(trained.parameters), trained.step))
    return file


def draw(base: Base, lora: Path | None, name: str, side_px: int) -> list[NDArray[np.uint8]]:
    """A picture a seed."""
    evaluate = yaml.safe_load((ROOT / "params.yaml").read_text())["evaluate"]
    shots = [
        GenerationRequest(
            prompt=PROMPT.format(name=name),
            negative_prompt="",
            seed=seed,
            steps=evaluate["steps"],
            guidance_scale=evaluate["guidance_scale"],
            side_px=side_px,
        )
        for seed in SEEDS
    ]
    with loaded_lora(base, lora):
        return generate(base, shots)


def scores(
    pictures: list[NDArray[np.uint8]], wanted: list[NDArray[np.floating]], analyzer: FaceAnalyzer
) -> dict[str, float]:
    """Mean similarity of the faces found to the held-out photographs, with the half width of its 95 % interval."""
    found: list[float] = []
    for pixels in pictures:
        big = cv2.resize(pixels, (MEASURED_PX, MEASURED_PX), interpolation=cv2.INTER_CUBIC)
        if seen := analyzer.faces(np.asarray(big, np.uint8)):
            found.append(statistics.fmean(similarity(seen[0].embedding, one) for one in wanted))
    if len(found) < 2:
        return {"faces": len(found)}
    half = T_95 * statistics.stdev(found) / len(found) ** 0.5
    return {"faces": len(found), "similarity": round(statistics.fmean(found), 3), "interval": round(half, 3)}


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2] if len(sys.argv) > 2 else "teaches.png"))
