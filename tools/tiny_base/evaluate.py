"""Measures WORK/base on captions not seen in training; writes base.scores.json and base.sheet.png. What is measured:
- a face is found (likeness.faces, pictures enlarged as the captioner does),
- colours of hair, clothes and background follow the caption, in CIELAB: hair where likeness.caption measures it, clothes
  at the lower edge, background in the upper corners,
- PSNR of the VAE on held-out pictures,
- how near samples are to the nearest training picture, against held-out pictures (root mean square, 32x32 px).
"""

import json
from pathlib import Path

import cv2
import diffusers
import numpy as np
import torch
from omegaconf import DictConfig

from likeness.caption.colour import NAMES, name_indices
from likeness.caption.regions import Portrait
from likeness.faces import FaceAnalyzer
from tools.tiny_base.captions import plain, split_caption
from tools.tiny_base.data import load_faces, read_described, resized
from tools.tiny_base.describe import subject_of
from tools.tiny_base.run import psnr, sheet
from tools.tiny_base.vae import held_out_pictures, reconstruct

CAPTIONS = 200
MEASURED_PX = 1024  # the captioner's size
COMPARED_PX = 32
SHEET_COLUMNS = 10
FIRST_SHARE = 0.3  # of a region's pixels, for its colour to count as there
# A made colour and the names its shades have in likeness.caption.colour, in light and shadow.
ALIKE: dict[str, set[str]] = {
    "white": {"white", "grey", "beige"}, "grey": {"grey", "white", "black"}, "black": {"black", "grey", "brown"},
    "blue": {"blue"}, "green": {"green"}, "red": {"red", "reddish brown", "orange"}, "purple": {"purple", "blue"},
    "brown": {"brown", "reddish brown", "black", "orange"}, "beige": {"beige", "white", "brown"},
    "orange": {"orange", "yellow", "brown", "red"}, "yellow": {"yellow", "brown", "green", "beige"},
    "teal": {"teal", "green", "blue"}, "pink": {"pink", "purple", "red", "white"},
    "blonde": {"beige", "brown", "yellow", "orange", "white"},
}  # fmt: skip


def main(cfg: DictConfig, count: int = CAPTIONS) -> bool:
    """Draw `count` held-out captions and measure."""
    folder = Path(cfg.work) / "base"
    faces = load_faces(cfg)
    said = [one["said"] for one in read_described(Path(cfg.work))]
    chosen = faces.held_out[np.linspace(0, len(faces.held_out) - 1, count).astype(int)]
    texts = [plain(faces.rows[index]["text"], said[index]) for index in chosen]
    pipeline = diffusers.StableDiffusionXLPipeline.from_pretrained(folder, dtype=torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    drawn = np.stack([_draw(pipeline, text, seed, cfg) for seed, text in enumerate(texts)])
    held = np.stack([resized(faces.pixels[index], cfg.data.side_px) for index in chosen])
    train = np.stack([resized(faces.pixels[index], COMPARED_PX) for index in faces.train])
    every_tenth = held_out_pictures(faces, cfg, 100)
    made = [split_caption(faces.rows[index]["text"]) for index in chosen]
    values = psnr(every_tenth, reconstruct(pipeline.vae, every_tenth))
    scores = {
        "captions": count,
        "drawn": _measured(drawn, made),
        "held_out": _measured(held, made),
        "vae_psnr_db": {
            "mean": round(float(values.mean()), 2),
            "p5": round(float(np.percentile(values, 5)), 2),
        },
        "nearest_training_rms": {"drawn": _nearest(drawn, train), "held_out": _nearest(held, train)},
    }
    Path(f"{folder}.scores.json").write_text(json.dumps(scores, indent=1) + "\n")
    rows = [
        pictures[first : first + SHEET_COLUMNS]
        for first in range(0, min(count, 40), SHEET_COLUMNS)
        for pictures in (held, drawn)
    ]
    sheet([row for row in rows if len(row) == SHEET_COLUMNS], Path(f"{folder}.sheet.png"))
    print(json.dumps(scores, indent=1))
    return True


@torch.no_grad()
def _draw(pipeline, text: str, seed: int, cfg) -> np.ndarray:
    image = pipeline(
        text,
        negative_prompt="",
        height=cfg.data.side_px,
        width=cfg.data.side_px,
        num_inference_steps=cfg.sample.steps,
        guidance_scale=cfg.sample.guidance_scale,
        generator=torch.Generator("cpu").manual_seed(seed),
        output_type="np",
    ).images[0]
    return (image * 255).round().astype(np.uint8)


def _measured(pictures: np.ndarray, made: list[dict[str, str]]) -> dict[str, float]:
    """Shares: of pictures with a face, and per region of those whose colour is the caption's."""
    analyzer, found, hits = FaceAnalyzer(), 0, {"hair": [], "clothes": [], "background": []}
    for pixels, caption in zip(pictures, made, strict=True):
        big = np.asarray(
            cv2.resize(pixels, (MEASURED_PX, MEASURED_PX), interpolation=cv2.INTER_CUBIC), np.uint8
        )
        seen = analyzer.faces(big)
        found += bool(seen)
        if seen:
            subject = subject_of(big, seen[0])
            for region, hit in hits.items():
                if (right := _follows(subject, region, caption[region])) is not None:
                    hit.append(right)
    shares = {region: round(float(np.mean(hit)), 3) if hit else 0.0 for region, hit in hits.items()}
    judged = {f"{region}_judged": len(hit) for region, hit in hits.items()}
    return {"face": round(found / len(pictures), 3), **shares, **judged}


def _follows(subject: Portrait, region: str, phrase: str) -> bool | None:
    """Whether a colour that the caption gives a region covers a good share of it; None without pixels."""
    colours = {"hair": subject.hair(), "clothes": _lowest(subject), "background": _corners(subject)}[region]
    wanted = {name for word in phrase.split() for name in ALIKE.get(word, set())}
    if not len(colours) or not wanted:
        return None
    names = np.bincount(name_indices(colours), minlength=len(NAMES)) / len(colours)
    return bool(sum(names[NAMES.index(name)] for name in wanted) >= FIRST_SHARE)


def _corners(subject: Portrait) -> np.ndarray:
    """Colours of the upper corners, an eighth of the side wide: near faces leave little else of the background."""
    side = len(subject.lab) // 8
    return np.concatenate([subject.lab[:side, :side], subject.lab[:side, -side:]]).reshape(-1, 3)


def _lowest(subject: Portrait) -> np.ndarray:
    """Colours of the lowest twelfth's middle half: what is worn."""
    height, width = subject.lab.shape[:2]
    return subject.lab[-height // 12 :, width // 4 : -width // 4].reshape(-1, 3)


def _nearest(pictures: np.ndarray, train: np.ndarray) -> dict[str, float]:
    small = np.stack([resized(picture, COMPARED_PX) for picture in pictures]).reshape(len(pictures), -1)
    flat = train.reshape(len(train), -1).astype(np.float32)
    distances = [float(np.sqrt(((flat - one.astype(np.float32)) ** 2).mean(1)).min()) for one in small]
    return {
        name: round(float(np.percentile(distances, part)), 2) for name, part in (("p5", 5), ("median", 50))
    }
