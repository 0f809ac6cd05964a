"""likeness convert: files that are odd: their scale, their types, and what a stranger says in them."""

import json
from contextlib import nullcontext

import pytest
import torch
from lora_files import (
    IN,
    LDM,
    TO_K,
    TO_OUT,
    TRAINERS,
    effects,
    half,
    named,
    pair,
    write,
)
from safetensors.torch import load, save_file

from likeness.errors import InputError
from likeness.lora.convert import convert
from likeness.lora.inspect import read_lora


def test_the_scale_is_that_which_diffusers_applies(tmp_path):
    settings = {
        "unet.r": 2,
        "unet.lora_alpha": 1,
        "unet.alpha_pattern": {TO_OUT: 6},
        "unet.target_modules": ["to_k"],
    }
    file = write(tmp_path, TRAINERS["diffusers"][0], {"lora_adapter_metadata": json.dumps(settings)})
    found = read_lora(file)
    assert found.scales == {0.5: 2, 2.0: 1}
    assert not any("target_modules" in problem for problem in found.problems)
    assert any("ComfyUI and A1111 at 1" in problem for problem in found.problems)
    made = effects(convert(file, to="kohya", dtype=None).data)
    down, up = pair(TO_K)
    torch.testing.assert_close(made[f"lora_unet_{TO_K.replace('.', '_')}"], 0.5 * up @ down)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"unet.r": 2, "unet.lora_alpha": 4}, "names no target_modules of the unet: diffusers does not load the file"),
        ({"text_encoder.r": 2, "text_encoder.target_modules": ["q_proj"]}, "names no target_modules of the unet"),
        ({"unet": {"r": 2, "target_modules": ["to_k"]}}, "names no target_modules of the unet"),
        *(({"unet.r": rank, "unet.target_modules": ["to_k"]}, "of 3 layer(s) its settings say another rank")
          for rank in (-2, 2.0, True, "2")),
        ({"unet.r": 2, "unet.lora_alpha": "4", "unet.target_modules": ["to_k"]}, "readers refuse it"),
    ],
    ids=str,
)  # fmt: skip
def test_settings_with_which_diffusers_does_not_load_a_file_are_told(tmp_path, settings, words):
    file = write(tmp_path, TRAINERS["diffusers"][0], {"lora_adapter_metadata": json.dumps(settings)})
    problems = read_lora(file).problems
    assert any(words in problem for problem in problems)
    assert not any("diffusers loads it at nan" in problem for problem in problems)


def test_diffusers_does_not_load_settings_without_target_modules():
    """What the note above rests on, by diffusers itself."""
    from diffusers import UNet2DConditionModel

    layer = "mid_block.attentions.0.transformer_blocks.0.attn1.to_q"
    tensors = {
        f"unet.{layer}.lora_A.weight": torch.ones(2, 32),
        f"unet.{layer}.lora_B.weight": torch.ones(32, 2),
    }
    settings = {"unet.r": 2, "unet.lora_alpha": 4}
    for more, loads in (({}, False), ({"unet.target_modules": [layer]}, True)):
        unet = UNet2DConditionModel(
            block_out_channels=(32,), layers_per_block=1, down_block_types=("DownBlock2D",), up_block_types=("UpBlock2D",),
            cross_attention_dim=32, norm_num_groups=8, attention_head_dim=8,
        )  # fmt: skip
        with nullcontext() if loads else pytest.raises(KeyError, match="model_type"):
            unet.load_lora_adapter(dict(tensors), prefix="unet", metadata=settings | more)


def test_what_a_converted_file_says_of_its_scale_is_what_its_tensors_are(tmp_path):
    said = {"ss_network_alpha": "16", "ss_network_dim": "32", "alpha": "3", "rank": "2", "network_alpha": "7"}
    given = write(tmp_path, TRAINERS["diffusers"][0], said)
    for to in ("kohya", "diffusers"):
        (file := tmp_path / f"{to}.safetensors").write_bytes(convert(given, to=to, dtype=None).data)
        found = read_lora(file)
        assert found.problems == ()
        assert [found.metadata[name] for name in ("ss_network_dim", "rank")] == [
            "Dynamic"
        ] * 2  # the layers differ


def test_a_complex_alpha_is_refused(tmp_path):
    alpha = torch.tensor(1 + 2j)
    file = write(tmp_path, named(lambda n: f"lora_unet_{LDM[n]}", alpha=lambda layer: alpha, layers=(TO_K,)))
    assert any("an alpha that is not one finite number" in problem for problem in read_lora(file).problems)
    with pytest.raises(InputError, match="complex64 and not one finite number"):
        convert(file, to="kohya", dtype=None)


def test_a_flat_key_scales_nothing_and_is_told(tmp_path):
    file = write(tmp_path, TRAINERS["diffusers"][0], {"ss_network_alpha": "1", "ss_network_dim": "2"})
    found = read_lora(file)
    assert found.scales == {1.0: 3}
    assert any("ss_network_alpha 1 at rank 2, a scale of 0.5" in problem for problem in found.problems)


@pytest.mark.parametrize("dtype", [torch.int64, torch.float8_e4m3fn, torch.float8_e5m2, torch.bfloat16])
def test_an_alpha_of_any_type_is_a_number(tmp_path, dtype):
    file = write(tmp_path, named(lambda n: f"lora_unet_{LDM[n]}", alpha=lambda layer: torch.tensor(2).to(dtype),
                                 layers=(TO_K,)))  # fmt: skip
    found = read_lora(file)
    assert (found.scales, found.problems) == ({1.0: 1}, ())
    assert load(convert(file, to="kohya", dtype=None).data)[f"lora_unet_{TO_K.replace('.', '_')}.alpha"] == 2


@pytest.mark.parametrize(
    ("number", "words"),
    [(434_176.0, "1 of its 12 numbers would be infinite"), (1e-9, "would lose 100 % of its norm")],
)
def test_a_type_that_cannot_hold_the_numbers_is_refused_with_figures(tmp_path, number, words):
    tensors = named(lambda n: f"lora_unet_{LDM[n]}", alpha=half, layers=(TO_K,))
    tensors = {name: tensor.bfloat16() for name, tensor in tensors.items()}
    lower = next(name for name in tensors if "lora_down" in name)
    tensors[lower] = torch.zeros(2, IN).bfloat16()
    tensors[lower][0, 0] = number
    for to in ("kohya", None):
        with pytest.raises(InputError, match=words) as caught:
            convert(write(tmp_path, tensors), to=to, dtype=torch.float16)
        assert caught.value.reason == "lora-narrow"


def test_a_strangers_hash_and_word_are_told_as_what_they_say(tmp_path):
    flux = "transformer.single_transformer_blocks.0.proj_mlp"
    tensors = {f"{flux}.lora_A.weight": torch.ones(2, 3072), f"{flux}.lora_B.weight": torch.ones(4, 2)}
    nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    found = read_lora(
        write(tmp_path, tensors, {"sshs_model_hash": nothing, "ss_base_model_version": "sd_1.5"})
    )
    assert (found.hash_matches, found.family, found.says) == (None, "FLUX.1", "sd_1.5")
    assert list(found.problems) == [
        "its metadata say sd_1.5, and its shapes are those of FLUX.1: trust the shapes"
    ]


ENDLESS = "9" * 400  # JSON's whole numbers have no end


@pytest.mark.parametrize("number", [ENDLESS, "NaN", "Infinity"])
def test_a_scale_that_is_no_number_is_told_and_not_converted(tmp_path, number):
    layer = f"unet.{TO_K}"
    tensors = dict(zip((f"{layer}.lora_A.weight", f"{layer}.lora_B.weight"), pair(TO_K), strict=True))
    settings = f'{{"unet.lora_alpha": 2, "unet.alpha_pattern": {{"attn2.to_k": {number}}}}}'
    in_header = write(tmp_path, tensors, {"lora_adapter_metadata": settings})
    (folder := tmp_path / "peft").mkdir()
    (folder / "adapter_config.json").write_text(f'{{"lora_alpha": {number}}}')
    save_file(
        {f"base_model.model.{name[5:]}": one for name, one in tensors.items()},
        folder / "adapter_model.safetensors",
    )
    for path in (in_header, folder):
        assert (
            "a layer's scale is infinite or not a number: readers refuse it or draw black pictures"
            in read_lora(path).problems
        )
        with pytest.raises(InputError, match="scale that is infinite or not a number"):
            convert(path, to="kohya", dtype=None)


def test_an_alpha_below_zero_ends_and_stays(tmp_path):
    """diffusers 0.42 halves such a scale for ever, so it goes into the matrix."""
    tensors = named(lambda n: f"lora_unet_{LDM[n]}", alpha=lambda n: -half(n))
    made = convert(write(tmp_path, tensors), to="kohya", dtype=None)
    assert all(load(made.data)[f"{layer}.alpha"] > 0 for layer in effects(made.data))
    for layer in LDM:
        down, up = pair(layer)
        torch.testing.assert_close(
            effects(made.data)[f"lora_unet_{layer.replace('.', '_')}"], -0.5 * up @ down
        )


@pytest.mark.parametrize(
    ("layer", "width", "title"),
    [
        ("lora_unet_input_blocks_4_1_transformer_blocks_0_attn2_to_k", 1024, "SD 2.x"),
        ("lora_unet_input_blocks_4_1_transformer_blocks_0_attn2_to_k", 1280, "SDXL's refiner"),
        ("transformer.transformer_blocks.11.attn.to_q", 3072, "FLUX.1"),
        ("lora_unet_single_blocks_30_linear1", 3072, "FLUX.1"),
        ("transformer.single_transformer_blocks.0.attn.to_k", 3072, "FLUX.1"),
        ("transformer_blocks.40.attn.add_k_proj", 3072, "Qwen-Image"),
        ("diffusion_model.single_blocks.3.linear1", 4096, "FLUX.2 klein 9B"),
    ],
)
def test_a_base_that_none_of_the_families_is_gets_no_other_name(tmp_path, layer, width, title):
    tensors = {f"{layer}.lora_A.weight": torch.ones(2, width), f"{layer}.lora_B.weight": torch.ones(4, 2)}
    file = write(tmp_path, tensors)
    assert read_lora(file).family == title
    with pytest.raises(InputError, match=f"its layers are those of {title}"):
        convert(file, to="kohya", dtype=None)
