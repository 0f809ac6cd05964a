"""Which embedder tells people apart at the base's size? Measured on the held-out people, whom no network here saw.

Every held-out picture goes through the VAE, as what the base draws does; then each pair is one of the same person or
of two. Printed and written to WORK/identity.json: the area under the ROC curve, and the mean similarity of both kinds.
"""

import json
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from omegaconf import DictConfig

from likeness.faces import FaceAnalyzer
from tools.tiny_base.data import load_faces, resized, to_tensor
from tools.tiny_base.features import load_features
from tools.tiny_base.vae import load_vae, reconstruct

MEASURED_PX = 512  # pictures are enlarged for the detector


def main(cfg: DictConfig) -> bool:
    """Compare SFace with the features of the perceptual term."""
    faces = load_faces(cfg)
    people = np.array([faces.rows[index]["identity"] for index in faces.held_out])
    pictures = np.stack([resized(faces.pixels[index], cfg.data.side_px) for index in faces.held_out])
    drawn = reconstruct(load_vae(cfg), pictures)
    features = load_features(cfg)
    with torch.no_grad():
        pooled = features.pooled(to_tensor(drawn)).numpy()
    scores = {
        "sface_full_size": _judged(_sface(faces.pixels[faces.held_out]), people),
        "sface": _judged(_sface(drawn), people),
        "features": _judged(pooled - pooled.mean(0), people),
    }
    (Path(cfg.work) / "identity.json").write_text(json.dumps(scores, indent=1) + "\n")
    print(json.dumps(scores, indent=1))
    return True


def _sface(pictures: NDArray[np.uint8]) -> NDArray[np.float64]:
    """SFace's embedding of the largest face [N,128]; not-a-number where none is found."""
    analyzer, found = FaceAnalyzer(), np.full((len(pictures), 128), np.nan)
    for number, pixels in enumerate(pictures):
        big = cv2.resize(pixels, (MEASURED_PX, MEASURED_PX), interpolation=cv2.INTER_CUBIC)
        if seen := analyzer.faces(np.asarray(big, np.uint8)):
            found[number] = seen[0].embedding
    return found


def _judged(vectors: NDArray[np.floating], people: NDArray[np.str_]) -> dict[str, float | None]:
    """How well cosine similarity separates pairs [N,D] of one person from pairs of two; None without pairs of both."""
    seen = ~np.isnan(vectors).any(1)
    unit = vectors[seen] / np.linalg.norm(vectors[seen], axis=1, keepdims=True)
    first, second = np.triu_indices(len(unit), 1)
    cosine, same = (unit @ unit.T)[first, second], people[seen][first] == people[seen][second]
    positives, negatives = int(same.sum()), int((~same).sum())
    if not positives or not negatives:
        return {"found": int(seen.sum()), "auc": None, "same": None, "others": None}
    ranks = np.argsort(np.argsort(cosine)) + 1.0
    area = (ranks[same].sum() - positives * (positives + 1) / 2) / (positives * negatives)
    return {
        "found": int(seen.sum()),
        "auc": round(float(area), 4),
        "same": round(float(cosine[same].mean()), 3),
        "others": round(float(cosine[~same].mean()), 3),
    }
