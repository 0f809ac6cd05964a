"""convert and inspect on the files that other trainers write, and on files that nobody should.

What they write was read in their own code, and no file of theirs was at hand:
- OneTrainer, commit 23df383 (2026-08-19): modules/modelSaver/mixin/LoRASaverMixin.py and modules/util/convert_lora_util.py (the
  formats DIFFUSERS, KOHYA, LEGACY, ORIGINAL, COMFY and INTERNAL), modules/model/StableDiffusion{,XL}Model.py, FluxModel.py.
- ai-toolkit, commit 27a03a9 (2026-08-21): toolkit/lora_special.py, toolkit/network_mixins.py (get_state_dict; the key maps it
  looks for are not in its repository, so SD and SDXL keep `lora_unet_` and diffusers' names), toolkit/metadata.py, and
  extensions_built_in/diffusion_models/{flux2,z_image} (`transformer.` becomes `diffusion_model.`).
- SimpleTuner, commit bc8e6ab (2026-08-22): simpletuner/helpers/training/save_hooks.py (diffusers' own save_lora_weights with
  lora_adapter_metadata, LyCORIS' save_weights), simpletuner/helpers/training/lora_format.py (`lora_format: comfyui`).
"""

import json

import pytest
import torch
from lora_files import (
    LDM,
    MID,
    OUT,
    TO_K,
    TO_OUT,
    TRAINERS,
    effects,
    named,
    pair,
    write,
)
from peft.tuners.lokr.layer import factorization
from safetensors.torch import load, save_file

from likeness.errors import InputError
from likeness.lora.convert import convert
from likeness.lora.inspect import read_lora


@pytest.mark.parametrize("trainer", TRAINERS)
def test_every_trainers_file_becomes_the_same_kohya_file(tmp_path, trainer):
    tensors, scale = TRAINERS[trainer]
    made = convert(write(tmp_path, tensors), to="kohya", dtype=None)
    layers = [layer for layer in LDM if trainer != "diffusers' processors" or layer != MID]
    assert (made.base, made.layers) == ("SDXL", len(layers))
    found = effects(made.data)
    assert found.keys() == {f"lora_unet_{layer.replace('.', '_')}" for layer in layers}
    for layer in layers:
        down, up = pair(layer)
        torch.testing.assert_close(found[f"lora_unet_{layer.replace('.', '_')}"], scale * up @ down)


def test_a_peft_folder_is_read_with_its_configuration(tmp_path):
    config = {
        "peft_type": "LORA", "r": 2, "lora_alpha": 8, "use_rslora": False, "alpha_pattern": {TO_OUT: 6},
        "auto_mapping": {"base_model_class": "UNet2DConditionModel"},
    }  # fmt: skip
    (tmp_path / "adapter_config.json").write_text(json.dumps(config))
    save_file(TRAINERS["PEFT bare"][0], tmp_path / "adapter_model.safetensors")
    found = effects(convert(tmp_path, to="kohya", dtype=None).data)
    for layer, scale in ((TO_K, 4.0), (TO_OUT, 2.0)):
        down, up = pair(layer)
        torch.testing.assert_close(found[f"lora_unet_{layer.replace('.', '_')}"], scale * up @ down)
    assert read_lora(tmp_path).scales == {4.0: 2, 2.0: 1}


@pytest.mark.parametrize(
    "words",
    [
        ("text_encoder", "text_encoder_2"),
        ("lora_te1", "lora_te2"),
        ("text_encoders.clip_l.transformer", "text_encoders.clip_g.transformer"),
        ("clip_l", "clip_g"),
    ],
    ids=["diffusers", "Kohya", "OneTrainer for ComfyUI", "OneTrainer before"],
)
def test_text_encoders_go_their_own_way(tmp_path, words):
    given = ((words[0], "encoder.layers.11.self_attn.out_proj"), (words[1], "encoder.layers.31.mlp.fc1"),
             (words[1], "encoder.layers.31.self_attn.out_proj"))  # fmt: skip
    tensors = {}
    for word, layer in given:
        down, up = pair(layer)
        tensors[f"{word}.text_model.{layer}.lora_down.weight"] = down
        tensors[f"{word}.text_model.{layer}.lora_up.weight"] = up
    made = load(convert(write(tmp_path, tensors), to="kohya", dtype=None).data)
    assert {name.partition(".")[0] for name in made} == {
        "lora_te1_text_model_encoder_layers_11_self_attn_out_proj",
        "lora_te2_text_model_encoder_layers_31_mlp_fc1",
        "lora_te2_text_model_encoder_layers_31_self_attn_out_proj",
    }
    back = convert(write(tmp_path, made), to="diffusers", dtype=None)
    assert {name.partition(".lora_")[0] for name in load(back.data)} == {
        f"{'text_encoder' if word == words[0] else 'text_encoder_2'}.text_model.{layer}"
        for word, layer in given
    }
    assert not any("ComfyUI" in note for note in back.notes)


@pytest.mark.parametrize(
    ("tensors", "words"),
    [
        (named(lambda n: f"model.something.{n}"), "3 of 3 layers are none of"),
        (named(lambda n: f"lora_unet_{n.replace('.', '_')}_x", layers=(TO_K,)), "1 of 1 layers"),
        (named(lambda n: f"unet.{n}") | named(lambda n: f"lora_unet_{LDM[n]}"), "are both unet"),
        (named(lambda n: f"base_model.model.{n}", layers=("text_model.encoder.layers.0.mlp.fc1",)), "may be|text_encoder_2"),
        ({"lora_unet_mid_block_x.hada_w1_a": torch.ones(2, 2)}, "is not a tensor of a LoRA"),
        ({"unet.x.lora_A.weight": torch.ones(2, 2), "bundle_emb.x": torch.ones(2)}, "bundle_emb.x"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("to", ["kohya", "diffusers"])
def test_what_is_not_known_is_refused_by_name(tmp_path, tensors, words, to):
    with pytest.raises(InputError, match=words) as caught:
        convert(write(tmp_path, tensors), to=to, dtype=None)
    assert caught.value.reason in ("lora-names", "lora-ambiguous")


def test_what_flux_1_and_klein_share_is_called_as_the_metadata_say_or_neither(tmp_path):
    layer = "lora_unet_double_blocks_0_img_attn_qkv"
    tensors = {
        f"{layer}.lora_down.weight": torch.ones(2, 3072),
        f"{layer}.lora_up.weight": torch.ones(9216, 2),
    }
    file = write(tmp_path, tensors)
    assert read_lora(file).family == "FLUX.1 or FLUX.2 klein"
    assert read_lora(file).problems == ()
    with pytest.raises(
        InputError, match=r"those of FLUX\.1 or FLUX\.2 klein, and nothing in it says of which"
    ):
        convert(file, to="kohya", dtype=None)
    file = write(tmp_path, tensors, {"modelspec.architecture": "Flux.2-klein-4b/lora"})
    assert read_lora(file).problems == ()
    for to in ("kohya", "diffusers"):  # q, k and v share the lower matrix
        assert convert(file, to=to, dtype=None).layers == 3
    file = write(tmp_path, tensors, {"ss_base_model_version": "flux1"})
    assert read_lora(file).problems == ()
    with pytest.raises(InputError, match=r"its layers are those of FLUX\.1, whose"):
        convert(file, to="kohya", dtype=None)


@pytest.mark.parametrize("end", ["lora_up.bias", "lora_B.bias", "lora_B.default.bias"])
def test_a_bias_is_not_taken_for_a_second_matrix(tmp_path, end):
    tensors = named(lambda n: f"unet.{n}") | {f"unet.{TO_K}.{end}": torch.ones(OUT)}
    with pytest.raises(InputError, match=f"{end} is not a tensor of a LoRA"):
        convert(write(tmp_path, tensors), to="kohya", dtype=None)


@pytest.mark.parametrize("factor", [2, 4, 8, -1])
def test_lycoris_lokr_of_any_factor_is_loaded_and_proved(tmp_path, factor):
    (a, b), (c, d) = factorization(640, factor), factorization(2048, factor)
    random = torch.Generator().manual_seed(1)
    layer = f"lycoris_{TO_K.replace('.', '_')}"
    tensors = {
        f"{layer}.lokr_w1": torch.randn(a, c, generator=random),
        f"{layer}.lokr_w2": torch.randn(b, d, generator=random),
        f"{layer}.alpha": torch.tensor(1.0),
    }
    assert convert(write(tmp_path, tensors), to="kohya", dtype=None).layers == 1


def test_another_kinds_alpha_is_no_fault(tmp_path):
    layer = f"lora_unet_{LDM[TO_K]}"
    tensors = {f"{layer}.hada_w{n}_{side}": torch.ones(2, 2) for n in (1, 2) for side in "ab"}
    found = read_lora(write(tmp_path, tensors | {f"{layer}.alpha": torch.tensor(1.0)}))
    assert (found.variant, found.problems) == ("LoHa", ())


FLUX2 = "single_transformer_blocks.3.attn.to_qkv_mlp_proj"
ZIMAGE = "layers.7.attention.to_q"


@pytest.mark.parametrize(
    ("names", "layer", "base", "prefix"),
    [
        ("transformer.{}", FLUX2, "FLUX.2 klein", "transformer."),
        ("base_model.model.{}", FLUX2, "FLUX.2 klein", "transformer."),
        (
            "diffusion_model.single_blocks.3.linear1",
            FLUX2,
            "FLUX.2 klein",
            "transformer.",
        ),  # ai-toolkit's, OneTrainer's COMFY
        ("transformer.{}", ZIMAGE, "Z-Image", "diffusion_model."),
        ("diffusion_model.{}", ZIMAGE, "Z-Image", "diffusion_model."),  # ai-toolkit's
    ],
)
def test_flows_are_read_under_their_own_and_the_original_names(tmp_path, names, layer, base, prefix):
    name = names.format(layer)
    down, up = pair(layer)
    file = write(tmp_path, {f"{name}.lora_A.weight": down, f"{name}.lora_B.weight": up})
    made = convert(file, to="kohya", dtype=None)
    assert (made.base, made.layers) == (base, 1)
    assert all(key.startswith(f"{prefix}{layer}.") for key in load(made.data))


def test_that_comfyui_reads_diffusers_names_in_part_is_said(tmp_path):
    made = convert(write(tmp_path, TRAINERS["diffusers"][0]), to="diffusers", dtype=None)
    assert made.notes[-1].startswith("ComfyUI does not look for 4 of the 6 tensors")
