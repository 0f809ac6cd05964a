"""A file that holds no whole base of the family that is asked for is refused, or told."""

import json
import os

import pytest
import torch
from lora_runs import base_config
from safetensors.torch import load_file, save_file

from likeness.diffusion.load import load_base
from likeness.errors import ConfigError

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("tensors", "words"),
    [
        (
            lambda found: {name: one for name, one in found.items() if not name.startswith("first_stage")},
            "AutoencoderKL",
        ),
        (
            lambda found: {name: one for name, one in found.items() if "layers.0.mlp" not in name},
            "text_encoder lacks 4 tensors",
        ),
        (lambda found: {name: one.to(torch.int8) for name, one in found.items()}, r"whole numbers \(I8\)"),
        (lambda found: {"lora_unet_x.lora_down.weight": torch.ones(2, 2)}, "could not be loaded as sd15"),
    ],
)
def test_a_file_that_holds_no_whole_model_is_refused(single, tensors, words):
    with pytest.raises(ConfigError, match=words) as caught:
        load_base(single(tensors=tensors), device="cpu")
    assert "from_pretrained" not in str(caught.value)


@pytest.mark.parametrize("start", ["model.", "first_stage_model.", "cond_stage_model."])
def test_a_file_of_broken_numbers_is_refused(single, start):
    def broken(found):
        return {name: one * torch.nan if name.startswith(start) else one for name, one in found.items()}

    with pytest.raises(ConfigError, match="holds numbers that are infinite or not a number"):
        load_base(single(tensors=broken), device="cpu")


def test_scaled_fp8_is_refused_and_plain_fp8_is_read(single):
    def fp8(found):
        return {name: one.to(torch.float8_e4m3fn) for name, one in found.items()}

    assert load_base(single(tensors=fp8), device="cpu").prediction == "epsilon"
    name = "model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.scale_weight"
    with pytest.raises(ConfigError, match="scaled fp8"):
        load_base(single(tensors=lambda found: fp8(found) | {name: torch.ones(())}), device="cpu")


def test_a_file_that_says_another_architecture_than_its_shapes_is_told(single, capsys):
    load_base(single(metadata={"modelspec.architecture": "stable-diffusion-v1"}), device="cpu")
    assert capsys.readouterr().err == ""
    load_base(single(metadata={"modelspec.architecture": "stable-diffusion-v2-768-v"}), device="cpu")
    assert "say stable-diffusion-v2-768-v, and its shapes are those of sd15" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["model.ckpt", "model.pt", "model.gguf"])
def test_a_format_that_can_run_code_is_named(in_tmp, name):
    (in_tmp / name).write_bytes(b"PK")
    with pytest.raises(ConfigError, match=f"{name}' is no .safetensors file"):
        load_base(base_config("sd15", source=name, config=".", seed=None), device="cpu")


def test_sd15_is_not_read_as_sdxl(single, tmp_path, fresh):
    cfg = single()
    fresh("sdxl").pipeline.save_pretrained(tmp_path / "xl")
    wrong = cfg.model_copy(update={"architecture": "sdxl", "config": str(tmp_path / "xl")})
    with pytest.raises(ConfigError, match="could not be loaded as sdxl"):
        load_base(wrong, device="cpu")


def test_a_pipe_is_not_waited_at(in_tmp):
    os.mkfifo("base.safetensors")
    with pytest.raises(ConfigError, match="is a pipe"):
        load_base(base_config("sd15", source="base.safetensors", config=".", seed=None), device="cpu")


def test_the_shapes_of_sd2_are_not_taken_for_sd15(tmp_path, in_tmp, single, fresh):
    cfg = single()
    tensors = load_file(cfg.source)
    name = next(name for name in sorted(tensors) if name.endswith("attn2.to_k.weight"))
    save_file(tensors | {name: torch.zeros(32, 1024)}, cfg.source)
    with pytest.raises(ConfigError, match=r"is SD 2\.x \(its UNet reads 1024") as caught:
        load_base(cfg, device="cpu")
    assert caught.value.reason == "base-kind"
    pipeline = fresh("sd15").pipeline
    pipeline.unet = type(pipeline.unet).from_config(
        dict(pipeline.unet.config) | {"cross_attention_dim": 1024}
    )
    pipeline.save_pretrained(tmp_path / "folder")
    assert (
        json.loads((tmp_path / "folder" / "unet" / "config.json").read_text())["cross_attention_dim"] == 1024
    )
    with pytest.raises(ConfigError, match=r"SD 2\.x"):
        load_base(base_config("sd15", source=str(tmp_path / "folder"), seed=None), device="cpu")
