"""PEFT's settings as PEFT reads them; what inspect tells and convert refuses of other trainers' files and other bases."""

import peft
import pytest
import torch
from trainers_files import TO_K, TO_Q, UNET, effects, matrices, named, write

from likeness.errors import InputError
from likeness.lora.convert import convert
from likeness.lora.inspect import read_lora

PATTERNS = {
    "an end": ({"attn2.to_k": 2}, 4.0, 1.0),
    "an expression": ({r".*attn2.*": 2}, 4.0, 1.0),
    "digits": ({r"down_blocks\.\d+\..*\.to_[kv]": 2}, 4.0, 1.0),
    "a whole name": ({f"^{TO_K}": 2}, 4.0, 1.0),
    "the first of two": ({"to_k": 2, "attn2.to_k": 6}, 4.0, 1.0),
    "the first of two kinds": ({r".*to_[qk]": 2, "to_k": 6}, 1.0, 1.0),
    "not the midst": ({"down_blocks": 2, "attn2": 2}, 4.0, 4.0),
}  # fmt: skip


def peft_folder(tmp_path, **config):
    layers = {
        f"base_model.model.{TO_Q}": (*matrices(640, 640), None),
        f"base_model.model.{TO_K}": (*matrices(640, 2048), None),
    }
    config = {"peft_type": "LORA", "r": 2, "lora_alpha": 8, "auto_mapping": UNET} | config
    return write(tmp_path, named(layers, "lora_A.weight", "lora_B.weight"), config=config)


@pytest.mark.parametrize(("patterns", "query", "key"), PATTERNS.values(), ids=PATTERNS)
def test_pefts_patterns_are_read_as_peft_reads_them(tmp_path, patterns, query, key):
    folder = peft_folder(tmp_path, alpha_pattern=patterns)
    found = effects(convert(folder, to="kohya", dtype=None).data)
    for layer, (down, up), scale in ((TO_Q, matrices(640, 640), query), (TO_K, matrices(640, 2048), key)):
        torch.testing.assert_close(found[f"lora_unet_{layer.replace('.', '_')}"], scale * up @ down)
    assert sorted(read_lora(folder).scales) == sorted({query, key})


def test_a_word_for_a_truth_is_true_as_it_is_to_peft(tmp_path):
    """`use_rslora: "false"`: PEFT 0.21.2 asks whether there is something, and scales by the rank's root."""
    layer = torch.nn.Sequential(torch.nn.Linear(8, 8))
    peft.inject_adapter_in_model(
        peft.LoraConfig(r=2, lora_alpha=8, target_modules=["0"], use_rslora="false"), layer
    )
    scale = layer[0].scaling["default"]
    assert list(read_lora(peft_folder(tmp_path, use_rslora="false")).scales) == [pytest.approx(scale)]
    assert scale == pytest.approx(8 / 2**0.5)


@pytest.mark.parametrize(
    "config",
    [{"alpha_pattern": {"(to_q": 2}}, {"alpha_pattern": ["to_q"]}, {"lora_alpha": "8"}, {"lora_alpha": True},
     {"alpha_pattern": {r"(\w|\w\w|.)*[^\w.]+": 2}}, {"alpha_pattern": {f"{number}.*": 2 for number in range(999)}}],
    ids=["no expression", "a list", "a word", "true", "for ever", "too many"],
)  # fmt: skip
def test_settings_that_give_no_scale_are_told_and_not_converted(tmp_path, config):
    folder = peft_folder(tmp_path, **config)
    assert (
        "a layer's scale is infinite or not a number: readers refuse it or draw black pictures"
        in read_lora(folder).problems
    )
    with pytest.raises(InputError, match="scale that is infinite or not a number"):
        convert(folder, to="kohya", dtype=None)


@pytest.mark.parametrize(
    ("config", "words"),
    [({"peft_type": "IA3"}, "is a IA3"), ({"use_dora": True}, "is a DoRA, and it holds no magnitudes")],
)
def test_a_folder_of_another_adapter_than_its_tensors_is_refused(tmp_path, config, words):
    with pytest.raises(InputError, match=words):
        convert(peft_folder(tmp_path, **config), to="kohya", dtype=None)


def test_a_rank_that_the_settings_contradict_is_told(tmp_path):
    problems = read_lora(peft_folder(tmp_path, r=16)).problems
    assert any("of 2 layer(s) its settings say another rank" in problem for problem in problems)
    assert read_lora(peft_folder(tmp_path, r=16, rank_pattern={r".*to_[qk]": 2})).problems == ()


@pytest.mark.parametrize("to", ["kohya", "diffusers"])
def test_pefts_lokr_is_scaled_where_its_factors_are_whole_too(tmp_path, to):
    """PEFT scales by alpha / r always, LyCORIS and ComfyUI only where a factor has a rank."""
    random = torch.Generator().manual_seed(0)
    first, second = torch.randn(20, 32, generator=random), torch.randn(32, 64, generator=random)
    tensors = {f"base_model.model.{TO_K}.lokr_w1": first, f"base_model.model.{TO_K}.lokr_w2": second}
    config = {"peft_type": "LOKR", "r": 32, "alpha": 16, "auto_mapping": UNET}
    folder = write(tmp_path, tensors, config=config)
    assert (read_lora(folder).scales, read_lora(folder).family) == ({0.5: 1}, "SDXL")
    (changed,) = effects(convert(folder, to=to, dtype=None).data).values()
    torch.testing.assert_close(changed, 0.5 * torch.kron(first, second))


@pytest.mark.parametrize(
    ("layer", "rows", "columns", "words"),
    [
        ("transformer.transformer_blocks.0.attn.to_q", 1536, 1536, "those of SD 3.x"),
        ("lora_unet_joint_blocks_0_x_block_attn_qkv", 4608, 1536, "those of SD 3.x"),
        ("lora_unet_layers_0_attention_qkv", 6912, 2304, "those of Lumina 2"),
        ("diffusion_model.double_blocks.0.img_attn.qkv", 12288, 4096, "those of FLUX.2 klein 9B"),
        ("diffusion_model.double_blocks.0.img_attn.qkv", 18432, 6144, "those of FLUX.2 dev"),
        # Klein's blocks of these numbers and width have gates, and give more.
        ("lora_unet_single_blocks_7_linear1", 21504, 3072, r"those of FLUX\.1,"),
        ("diffusion_model.single_blocks.7.linear2", 3072, 15360, r"those of FLUX\.1,"),
        ("transformer.single_transformer_blocks.7.proj_out", 3072, 15360, r"those of FLUX\.1,"),
        ("transformer.transformer_blocks.3.ff.net.0.proj", 12288, 3072, r"those of FLUX\.1,"),
        ("lora_unet_double_blocks_3_txt_mlp_2", 3072, 12288, r"those of FLUX\.1,"),
        ("lora_unet_double_blocks_3_img_mod_lin", 18432, 3072, r"those of FLUX\.1,"),
        # SD 1.5's middle block, where SDXL's reads 2048 numbers a token; and a token of neither.
        ("lora_unet_mid_block_attentions_0_transformer_blocks_0_attn2_to_k", 1280, 999, "1280 x 999 and not 1280 x "),
    ],
)  # fmt: skip
def test_another_base_of_the_same_names_is_refused_by_name_or_sizes(tmp_path, layer, rows, columns, words):
    with pytest.raises(InputError, match=words):
        convert(write(tmp_path, named({layer: (*matrices(rows, columns), 1)})), to="kohya", dtype=None)


def test_sizes_that_are_nobodys_are_told(tmp_path):
    layer = f"lora_unet_{TO_K.replace('.', '_')}"
    made = convert(write(tmp_path, named({layer: (*matrices(32, 128), 1)})), to="kohya", dtype=None)
    assert "the LoRA is for another base with the same layer names" in made.notes[0]


def test_magnitudes_of_some_layers_alone_are_refused_by_their_number(tmp_path):
    tensors = named({f"lora_unet_{name.replace('.', '_')}": (*matrices(640, width), 1)
                     for name, width in ((TO_Q, 640), (TO_K, 2048))})  # fmt: skip
    tensors[f"lora_unet_{TO_Q.replace('.', '_')}.dora_scale"] = torch.ones(640, 1)
    with pytest.raises(InputError, match="1 of 2 layers of the unet have magnitudes") as caught:
        convert(write(tmp_path, tensors), to="kohya", dtype=None)
    assert caught.value.reason == "lora-tensors"


def test_published_text_encoders_are_not_called_another_bases(tmp_path):
    first, second = (f"lora_te{number}_text_model_encoder_layers_0_self_attn_q_proj" for number in (1, 2))
    theirs = {first: (*matrices(768, 768), 1), second: (*matrices(1280, 1280), 1)}
    assert convert(write(tmp_path, named(theirs)), to="kohya", dtype=None).notes == ()
    theirs[first] = (*matrices(1280, 1280), 1)
    (note,) = convert(write(tmp_path, named(theirs)), to="kohya", dtype=None).notes
    assert note.startswith("1 of 2 layers do not have the published SDXL's sizes")


@pytest.mark.parametrize(("outputs", "title"), [(21504, "FLUX.1"), (27648, "FLUX.2 klein")])
def test_one_layer_tells_flux_1_from_klein_among_those_that_both_have(tmp_path, outputs, title):
    shared = {f"lora_unet_double_blocks_{block}_img_attn_qkv": (*matrices(9216, 3072), 1) for block in (0, 1)}
    single = {"lora_unet_single_blocks_0_linear1": (*matrices(outputs, 3072), 1)}
    file = write(tmp_path, named(shared | single))
    assert read_lora(file).family == title
    if title == "FLUX.1":
        with pytest.raises(
            InputError, match=r"its layers are those of FLUX\.1, whose files are not converted"
        ):
            convert(file, to="kohya", dtype=None)
    else:
        assert convert(file, to="kohya", dtype=None).base == title


def test_a_folder_says_whose_text_encoder_it_is_by_its_bases_name(tmp_path):
    layer = "base_model.model.text_model.encoder.layers.0.self_attn.out_proj"
    config = {"r": 2, "lora_alpha": 2, "auto_mapping": {"base_model_class": "CLIPTextModel"}}
    tensors = named({layer: (*matrices(768, 768), None)}, "lora_A.weight", "lora_B.weight")
    with pytest.raises(InputError, match=r"may be of SD 1\.x or of SDXL"):
        convert(write(tmp_path, tensors, config=config), to="kohya", dtype=None)
    config["base_model_name_or_path"] = "stabilityai/stable-diffusion-xl-base-1.0"
    assert convert(write(tmp_path, tensors, config=config), to="kohya", dtype=None).base == "SDXL"


KEY = f"lora_unet_{TO_K.replace('.', '_')}"


@pytest.mark.parametrize(
    ("tensors", "words"),
    [
        ({f"{KEY}.lokr_w1": torch.ones(8, 8), f"{KEY}.lokr_w2": torch.ones(80, 256),
          f"{KEY}.dora_scale": torch.ones(640, 1)}, "LoKr with magnitudes"),
        ({"diffusion_model.double_blocks.0.img_attn.qkv.lokr_w1": torch.ones(8, 8),
          "diffusion_model.double_blocks.0.img_attn.qkv.lokr_w2": torch.ones(1152, 384)}, "a LoKr's blocks span them"),
    ],
    ids=["LyCORIS with dora_wd", "ai-toolkit's LoKr of klein"],
)  # fmt: skip
def test_a_whole_file_that_is_not_read_is_not_called_broken(tmp_path, tensors, words):
    says = {"modelspec.architecture": "Flux.2-klein-4b/lora"} if "double_blocks" in min(tensors) else {}
    with pytest.raises(InputError, match=words) as caught:
        convert(write(tmp_path, tensors, says), to="kohya", dtype=None)
    assert caught.value.remedy == "keep the file as it is: ComfyUI reads it"


def test_inspect_tells_of_tensors_that_no_conversion_takes(tmp_path):
    whole = named({KEY: (*matrices(640, 2048), 1)})
    other = f"lora_unet_{TO_Q.replace('.', '_')}"
    loha = {f"{other}.hada_w{n}_{side}": torch.ones(2, 2) for n in (1, 2) for side in "ab"}
    for tensors in ({f"{KEY}.diff_b": torch.ones(640)}, {f"{other}.alpha": torch.tensor(1.0), **loha}):
        (problem,) = read_lora(write(tmp_path, whole | tensors)).problems
        assert "none of a LoRA's" in problem
        assert next(name for name in tensors if "alpha" not in name)[:40] in problem
    assert read_lora(write(tmp_path, whole)).problems == ()


def test_a_layer_that_is_none_is_told_by_the_base_that_the_shapes_are_of(tmp_path):
    """sd-scripts' third text encoder, beside SDXL's own."""
    te3 = "lora_te3_encoder_block_0_layer_0_SelfAttention_q"
    tensors = named({KEY: (*matrices(640, 2048), 1), te3: (*matrices(64, 64), 1)})
    with pytest.raises(InputError, match=f"1 of 2 layers are none of SDXL: {te3}"):
        convert(write(tmp_path, tensors), to="kohya", dtype=None)
