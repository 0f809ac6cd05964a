"""Z-Image: flows as the papers have them, prompts of their own length, and a file that ComfyUI and diffusers read."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers.loaders.single_file_utils import convert_z_image_transformer_checkpoint_to_diffusers
from lora_runs import FACTS, Stop, base_config, make_folder, run_in, stop_at, told_base, train_config
from PIL import Image
from safetensors.torch import load

from likeness.diffusion.families.zimage import ZImage
from likeness.diffusion.load import load_base
from likeness.errors import ConfigError
from likeness.lora.export import publish
from likeness.lora.inspect import read_lora
from likeness.lora.safetensors_io import weights_bytes
from likeness.train.config import incompatibilities
from likeness.train.native.data import read_examples
from likeness.train.native.metadata import describe

PROMPTS = ("jade", "jade woman, a photograph in a library, warm light")
SETTINGS = {
    "architecture": "zimage", "steps": 4, "checkpoint_every_steps": 2, "caption_dropout": 0.3, "caption_shuffles": 2,
    "gradient_accumulation": 2, "alpha": 3,
}  # fmt: skip


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A short run with everything that draws captions; nobody changes it."""
    torch.set_num_threads(1)
    place = tmp_path_factory.mktemp("whole")
    return run_in(
        place, make_folder(place / "lora_training"), train_config(**SETTINGS), architecture="zimage"
    )


def noise_for(count=1):
    return torch.randn((count, 16, 8, 8), generator=torch.Generator().manual_seed(1))


@torch.no_grad()
def predicted(base, prompts=PROMPTS[:1], noisy=None, time=0.5):
    noisy = noise_for(len(prompts)) if noisy is None else noisy
    condition = base.collate([base.encode_prompt(prompt) for prompt in prompts])
    return base.predict(noisy, torch.full((len(prompts),), time), condition)


def test_one_step_of_the_pipeline_goes_along_the_predicted_velocity(fresh):
    base, noise = fresh("zimage"), noise_for()
    common = {
        "height": 64,
        "width": 64,
        "num_inference_steps": 1,
        "guidance_scale": 0.0,
        "output_type": "latent",
    }
    (picture,) = base.pipeline(PROMPTS[0], latents=noise, **common).images
    torch.testing.assert_close(noise - predicted(base, time=1.0), picture.unsqueeze(0))
    # Times in between: two steps are at 1 and, shifted by 6 from 1/2, at 6/7.
    (picture,) = base.pipeline(PROMPTS[0], latents=noise, **(common | {"num_inference_steps": 2})).images
    between = noise - predicted(base, time=1.0) / 7
    last = between - predicted(base, noisy=between, time=6 / 7) * 6 / 7
    torch.testing.assert_close(last, picture.unsqueeze(0), rtol=1e-4, atol=1e-4)


def test_prompts_of_several_lengths_are_read_as_each_alone(fresh):
    base = fresh("zimage")
    both, noise = predicted(base, PROMPTS), noise_for(2)
    for index, prompt in enumerate(PROMPTS):
        one = predicted(base, [prompt], noise[index : index + 1])
        torch.testing.assert_close(both[index], one[0], rtol=1e-4, atol=1e-5)
    assert (predicted(base, PROMPTS[::-1]) - both).abs().max() > 1e-3


def test_a_prompt_is_counted_with_its_chat_and_cut_where_the_pipeline_cuts(fresh):
    base = fresh("zimage")
    assert base.token_count("jade") == len(base.encode_prompt("jade")["embeds"])
    assert base.token_count("j" * 600) > base.token_limit == len(base.encode_prompt("j" * 600)["embeds"])


def test_latents_are_shifted_and_have_about_unit_variance(fresh, synthetic_people):
    base = fresh("zimage")
    photo = np.asarray(Image.open(sorted((synthetic_people / "sources").glob("*.jpg"))[0]).resize((128, 96)))
    latents, config = base.encode_image(photo), base.pipeline.vae.config
    assert latents.shape == (16, 12, 16)
    assert 0.7 < latents.square().mean().sqrt() < 1.4
    pixels = torch.tensor(photo).permute(2, 0, 1).unsqueeze(0) / 127.5 - 1
    with torch.no_grad():
        plain = base.pipeline.vae.encode(pixels).latent_dist.mode()[0]
    torch.testing.assert_close(latents, (plain - config.shift_factor) * config.scaling_factor)
    assert base.decode_latents(latents).shape == (96, 128, 3)


def test_a_resumed_run_ends_with_the_same_bytes(tmp_path, whole):
    folder = whole.folder.folder.parents[1] / "lora_training"
    with pytest.raises(Stop):
        run_in(tmp_path, folder, train_config(**SETTINGS), architecture="zimage", on_window=stop_at(3))
    resumed = run_in(tmp_path, folder, train_config(**SETTINGS), architecture="zimage")
    assert resumed.trained.resumed_from == 2
    assert resumed.sha256 == whole.sha256
    assert whole.trained.probe_after != whole.trained.probe_before


def fused(transformer):
    """The transformer's weights under Z-Image's own names, as ComfyUI holds them: one matrix for q, k and v."""
    native = {}
    for name, tensor in transformer.state_dict().items():
        block, _, end = name.partition(".attention.")
        if end in ("to_q.weight", "to_k.weight", "to_v.weight"):
            native.setdefault(f"{block}.attention.qkv.weight", []).append(tensor)
            continue
        renamed = {
            "to_out.0.weight": "out.weight",
            "norm_q.weight": "q_norm.weight",
            "norm_k.weight": "k_norm.weight",
        }
        name = f"{block}.attention.{renamed[end]}" if end else name
        native[
            name.replace("all_x_embedder.2-1", "x_embedder").replace("all_final_layer.2-1", "final_layer")
        ] = tensor
    return {name: torch.cat(value) if isinstance(value, list) else value for name, value in native.items()}


def comfy_place(name, width):
    """Where ComfyUI merges a file's layer: its own weight, and which rows of it (z_image_to_diffusers in comfy/utils.py,
    model_lora_keys_unet in comfy/lora.py; read 2026-11)."""
    layer = name.removeprefix("diffusion_model.")
    block, _, end = layer.rpartition(".attention.")
    if end in ("to_q", "to_k", "to_v"):
        start = width * ("q", "k", "v").index(end[-1])
        return f"{block}.attention.qkv.weight", slice(start, start + width)
    return layer.replace(".attention.to_out.0", ".attention.out") + ".weight", slice(None)


def test_comfyui_reads_every_key_and_merges_what_was_trained(whole, fresh):
    trained, base, tensors = predicted(whole.base), fresh("zimage"), load(whole.data)
    untouched, native, used = predicted(base), fused(base.network), set()
    for name in {key.removesuffix(".alpha") for key in tensors if key.endswith(".alpha")}:
        assert name.startswith("diffusion_model.layers.")
        place, rows = comfy_place(name, base.network.config.dim)
        keys = [f"{name}.{part}" for part in ("lora_up.weight", "lora_down.weight", "alpha")]
        up, down, alpha = (tensors[key] for key in keys)
        native[place] = native[place].clone()
        native[place][rows] += alpha / len(down) * up @ down
        used |= set(keys)
    assert used == set(tensors)
    assert len(used) == 3 * 7 * base.network.config.n_layers
    base.network.load_state_dict(convert_z_image_transformer_checkpoint_to_diffusers(native))
    effect = (trained - untouched).abs().max()
    assert effect > 1e-4
    assert (predicted(base) - trained).abs().max() < 1e-3 * effect


def test_the_file_is_published_and_says_what_it_is(tmp_path, whole):
    one, file = whole.set.first(), tmp_path / "jade-v1.safetensors"
    check = publish(whole.data, file, whole.base, one.condition, tuple(one.latents.shape[1:]))
    assert (check.layers, check.effect > 0) == (14, True)
    read = read_lora(file)
    assert (read.naming, read.layers, read.scales) == (
        "diffusion_model (ComfyUI, diffusers)",
        {"transformer": 14},
        {0.75: 14},
    )


def test_another_trainers_file_is_recognised_by_its_width(tmp_path):
    file = tmp_path / "x.safetensors"
    for layer in ("diffusion_model.layers.0.attention.to_k", "lora_unet_layers_0_attention_to_k"):
        file.write_bytes(weights_bytes({f"{layer}.lora_down.weight": torch.ones(2, 3840)}, {}))
        assert read_lora(file).family == "Z-Image"


def test_metadata_call_it_as_its_trainers_do(folder):
    facts = replace(FACTS, base=told_base(ZImage, prediction=None))
    metadata = describe(
        {"x.alpha": torch.tensor(1.0)}, facts, train_config("zimage"), read_examples(folder), steps=1
    )
    expected = {
        "ss_base_model_version": "z_image", "modelspec.architecture": "Z-Image/lora",
        "ss_timestep_sampling": "sigmoid", "ss_discrete_flow_shift": "2.0",
    }  # fmt: skip
    assert expected.items() <= metadata.items()
    assert "modelspec.prediction_type" not in metadata


@pytest.mark.parametrize(
    ("architecture", "change", "word"),
    [
        ("zimage", {"weighting": "min_snr"}, "weighting: none"),
        ("zimage", {"text_encoder_lr": 1e-4}, "text_encoder_lr: null"),
        ("zimage", {"bucket_step_px": 8}, "multiple of 16"),
        ("sdxl", {"timesteps": "logit_normal"}, "flows"),
        ("sd15", {"timestep_shift": 3.0}, "flows"),
    ],
)
def test_settings_that_mean_nothing_to_a_base_are_named(architecture, change, word):
    assert incompatibilities(architecture, train_config(architecture)) == []
    (problem,) = incompatibilities(architecture, train_config(architecture, **change))
    assert word in problem


def test_one_file_is_refused_with_a_remedy(in_tmp):
    Path("z_image_bf16.safetensors").touch()
    with pytest.raises(ConfigError, match="transformer alone") as caught:
        load_base(base_config("zimage", source="z_image_bf16.safetensors", seed=None), device="cpu")
    assert "folder" in caught.value.remedy


@pytest.mark.parametrize(
    ("part", "change", "word"),
    [
        ("scheduler", {"use_dynamic_shifting": True}, "shifts timesteps"),
        ("transformer", {"in_channels": 4}, "channels"),
    ],
)
def test_a_model_of_another_kind_is_refused(tmp_path, in_tmp, fresh, part, change, word):
    pipeline = fresh("zimage").pipeline
    getattr(pipeline, part).register_to_config(**change)
    assert word in type(fresh("zimage")).incompatibility(pipeline)


def test_a_chat_template_is_part_of_the_bases_digest(tmp_path, in_tmp, fresh):
    fresh("zimage").pipeline.save_pretrained(tmp_path / "model")
    source = base_config("zimage", source=str(tmp_path / "model"), seed=None)
    before = load_base(source, device="cpu").digest
    template = tmp_path / "model/tokenizer/chat_template.jinja"
    template.write_text(template.read_text().replace("user", "person") + " ")
    assert load_base(source, device="cpu").digest != before
    assert json.loads((tmp_path / "model/model_index.json").read_text())["_class_name"] == "ZImagePipeline"
