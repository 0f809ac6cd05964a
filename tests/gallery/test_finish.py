"""The real drawer, gates and marks."""

import uuid
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from lora_runs import train_config
from PIL import Image
from safetensors.torch import save_file

from gallery.generation.diffusers import DiffusersDrawer, size_px
from gallery.generation.drawing import Shot
from gallery.generation.finish import LikenessFinisher
from likeness.config import Config, load_config
from likeness.digests import sha256_file
from likeness.errors import InputError
from likeness.images import PNG, RGB, decode_rgb, load_rgb
from likeness.lora import load
from likeness.lora.adapter import add_lora, lora_tensors, remove_lora
from likeness.lora.export import kohya_tensors
from likeness.lora.file import read_file
from likeness.marks import claims, xmp
from likeness.paths import PARAMS
from likeness.safety.consent import load_consent

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def config() -> Config:
    whole = load_config(ROOT / PARAMS)
    return whole.model_copy(update={"evaluate": whole.evaluate.model_copy(update={"steps": 1})})


@pytest.fixture
def finisher(config: Config, tmp_path: Path) -> LikenessFinisher:
    return LikenessFinisher(config=config, folder=tmp_path, keys=tmp_path / "keys")


def small(photo: Path) -> RGB:
    """The whole photograph, 512 px wide."""
    image = Image.fromarray(load_rgb(photo))
    return np.asarray(image.resize((512, round(image.height * 512 / image.width))))


def test_a_picture_of_the_person_passes_and_carries_all_marks(
    finisher: LikenessFinisher, synthetic_people: Path
) -> None:
    consent, name = load_consent(ROOT / "consent", "jade"), uuid.uuid4()
    rgb = small(synthetic_people / "sources" / "jade_01.jpg")
    done = finisher.finish(rgb, consent, name, "d" * 64)
    assert done.likeness is not None
    assert done.likeness > 0.5
    found = claims.read(done.png, PNG)
    assert found is not None
    assert found.valid
    assert found.publication["picture"] == str(name)
    assert found.publication["weights"] == ["d" * 64]
    assert "no_mark_in_pixels" not in found.publication
    assert xmp.find_code(done.thumbnail) == xmp.SourceType.TRAINED
    assert decode_rgb(done.png, name="x").shape == rgb.shape
    assert set(done.pdq) == {"0", "1"}


@pytest.mark.parametrize(
    "shown",
    ["targets/04_adaeze.jpg", "others/kofi.jpg", "beside jade", "extras/no_face.jpg", "noise"],
)
def test_a_picture_that_does_not_show_the_person_alone_is_refused(
    finisher: LikenessFinisher, synthetic_people: Path, shown: str
) -> None:
    consent = load_consent(ROOT / "consent", "jade")
    if shown == "noise":
        rgb = np.random.default_rng(7).integers(0, 256, (256, 256, 3), np.uint8)
    elif shown == "beside jade":
        two = small(synthetic_people / "sources/jade_01.jpg"), small(synthetic_people / "others/kofi.jpg")
        rgb = np.hstack([one[:640] for one in two])
    else:
        rgb = small(synthetic_people / shown)
    with pytest.raises(InputError) as refused:
        finisher.finish(rgb, consent, uuid.uuid4(), "d" * 64)
    assert (refused.value.reason, refused.value.kind) == ("unknown-face", "refused")


def test_a_gallery_may_ask_for_more_likeness_than_the_floors(
    finisher: LikenessFinisher, synthetic_people: Path
) -> None:
    consent = load_consent(ROOT / "consent", "jade")
    rgb = small(synthetic_people / "sources" / "jade_01.jpg")
    with pytest.raises(InputError) as refused:
        replace(finisher, least=0.99).finish(rgb, consent, uuid.uuid4(), "d" * 64)
    assert refused.value.reason == "unlike"


def test_the_base_stays_open_and_draws_what_is_asked(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.set_num_threads(1)
    drawer = DiffusersDrawer(config=config)
    parameters = add_lora(drawer.base, train_config(blocks=["mid_block"], targets=["to_q"]).lora, seed=1)
    tensors = kohya_tensors(drawer.base, lora_tensors(parameters), alpha=2, dtype=torch.float32)
    remove_lora(drawer.base)
    file = tmp_path / "lora.safetensors"
    save_file({name: tensor + 0.05 if "up" in name else tensor for name, tensor in tensors.items()}, file)
    file = file.rename(tmp_path / f"{sha256_file(file)}.safetensors")
    shot = Shot(weights=file, prompt="jade woman", negative="", seed=3, strength=1.0, aspect="portrait")
    loads: list[Path] = []
    monkeypatch.setattr(load, "read_file", lambda path: (loads.append(path), read_file(path))[1])
    first, again = drawer.draw(shot), drawer.draw(shot)
    width, height = size_px(config.evaluate.side_px or config.train.data.side_px, "portrait")
    assert first.shape == (height, width, 3)
    assert height > width
    assert np.array_equal(first, again)
    weaker = Shot(**{**vars(shot), "strength": 0.0})
    assert not np.array_equal(first, drawer.draw(weaker))
    assert np.array_equal(first, drawer.draw(shot))
    assert loads == [file]  # once for pictures that follow each other, at any strength
    assert drawer.enlarge(first).shape[0] > height
    file.write_bytes(file.read_bytes()[:-4] + b"\0\0\0\1")
    with pytest.raises(InputError, match="not what they were"):
        drawer.draw(shot)
