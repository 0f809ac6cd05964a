"""LoRAs of a part of a model, and layers of odd sizes, there and back."""

import pytest
import torch
from lora_files import (
    TO_K,
    half,
    named,
    write,
)
from safetensors.torch import load, save_file

from likeness.errors import InputError
from likeness.lora.convert import convert


def written(form, layers=("proj_in", "transformer_blocks.0.attn1.to_q"), start="lora_unet_"):
    """Kohya's names of one block; `form` is how a proj_in's matrices end, a convolution's are [.., 1, 1]."""
    tensors = {}
    for layer in layers:
        name = f"{start}mid_block_attentions_0_{layer.replace('.', '_')}"
        end = form if layer == "proj_in" else ()
        tensors[f"{name}.lora_down.weight"] = torch.randn(2, 64, *end)
        tensors[f"{name}.lora_up.weight"] = torch.randn(64, 2, *end)
        tensors[f"{name}.alpha"] = torch.tensor(1.0)
    return tensors


CLIP = "text_model_encoder_layers_0_self_attn_out_proj"  # without one, diffusers reads no text encoder's file
PARTIAL = {
    "a block, proj_in a matrix": (written(()), {}, "SDXL"),
    "a block, proj_in a convolution": (written((1, 1)), {}, "SD 1.x"),
    "attention alone, by what the file says": (
        written((), ["transformer_blocks.0.attn1.to_q"]), {"modelspec.architecture": "stable-diffusion-xl-v1-base/lora"}, "SDXL"),
    "attention alone": (
        written((), ["transformer_blocks.0.attn1.to_q"]), {"ss_base_model_version": "sd_v1"}, "SD 1.x"),
    "SD's text encoder alone": (
        named(lambda n: f"lora_te_{CLIP}", layers=(TO_K,), alpha=half), {"ss_base_model_version": "sd_v1"}, "SD 1.x"),
    "SDXL's second text encoder alone": (named(lambda n: f"lora_te2_{CLIP}", layers=(TO_K,), alpha=half), {}, "SDXL"),
}  # fmt: skip


@pytest.mark.parametrize(("tensors", "metadata", "title"), PARTIAL.values(), ids=PARTIAL)
def test_a_part_of_a_model_is_converted_there_and_back(tmp_path, tensors, metadata, title):
    save_file(tensors, tmp_path / "part.safetensors", metadata)
    there = convert(tmp_path / "part.safetensors", to="diffusers", dtype=None)
    assert (there.base, there.layers) == (title, len(tensors) // 3)
    (tmp_path / "there.safetensors").write_bytes(there.data)
    assert load(convert(tmp_path / "there.safetensors", to="kohya", dtype=None).data).keys() == tensors.keys()


def test_a_convolution_of_one_pixel_may_be_written_as_a_matrix(tmp_path):
    """SD 1.5's proj_in is a convolution; the text encoder's name says whose file it is."""
    text = named(lambda n: f"lora_te_{CLIP}", layers=(TO_K,), alpha=half)
    save_file(written(()) | text, tmp_path / "flat.safetensors")
    tensors = load(convert(tmp_path / "flat.safetensors", to="kohya", dtype=None).data)
    assert tensors["lora_unet_mid_block_attentions_0_proj_in.lora_down.weight"].shape == (2, 64, 1, 1)


def test_a_kernel_that_no_base_has_there_is_refused(tmp_path):
    save_file(written((3, 3)), tmp_path / "odd.safetensors")
    with pytest.raises(InputError, match=r"proj_in has matrices of \[2, 64, 3, 3\]") as caught:
        convert(tmp_path / "odd.safetensors", to="kohya", dtype=None)
    assert caught.value.reason == "lora-tensors"


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        ({"lora_te2_text_model_encoder_layers_31_mlp_fc1": (1280, 5120)}, "leaves out its attention"),
        (
            {
                "lora_te2_text_model_encoder_layers_31_self_attn_out_proj": (1280, 1280),
                "lora_te2_text_projection": (1280, 1280),
            },
            r"text_encoder_2\.text_projection",
        ),
    ],
)
@pytest.mark.parametrize("to", ["kohya", "diffusers"])
def test_text_layers_that_diffusers_does_not_load_are_named(tmp_path, layers, words, to):
    tensors = {}
    for layer, (inputs, outputs) in layers.items():
        tensors[f"{layer}.lora_down.weight"] = torch.full((2, inputs), 0.1)
        tensors[f"{layer}.lora_up.weight"] = torch.full((outputs, 2), 0.1)
    with pytest.raises(InputError, match=f"diffusers does not load .*{words}") as caught:
        convert(write(tmp_path, tensors), to=to, dtype=None)
    assert "ComfyUI reads it" in caught.value.remedy
