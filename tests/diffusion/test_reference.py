"""A reference picture changes what is drawn, with and without a LoRA, and leaves the base as it was."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from lora_runs import run_in, train_config
from reference_files import write_adapter

from likeness.diffusion.config import IpAdapterConfig
from likeness.diffusion.families import bases
from likeness.diffusion.generate import GenerationRequest, generate
from likeness.diffusion.reference import Reference, find_adapter
from likeness.errors import ConfigError
from likeness.lora.load import loaded_lora

SHOT = GenerationRequest(
    prompt="jade woman", negative_prompt="", seed=1, steps=2, guidance_scale=4.0, side_px=64
)
LEFT, RIGHT = np.zeros((64, 64, 3), np.uint8), np.zeros((64, 64, 3), np.uint8)
LEFT[:, :32], RIGHT[:, 32:] = 230, (20, 200, 90)


def reference(base, folder: Path, rgb=LEFT) -> Reference:
    """A picture, with a random adapter where the base needs one."""
    adapter = None
    if base.REFERENCE == "ip_adapter":
        adapter = find_adapter(write_adapter(base, folder), folder, None)
    return Reference(rgb=rgb, sha256="1" * 64, adapter=adapter)


@pytest.mark.parametrize(
    "architecture",
    [
        pytest.param(name, marks=() if name == "sd15" else pytest.mark.slow)
        for name, base in bases().items()
        if base.REFERENCE
    ],
)
def test_the_picture_that_is_drawn_after_counts_and_the_base_stays(tmp_path, folder, fresh, architecture):
    run = run_in(tmp_path, folder, train_config(architecture, steps=3), architecture=architecture)
    file = tmp_path / "jade-v1.safetensors"
    file.write_bytes(run.data)
    base = fresh(architecture)
    shown = reference(base, tmp_path)
    (before,) = generate(base, [SHOT])
    (after_left,) = generate(base, [SHOT], reference=shown)
    (again,) = generate(base, [SHOT], reference=shown)
    (after_right,) = generate(base, [SHOT], reference=replace(shown, rgb=RIGHT))
    with loaded_lora(base, file):
        (both,) = generate(base, [SHOT], reference=shown)
        (lora,) = generate(base, [SHOT])
    (plain,) = generate(base, [SHOT])
    assert np.array_equal(after_left, again)
    assert np.array_equal(before, plain)
    drawn = [before, after_left, after_right, lora, both]
    assert len({picture.tobytes() for picture in drawn}) == len(drawn)
    assert not any(layer.requires_grad for layer in base.network.parameters())


def test_a_base_that_cannot_says_so(fresh, tmp_path):
    base = fresh("zimage")
    with pytest.raises(ConfigError, match="Z-Image draws after no reference picture") as caught:
        generate(base, [SHOT], reference=reference(base, tmp_path))
    assert "FLUX.2" in (caught.value.remedy or "")


def test_an_adapter_of_another_base_and_a_missing_one_are_told(fresh, tmp_path):
    sdxl, sd15 = fresh("sdxl"), fresh("sd15")
    (before,) = generate(sd15, [SHOT])
    (tmp_path / "sdxl").mkdir()
    shown = reference(sdxl, tmp_path / "sdxl")
    with pytest.raises(ConfigError) as caught:
        generate(sd15, [SHOT], reference=shown)
    assert caught.value.reason == "ip-adapter-misfit"
    assert np.array_equal(before, generate(sd15, [SHOT])[0])
    with pytest.raises(ConfigError, match=r"evaluate\.ip_adapter is null"):
        generate(sd15, [SHOT], reference=replace(shown, adapter=None))
    missing = IpAdapterConfig(weights="gone.safetensors", image_encoder="gone", scale=0.6)
    with pytest.raises(ConfigError) as caught:
        find_adapter(missing, tmp_path, None)
    assert caught.value.reason == "ip-adapter-missing"


def test_the_digest_covers_adapter_and_encoder(fresh, tmp_path):
    cfg = write_adapter(fresh("sd15"), tmp_path)
    before = find_adapter(cfg, tmp_path, None).digest
    encoder = next((tmp_path / cfg.image_encoder).glob("*.safetensors"))
    encoder.write_bytes(encoder.read_bytes() + b"\0")
    assert find_adapter(cfg, tmp_path, None).digest != before
