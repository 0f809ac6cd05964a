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
import os
import re
import subprocess
import sys

import pytest
import torch
from peft.tuners.lokr.layer import factorization
from safetensors.torch import load, save_file
from typer.testing import CliRunner

from likeness.cli.app import app
from likeness.errors import InputError
from likeness.lora.convert import convert
from likeness.lora.inspect import read_lora
from likeness.lora.safetensors_io import weights_bytes

TO_K = "down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k"
TO_OUT = "up_blocks.0.attentions.2.transformer_blocks.9.attn1.to_out.0"
MID = "mid_block.attentions.0.transformer_blocks.3.ff.net.0.proj"
LDM = {
    TO_K: "input_blocks_4_1_transformer_blocks_0_attn2_to_k",
    TO_OUT: "output_blocks_2_1_transformer_blocks_9_attn1_to_out_0",
    MID: "middle_block_1_transformer_blocks_3_ff_net_0_proj",
}
RANK = {TO_K: 2, TO_OUT: 3, MID: 2}
IN, OUT = 6, 5


def pair(layer, dtype=torch.float32):
    random = torch.Generator().manual_seed(len(layer))
    down = torch.randn(RANK.get(layer, 2), IN, generator=random)
    return down.to(dtype), torch.randn(OUT, RANK.get(layer, 2), generator=random).to(dtype)


def named(name_of, down="lora_down.weight", up="lora_up.weight", alpha=None, layers=tuple(LDM)):
    """A file of the three layers under a trainer's names; `alpha` is by layer."""
    tensors = {}
    for layer in layers:
        lower, upper = pair(layer)
        tensors[f"{name_of(layer)}.{down}"], tensors[f"{name_of(layer)}.{up}"] = lower, upper
        if alpha:
            tensors[f"{name_of(layer)}.alpha"] = alpha(layer)
    return tensors


def half(layer):
    return torch.tensor(RANK[layer] / 2)


def sgm(layer):
    """The original name of a layer with its dots, `input_blocks.4.1.transformer_blocks.0.attn2.to_k`."""
    block = re.sub(r"_(?=\d)", ".", LDM[layer].partition("_transformer_blocks_")[0])
    return f"{block}.transformer_blocks.{layer.partition('.transformer_blocks.')[2]}"


TRAINERS = {
    "sd-scripts on diffusers' names": (named(lambda n: f"lora_unet_{n.replace('.', '_')}", alpha=half), 0.5),
    "sd-scripts SDXL (LDM)": (named(lambda n: f"lora_unet_{LDM[n]}", alpha=half), 0.5),
    "OneTrainer DIFFUSERS_LORA": (named(lambda n: f"unet.{n}", "lora_A.weight", "lora_B.weight"), 1.0),
    "OneTrainer KOHYA_LORA": (named(lambda n: f"lora_unet_{LDM[n]}", alpha=half), 0.5),
    "OneTrainer LEGACY_LORA": (named(lambda n: f"lora_unet_{n.replace('.', '_')}", alpha=half), 0.5),
    "OneTrainer ORIGINAL_LORA": (named(sgm, "lora_A.weight", "lora_B.weight", alpha=half), 0.5),
    "OneTrainer COMFY_LORA": (
        named(lambda n: f"diffusion_model.{sgm(n)}", "lora_A.weight", "lora_B.weight", alpha=half), 0.5),
    "OneTrainer INTERNAL": (named(lambda n: f"unet.{n}", alpha=half), 0.5),
    "ai-toolkit": (named(lambda n: f"lora_unet_{n.replace('.', '_')}", alpha=half), 0.5),
    "diffusers": (named(lambda n: f"unet.{n}", "lora_A.weight", "lora_B.weight"), 1.0),
    "SimpleTuner": (named(lambda n: f"unet.{n}", "lora_A.weight", "lora_B.weight"), 1.0),
    "SimpleTuner comfyui": (named(lambda n: f"lora_unet_{n.replace('.', '_')}", alpha=half), 0.5),
    "PEFT with an adapter's name": (named(lambda n: f"unet.{n}", "lora_A.default.weight", "lora_B.default.weight"), 1.0),
    "diffusers before PEFT": (named(lambda n: f"unet.{n}", "lora.down.weight", "lora.up.weight"), 1.0),
    "PEFT bare": (named(lambda n: f"base_model.model.{n}", "lora_A.weight", "lora_B.weight"), 1.0),
    "SimpleTuner LyCORIS": (named(lambda n: f"lycoris_{n.replace('.', '_')}", alpha=half), 0.5),
}  # fmt: skip


def processors():
    """diffusers' attention processors, its first form of a LoRA."""
    tensors = {}
    for layer, name in ((TO_K, f"unet.{TO_K}".replace(".to_k", ".processor.to_k")),
                        (TO_OUT, f"unet.{TO_OUT}".replace(".to_out.0", ".processor.to_out"))):  # fmt: skip
        tensors[f"{name}_lora.down.weight"], tensors[f"{name}_lora.up.weight"] = pair(layer)
    return tensors


TRAINERS["diffusers' processors"] = (processors(), 1.0)


def effects(data):
    """What each layer of a Kohya file changes."""
    tensors = load(data)
    layers = {name.partition(".")[0] for name in tensors}
    return {
        layer: tensors[f"{layer}.alpha"] / len(tensors[f"{layer}.lora_down.weight"])
        * tensors[f"{layer}.lora_up.weight"] @ tensors[f"{layer}.lora_down.weight"] for layer in layers
    }  # fmt: skip


def write(tmp_path, tensors, metadata=None):
    file = tmp_path / "given.safetensors"
    file.write_bytes(weights_bytes(tensors, metadata or {}))
    return file


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
        ({"lora_unet_mid_block_x.hada_w1_a": torch.ones(2, 2)}, "no tensor of a LoRA"),
        ({"unet.x.lora_A.weight": torch.ones(2, 2), "bundle_emb.x": torch.ones(2)}, "bundle_emb.x"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("to", ["kohya", "diffusers"])
def test_what_is_not_known_is_refused_by_name(tmp_path, tensors, words, to):
    with pytest.raises(InputError, match=words) as caught:
        convert(write(tmp_path, tensors), to=to, dtype=None)
    assert caught.value.reason in ("lora-names", "lora-ambiguous")


def test_the_scale_is_that_which_diffusers_applies(tmp_path):
    settings = {"unet.r": 2, "unet.lora_alpha": 1, "unet.alpha_pattern": {TO_OUT: 6}}
    file = write(tmp_path, TRAINERS["diffusers"][0], {"lora_adapter_metadata": json.dumps(settings)})
    found = read_lora(file)
    assert found.scales == {0.5: 2, 2.0: 1}
    assert any("ComfyUI and A1111 at 1" in problem for problem in found.problems)
    made = effects(convert(file, to="kohya", dtype=None).data)
    down, up = pair(TO_K)
    torch.testing.assert_close(made[f"lora_unet_{TO_K.replace('.', '_')}"], 0.5 * up @ down)


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
    [(434_176.0, "1 of its 12 numbers would be infinite"), (1e-9, "would lose 100% of its norm")],
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


def hostile():
    """Files by what is wrong with them."""
    layer = f"lora_unet_{LDM[TO_K]}"
    down, up = pair(TO_K)
    whole = {f"{layer}.lora_down.weight": down, f"{layer}.lora_up.weight": up}
    return {
        "alpha alone": {f"{layer}.alpha": torch.tensor(1.0)},
        "alpha of 8 numbers": whole | {f"{layer}.alpha": torch.ones(8)},
        "alpha is NaN": whole | {f"{layer}.alpha": torch.tensor(torch.nan)},
        "scalar down": whole | {f"{layer}.lora_down.weight": torch.tensor(1.0)},
        "whole numbers": {name: tensor.to(torch.int8) for name, tensor in whole.items()},
        "no up": {f"{layer}.lora_down.weight": down},
        "no down": {f"{layer}.lora_up.weight": up},
        "rank 0": {f"{layer}.lora_down.weight": down[:0], f"{layer}.lora_up.weight": up[:, :0]},
        "no outputs": whole | {f"{layer}.lora_up.weight": up[:0]},
        "true and false": {name: tensor > 0 for name, tensor in whole.items()},
        "complex numbers": {name: tensor.to(torch.complex64) for name, tensor in whole.items()},
        "no common rank": whole | {f"{layer}.lora_up.weight": torch.ones(5, 7)},
        "fp8 with NaN": {
            name: (tensor * torch.nan).to(torch.float8_e4m3fn) for name, tensor in whole.items()
        },
        "five dimensions": whole | {f"{layer}.lora_down.weight": torch.ones(2, 6, 1, 1, 1)},
        "empty name": whole | {"": torch.ones(2), ".alpha": torch.ones(1)},
        "a model": {"model.weight": torch.ones(2)},
        "no tensors": {},
    }


@pytest.mark.parametrize("name", hostile())
def test_a_broken_lora_is_told_and_not_converted(tmp_path, name):
    file = write(tmp_path, hostile()[name])
    with pytest.raises(InputError):
        convert(file, to="kohya", dtype=None)
    if name in ("alpha alone", "a model", "no tensors"):
        with pytest.raises(InputError, match="none of a LoRA"):
            read_lora(file)
    elif name != "five dimensions":
        assert name == "empty name" or read_lora(file).problems


def with_header(entries, data=b""):
    header = json.dumps(entries).encode()
    return len(header).to_bytes(8, "little") + header + data


OVERLAP = with_header(
    {f"lora_unet_x.lora_{side}.weight": {"dtype": "F32", "shape": [1, 1], "data_offsets": [0, 4]}
     for side in ("up", "down")}, bytes(4))  # fmt: skip
BYTES = {
    "empty": b"",
    "truncated": weights_bytes(TRAINERS["diffusers"][0], {})[:-5],
    "overlapping": OVERLAP,
    "header of 100 MB": (100_000_000).to_bytes(8, "little") + b" " * 100_000_000,
    "two entries of one name, of which one lies": with_header(
        {
            "x.lora_A.weight": {"dtype": "F32", "shape": [9], "data_offsets": [0, 99]},
            "y.lora_A.weight": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]},
        },
        bytes(4),
    ).replace(b"y.", b"x."),
    "a name that rewrites the terminal": with_header(
        {"\x1b[2J.lora_A.weight": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}, bytes(4)
    ),
    "a name of 300,000 characters": with_header(
        {"x" * 300_000 + ".lora_A.weight": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}, bytes(4)
    ),
    "half bytes": with_header(
        {
            f"lora_unet_x.lora_{side}.weight": {"dtype": "F4", "shape": [2, 2], "data_offsets": [at, at + 2]}
            for at, side in ((0, "up"), (2, "down"))
        },
        bytes(4),
    ),
    "metadata of numbers": with_header({"__metadata__": {"a": 1}}),
    "a list": with_header([]),
}


@pytest.mark.parametrize("name", BYTES)
def test_bytes_that_are_no_file_are_refused(tmp_path, name):
    file = tmp_path / "x.safetensors"
    file.write_bytes(BYTES[name])
    uses = [
        lambda path: convert(path, to="kohya", dtype=None),
        lambda path: convert(path, to=None, dtype=None),
    ]
    if name == "half bytes":  # which NumPy does not know, and torch cannot compute with
        assert "packed ones" in read_lora(file).problems[0]
    else:
        uses.append(read_lora)
    for use in uses:
        with pytest.raises(
            InputError,
            match=r"x\.safetensors (is no safetensors file|holds a tensor)|none of a LoRA|no layer",
        ) as caught:
            use(file)
        assert len(str(caught.value)) < 600
        assert "\x1b" not in str(caught.value)


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
            "a layer's scale is infinite or not a number: it draws black pictures" in read_lora(path).problems
        )
        with pytest.raises(InputError, match="scale that is infinite or not a number"):
            convert(path, to="kohya", dtype=None)


@pytest.mark.parametrize("name", [["a"], {"a": 1}, "\x1b[2J" * 999])
def test_a_folder_of_a_class_that_is_none_is_refused(tmp_path, name):
    (tmp_path / "adapter_config.json").write_text(json.dumps({"auto_mapping": {"base_model_class": name}}))
    save_file({"base_model.model.x.lora_A.weight": torch.ones(2, 2), "base_model.model.x.lora_B.weight": torch.ones(2, 2)},
              tmp_path / "adapter_model.safetensors")  # fmt: skip
    with pytest.raises(InputError, match="the folder is of a ") as caught:
        convert(tmp_path, to="kohya", dtype=None)
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 600


def test_what_is_no_file_is_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "fifo.safetensors")
    (tmp_path / "zero.safetensors").symlink_to("/dev/zero")
    (tmp_path / "folder.safetensors").mkdir()
    (tmp_path / "loop.safetensors").symlink_to(tmp_path / "loop.safetensors")
    (tmp_path / "pipe.safetensors").mkdir()
    os.mkfifo(tmp_path / "pipe.safetensors" / "adapter_config.json")
    (tmp_path / "endless.safetensors").mkdir()
    (tmp_path / "endless.safetensors" / "adapter_config.json").symlink_to("/dev/zero")
    (tmp_path / "list.safetensors").mkdir()
    (tmp_path / "list.safetensors" / "adapter_config.json").write_text("[1]")
    for name in ("fifo", "zero", "folder", "loop", "missing", "pipe", "endless", "list", "x" * 300):
        for use in (read_lora, lambda path: convert(path, to="kohya", dtype=None)):
            with pytest.raises(InputError, match=f"{name}.safetensors cannot be read"):
                use(tmp_path / f"{name}.safetensors")


def test_the_command_refuses_without_a_traceback(tmp_path):
    file = write(tmp_path, hostile()["alpha of 8 numbers"])
    done = CliRunner().invoke(app, ["convert", str(file), str(tmp_path / "out.safetensors"), "--to", "kohya"])
    assert done.exit_code == 1
    assert "not one finite number" in done.stderr
    assert isinstance(done.exception, SystemExit)  # anything else would be printed with its traceback
    assert not (tmp_path / "out.safetensors").exists()


def test_a_broken_file_is_refused_before_the_libraries_that_know_the_bases(tmp_path):
    file = write(tmp_path, hostile()["alpha of 8 numbers"])
    program = (
        "import sys\nfrom pathlib import Path\nfrom likeness.cli.inspect import convert_command\n"
        f"try: convert_command(Path({str(file)!r}), Path('x'), to='kohya', dtype=None)\n"
        "finally: print([name for name in ('diffusers', 'peft', 'transformers') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "not one finite number" in done.stderr
    assert done.stdout.strip() == "[]"


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


def test_what_flux_1_and_klein_share_is_not_called_either(tmp_path):
    tensors = {
        "lora_unet_double_blocks_0_img_attn_qkv.lora_down.weight": torch.ones(2, 3072),
        "lora_unet_double_blocks_0_img_attn_qkv.lora_up.weight": torch.ones(9216, 2),
    }
    file = write(tmp_path, tensors)
    assert read_lora(file).family is None
    for to in ("kohya", "diffusers"):  # q, k and v share the lower matrix
        assert convert(file, to=to, dtype=None).layers == 3


@pytest.mark.parametrize("end", ["lora_up.bias", "lora_B.bias", "lora_B.default.bias"])
def test_a_bias_is_not_taken_for_a_second_matrix(tmp_path, end):
    tensors = named(lambda n: f"unet.{n}") | {f"unet.{TO_K}.{end}": torch.ones(OUT)}
    with pytest.raises(InputError, match=f"{end} is no tensor of a LoRA"):
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
