"""convert and inspect on names, forms and settings of other trainers whose file is no renaming of ours: fused layers, three
tensors for a convolution, PEFT's settings, and bases whose layers are called as those of a family.

Read in their code (2026-11): musubi-tuner 30c658c networks/convert_z_image_lora_to_comfy.py; OneTrainer 23df383
modules/util/convert_lora_util.py and modules/model/{ZImage,Flux2}Model.py; LyCORIS f49d30d lycoris/modules/locon.py; ComfyUI
comfy/weight_adapter/lora.py and comfy/utils.py (z_image_to_diffusers, flux_to_diffusers); PEFT 0.21.2 peft/utils/other.py.
"""

import pytest
import torch
from safetensors.torch import load
from trainers_files import effects, fused, matrices, named, write

from likeness.errors import InputError
from likeness.lora.convert import convert
from likeness.lora.inspect import read_lora


@pytest.mark.parametrize(
    ("form", "ends"),
    [
        ("lora_unet_layers_{}_attention_{}", ("lora_down.weight", "lora_up.weight")),
        ("diffusion_model.layers.{}.attention.{}", ("lora_A.weight", "lora_B.weight")),
    ],
    ids=["musubi-tuner for ComfyUI", "OneTrainer COMFY"],
)
@pytest.mark.parametrize("to", ["kohya", "diffusers"])
def test_z_images_query_key_and_value_in_one_are_taken_apart(tmp_path, form, ends, to):
    own, down, up = fused(48)
    out = matrices(48, 48)
    layers = {form.format(3, "qkv"): (down, up, 3), form.format(29, "out"): (*out, 1)}
    file = write(tmp_path, named(layers, *ends))
    made = convert(file, to=to, dtype=None)
    assert (made.base, made.layers) == ("Z-Image", 4)
    found = effects(made.data)
    start = {"kohya": "diffusion_model.", "diffusers": "transformer."}[to]
    for name, (lower, upper) in zip("qkv", own, strict=True):
        torch.testing.assert_close(found[f"{start}layers.3.attention.to_{name}"], 0.5 * upper @ lower)
    torch.testing.assert_close(found[f"{start}layers.29.attention.to_out.0"], 0.5 * out[1] @ out[0])
    assert read_lora(file).scales == {0.5: 2}


@pytest.mark.parametrize(
    ("form", "ends", "alpha"),
    [
        ("lora_unet_{}", ("lora_down.weight", "lora_up.weight"), 1),
        ("diffusion_model.{}", ("lora_A.weight", "lora_B.weight"), 1),
        ("diffusion_model.{}", ("lora_A.weight", "lora_B.weight"), None),
        ("{}", ("lora_A.weight", "lora_B.weight"), None),
    ],
    ids=["musubi-tuner", "OneTrainer COMFY", "ai-toolkit", "OneTrainer ORIGINAL"],
)
def test_klein_under_its_original_names_is_taken_apart(tmp_path, form, ends, alpha):
    down, up = matrices(3 * 48, 48)
    single, mlp = matrices(432, 48), matrices(288, 48)
    layers = {
        "double_blocks.0.txt_attn.qkv": (down, up),
        "single_blocks.3.linear1": single,
        "double_blocks.1.img_mlp.0": mlp,
    }
    if form.startswith("lora_unet_"):
        layers = {name.replace(".", "_"): pair for name, pair in layers.items()}
    file = write(tmp_path, named({form.format(name): (*pair, alpha) for name, pair in layers.items()}, *ends))
    made = convert(file, to="kohya", dtype=None)
    assert (made.base, made.layers) == ("FLUX.2 klein", 5)
    found, scale = effects(made.data), 0.5 if alpha else 1.0
    for place, name in enumerate(("add_q_proj", "add_k_proj", "add_v_proj")):
        torch.testing.assert_close(
            found[f"transformer.transformer_blocks.0.attn.{name}"], scale * up.chunk(3)[place] @ down
        )
    torch.testing.assert_close(
        found["transformer.single_transformer_blocks.3.attn.to_qkv_mlp_proj"], scale * single[1] @ single[0]
    )


def test_a_fused_layer_beside_its_own_parts_is_refused(tmp_path):
    pair = (*matrices(48, 48), None)
    three = {"diffusion_model.layers.3.attention.qkv": (*matrices(3 * 48, 48), None)}
    both = named(three | {"diffusion_model.layers.3.attention.to_k": pair})
    with pytest.raises(
        InputError, match=r"attention\.qkv and diffusion_model.* are both|to_k and .*qkv are both"
    ):
        convert(write(tmp_path, both), to="kohya", dtype=None)
    odd = named({"diffusion_model.layers.3.attention.qkv": (*matrices(49, 48), None)})
    with pytest.raises(InputError, match="do not fall into three"):
        convert(write(tmp_path, odd), to="kohya", dtype=None)


def test_a_convolution_of_three_tensors_is_one_of_two(tmp_path):
    """LyCORIS' use_tucker; einsum as in its rebuild_tucker."""
    random = torch.Generator().manual_seed(0)
    down, mid, up = (
        torch.randn(*shape, generator=random) for shape in ((2, 320, 1, 1), (2, 2, 3, 3), (320, 2, 1, 1))
    )
    layer = "lora_unet_input_blocks_1_0_in_layers_2"
    tensors = named({layer: (down, up, 1)}) | {f"{layer}.lora_mid.weight": mid}
    found = effects(convert(write(tmp_path, tensors), to="kohya", dtype=None).data)
    whole = torch.einsum("rshw,si,or->oihw", mid, down[:, :, 0, 0], up[:, :, 0, 0])
    torch.testing.assert_close(found["lora_unet_down_blocks_0_resnets_0_conv1"], 0.5 * whole.flatten(1))
    tensors[f"{layer}.lora_mid.weight"] = torch.ones(3, 3, 3, 3)
    with pytest.raises(InputError, match="fits no lower matrix"):
        convert(write(tmp_path, tensors), to="kohya", dtype=None)


@pytest.mark.parametrize(
    ("layer", "shape"),
    [("input_blocks_4_1_transformer_blocks_0_attn1_to_q", (640, 640)), ("input_blocks_2_0_in_layers_2", (320, 320, 3, 3))],
)  # fmt: skip
def test_magnitudes_of_inputs_are_not_taken_for_those_of_outputs(tmp_path, layer, shape):
    """OneTrainer's default (dora_on_output off); where a layer is square, only the form tells."""
    name, ones = f"lora_unet_{layer}", (1,) * (len(shape) - 2)
    tensors = {
        f"{name}.lora_down.weight": torch.ones(2, *shape[1:]), f"{name}.lora_up.weight": torch.ones(shape[0], 2, *ones),
        f"{name}.dora_scale": torch.ones(1, shape[1], *ones),
    }  # fmt: skip
    file = write(tmp_path, tensors)
    with pytest.raises(InputError, match=f"magnitudes of its {shape[1]} inputs"):
        convert(file, to="kohya", dtype=None)
    assert any("magnitudes of their inputs" in problem for problem in read_lora(file).problems)
    tensors[f"{name}.dora_scale"] = torch.ones(shape[0], 1, *ones)
    assert convert(write(tmp_path, tensors), to="kohya", dtype=None).layers == 1


def test_text_encoders_in_diffusers_first_form_are_read(tmp_path):
    names = {"text_encoder": ("q", "out"), "text_encoder_2": ("k", "out")}
    pairs = {f"{part}.text_model.encoder.layers.0.self_attn.to_{one}": matrices(width, width)
             for (part, ones), width in zip(names.items(), (768, 1280), strict=True) for one in ones}  # fmt: skip
    tensors = {f"{name}_lora.{side}.weight": one for name, pair in pairs.items()
               for side, one in zip(("down", "up"), pair, strict=True)}  # fmt: skip
    found = effects(convert(write(tmp_path, tensors), to="kohya", dtype=None).data)
    assert len(found) == 4
    down, up = pairs["text_encoder_2.text_model.encoder.layers.0.self_attn.to_k"]
    torch.testing.assert_close(found["lora_te2_text_model_encoder_layers_0_self_attn_k_proj"], up @ down)


def test_a_text_encoder_without_out_proj_is_loaded_whole(tmp_path):
    """diffusers 0.42 loses its attention under Kohya's names."""
    layer = "text_model_encoder_layers_0_self_attn_{}_proj"
    layers = {
        f"lora_te1_{layer.format('out')}": (*matrices(768, 768), 1),
        f"lora_te2_{layer.format('k')}": (*matrices(1280, 1280), 1),
    }
    assert convert(write(tmp_path, named(layers)), to="kohya", dtype=None).layers == 2


def test_a_converted_lokr_of_klein_says_no_scale_that_its_tensors_have_not(tmp_path):
    """Klein's files have no alpha: the header that convert writes said the alpha of whole factors, 1, at rank 4."""
    random = torch.Generator().manual_seed(0)
    block = "transformer.transformer_blocks.0.attn"
    tensors = {
        f"{block}.{name}.{part}": torch.randn(*shape, generator=random)
        for name in ("to_q", "to_k", "to_v")
        for part, shape in (("lokr_w1", (6, 6)), ("lokr_w2", (8, 8)))
    } | {
        f"transformer.single_transformer_blocks.0.attn.to_qkv_mlp_proj.{part}": torch.randn(
            *shape, generator=random
        )
        for part, shape in (("lokr_w1", (18, 6)), ("lokr_w2_a", (24, 4)), ("lokr_w2_b", (4, 8)))
    }
    file = write(tmp_path, tensors, {"ss_network_alpha": "4", "ss_network_dim": "4"})
    made = convert(file, to="kohya", dtype=None)
    assert (made.base, made.layers) == ("FLUX.2 klein", 4)
    file.write_bytes(made.data)
    found = read_lora(file)
    assert (found.scales, found.problems) == ({1.0: 4}, ())
    assert set(load(made.data)) == set(tensors)
    assert "ss_network_alpha 1" not in " ".join(convert(file, to="diffusers", dtype=None).notes)
