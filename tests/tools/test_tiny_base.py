"""tools/tiny_base: its words, its split, and the way from an imagefolder to a base that likeness loads."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf
from PIL import Image

from likeness.diffusion.config import BaseModelConfig
from likeness.diffusion.load import load_base
from tools.tiny_base import captions, decoder, describe, evaluate, export, features, identity, unet, vae
from tools.tiny_base.data import is_held_out, load_faces
from tools.tiny_base.run import load_config
from tools.tiny_base.tokenizer import build_tokenizer

MADE = (
    "a photo of a woman with long red hair, smiling, wearing a teal shirt, turned to the left, "
    "plain blue background"
)
SAID = {
    "framing": "close-up photo",
    "pose": "facing the camera",
    "hair": "reddish brown hair",
    "clothes": None,
}


def test_a_makers_caption_is_split_into_its_traits():
    made = captions.split_caption(MADE)
    assert made["who"] == "woman"
    assert (made["hair"], made["clothes"]) == ("long red hair", "wearing a teal shirt")
    assert captions.split_caption("two dogs") == {"text": "two dogs"}


@given(st.integers(0, 10_000))
def test_a_caption_says_who_and_only_what_was_said(seed):
    text = captions.compose(MADE, SAID, np.random.default_rng(seed))
    assert "woman" in text
    spoken = {*captions.split_caption(MADE).values(), *filter(None, SAID.values()), *captions.FRAMINGS}
    phrases = text.split(", ")[1:]
    assert "a photo of a woman" in text or all(phrase in spoken for phrase in phrases)


@given(st.text(st.characters(codec="ascii", categories=["Ll"]), min_size=1, max_size=12))
def test_known_words_are_one_token_and_unknown_ones_are_spelled(word):
    tokenizer = build_tokenizer(["woman", "hair", "background"], 77)
    assert len(tokenizer("woman").input_ids) == 3  # with start and end
    assert tokenizer.decode(tokenizer(word).input_ids, skip_special_tokens=True).strip() == word


def test_a_person_is_held_out_by_name_alone():
    names = [f"g001_{number:05}" for number in range(4000)]
    held = [name for name in names if is_held_out(name, 0.05)]
    assert 0.04 < len(held) / len(names) < 0.06
    assert set(held) <= {name for name in names if is_held_out(name, 0.1)}


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """An imagefolder of the demo's people, and a config of seconds."""
    place, synthetic_people = tmp_path_factory.mktemp("tiny_base"), Path(__file__).parents[1] / "photos"
    photos = sorted(
        [*(synthetic_people / "sources").glob("*.jpg"), *(synthetic_people / "targets").glob("*.jpg")]
    )
    lines = []
    (place / "set").mkdir()
    for number, photo in enumerate(photos):
        with Image.open(photo) as image:
            side = min(image.size)
            square = image.convert("RGB").crop((0, 0, side, side)).resize((256, 256))
        square.save(place / "set" / f"{number:02}.jpg", quality=95)
        lines.append({"file_name": f"{number:02}.jpg", "identity": f"p{number // 2}", "text": MADE})
    (place / "set/metadata.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n")
    quick = OmegaConf.create({
        "data": {"held_out_share": 0.4}, "features": {"minutes": 0.01, "batch": 4},
        "vae": {"minutes": 0.03, "channels": [8, 8, 16, 16], "warmup_steps": 1, "batch": 1},
        "decoder": {"minutes": 0.02, "batch": 1},
        "text": {"width": 32, "layers": 2, "heads": 2},
        "unet": {"hours": 0.0005, "channels": [16, 16, 16], "heads": [1, 1, 1], "groups": 8, "batch": 4},
        "sample": {"steps": 2},
    })  # fmt: skip
    return OmegaConf.merge(load_config(place / "set", place / "work"), quick)


@pytest.mark.slow
@pytest.mark.long
def test_an_imagefolder_becomes_a_base_that_likeness_loads(small):
    steps = (describe, features, vae, decoder, identity, unet, export)
    assert all(step.main(small) for step in steps)
    assert evaluate.main(small, count=10)
    folder = f"{small.work}/base"
    base = load_base(
        BaseModelConfig(
            architecture="sdxl", source=folder, revision=None, variant=None, config=None, seed=None, cpu_threads=1,
            quantize=None, prediction=None, name="small",
        ),
        device="cpu",
    )  # fmt: skip
    latents = base.encode_image(np.zeros((128, 128, 3), np.uint8))
    assert latents.shape == (8, 16, 16)
    said = json.loads(Path(folder, "training.json").read_text())
    assert said["data_sha256"] == load_faces(small).digest


def test_an_explicit_picture_is_not_trained_on(small, tmp_path):
    before = load_faces(small)
    work = tmp_path / "work"
    shutil.copytree(small.work, work)
    records = [{"faces": 1, "explicit": 0.0, "said": {}} for _ in before.rows]
    records[int(before.train[0])]["explicit"] = 0.5
    (work / "described.jsonl").write_text("\n".join(map(json.dumps, records)))
    after = load_faces(OmegaConf.merge(small, {"work": str(work)}))
    assert set(before.train) - set(after.train) == {before.train[0]}
