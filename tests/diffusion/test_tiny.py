"""The base that ships with likeness: whole, small, and able to draw a face."""

import json

import cv2
import numpy as np
import pytest
from conf_sections import section
from PIL import Image

from likeness.diffusion.bases import Base
from likeness.diffusion.config import BaseModelConfig
from likeness.diffusion.generate import GenerationRequest, generate
from likeness.diffusion.load import TINY_FOLDER, load_base
from likeness.faces import FaceAnalyzer

PROMPTS = (
    "a woman, head and shoulders photo, facing the camera, long red hair, wearing a black top, plain blue background",
    "a man, head and shoulders photo, facing the camera, short black hair, wearing a white shirt, plain green background",
)


@pytest.fixture(scope="module")
def tiny() -> Base:
    """conf/base/tiny.yaml."""
    return load_base(
        BaseModelConfig.model_validate(section("base/tiny.yaml")),
        device="cpu",
    )


def test_its_files_are_small_and_say_where_they_come_from():
    files = [file for file in TINY_FOLDER.rglob("*") if file.is_file()]
    assert sum(file.stat().st_size for file in files) < 40_000_000
    said = json.loads((TINY_FOLDER / "training.json").read_text())
    assert {"seed", "data_sha256", "steps", "license"} <= said.keys()
    assert said["data_sha256"] in (TINY_FOLDER / "README.md").read_text()


def test_its_autoencoder_keeps_photographs_it_never_saw(tiny, synthetic_people):
    for path in sorted((synthetic_people / "sources").glob("*.jpg"))[:3]:
        with Image.open(path) as image:
            side = min(image.size)
            wanted = np.asarray(image.convert("RGB").crop((0, 0, side, side)).resize((128, 128)))
        error = tiny.decode_latents(tiny.encode_image(wanted)).astype(float) - wanted
        assert 10 * np.log10(255**2 / (error**2).mean()) > 25


@pytest.mark.slow
def test_it_draws_faces_and_follows_the_words(tiny):
    shots = [
        GenerationRequest(
            prompt=text, negative_prompt="", seed=seed, steps=16, guidance_scale=4.0, side_px=128
        )
        for text in PROMPTS
        for seed in (1, 2)
    ]
    pictures = generate(tiny, shots)
    analyzer = FaceAnalyzer()
    found = [analyzer.faces(np.asarray(cv2.resize(one, (512, 512)), np.uint8)) for one in pictures]
    assert sum(len(faces) == 1 for faces in found) >= 3
    corners = [one[:16, :16].reshape(-1, 3).mean(0) for one in pictures]
    assert all(corner.argmax() == 2 for corner in corners[:2]), "the background was to be blue"
    assert all(corner.argmax() == 1 for corner in corners[2:]), "the background was to be green"
