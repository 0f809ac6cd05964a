"""FLUX.2 klein: predictions and latents are the pipeline's, and ComfyUI and diffusers read the file as it was trained."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from lora_runs import Stop, base_config, make_folder, run_in, stop_at, train_config
from PIL import Image
from safetensors.torch import load

from likeness.diffusion.generate import GenerationRequest, generate
from likeness.diffusion.load import load_base
from likeness.lora.convert import convert
from likeness.lora.export import check_loads, publish
from likeness.lora.inspect import read_lora
from likeness.lora.load import load_lora, loaded_lora

PROMPTS = ("jade", "jade woman, a photograph in a library, warm light")
SETTINGS = {
    "architecture": "flux2",
    "steps": 4,
    "checkpoint_every_steps": 2,
    "caption_dropout": 0.3,
    "alpha": 3,
}
REQUEST = GenerationRequest(
    prompt="jade woman", negative_prompt="blurred", seed=1, steps=2, guidance_scale=4.0, side_px=64
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A short run; nobody changes it."""
    torch.set_num_threads(1)
    place = tmp_path_factory.mktemp("whole")
    return run_in(place, make_folder(place / "lora_training"), train_config(**SETTINGS), architecture="flux2")


@pytest.fixture(scope="module")
def base():
    """An untouched twin; who loads something into it takes it out again."""
    torch.set_num_threads(1)
    return load_base(base_config("flux2"), device="cpu")


def noise_for(count=1, height=8, width=12):
    return torch.randn((count, 8, height, width), generator=torch.Generator().manual_seed(1))


@torch.no_grad()
def predicted(base, prompts=PROMPTS[:1], noisy=None, time=0.5):
    noisy = noise_for(len(prompts)) if noisy is None else noisy
    condition = base.collate([base.encode_prompt(prompt) for prompt in prompts])
    return base.predict(noisy, torch.full((len(prompts),), time), condition)


@torch.no_grad()
def test_what_it_predicts_is_what_the_pipelines_own_call_gives(base):
    pipeline, noise = base.pipeline, noise_for(2)
    patches = pipeline._patchify_latents(noise)
    embeds, words = pipeline.encode_prompt(list(PROMPTS), device=base.device)
    places = pipeline._prepare_latent_ids(patches)
    velocity = base.network(
        hidden_states=pipeline._pack_latents(patches), timestep=torch.tensor([0.5, 0.5]), guidance=None,
        encoder_hidden_states=embeds, txt_ids=words, img_ids=places, return_dict=False,
    )[0]  # fmt: skip
    expected = pipeline._unpatchify_latents(pipeline._unpack_latents_with_ids(velocity, places))
    assert torch.equal(predicted(base, PROMPTS), expected)
    assert (predicted(base, PROMPTS[::-1]) - expected).abs().max() > 1e-3


@torch.no_grad()
def test_one_step_of_the_pipeline_goes_along_the_predicted_velocity(base):
    pipeline, noise = base.pipeline, noise_for(1, 8, 8)
    (picture,) = pipeline(
        prompt=PROMPTS[0], latents=pipeline._patchify_latents(noise), height=64, width=64, num_inference_steps=1,
        guidance_scale=1.0, output_type="latent",
    ).images  # fmt: skip
    expected = base.unscale(noise - predicted(base, noisy=noise, time=1.0))
    torch.testing.assert_close(picture, expected[0], rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_latents_are_normed_as_the_pipeline_norms_them_and_have_about_unit_variance(base, synthetic_people):
    photo = np.asarray(Image.open(sorted((synthetic_people / "sources").glob("*.jpg"))[0]).resize((128, 96)))
    latents, pipeline = base.encode_image(photo), base.pipeline
    pixels = torch.tensor(photo).permute(2, 0, 1).unsqueeze(0) / 127.5 - 1
    expected = pipeline._unpatchify_latents(pipeline._encode_vae_image(pixels, None))[0]
    torch.testing.assert_close(latents, expected)
    assert latents.shape == (8, 12, 16)
    assert 0.5 < latents.std() < 2
    torch.testing.assert_close(base.scale(base.unscale(expected[None])), expected[None])
    assert base.decode_latents(latents).shape == (96, 128, 3)


def test_a_picture_is_the_pipelines_own_and_heeds_its_negative_prompt(base):
    (drawn,) = generate(base, [REQUEST])
    negative, _ = base.pipeline.encode_prompt("blurred", device=base.device)
    (own,) = base.pipeline(
        prompt=REQUEST.prompt, negative_prompt_embeds=negative, height=64, width=64, num_inference_steps=2, guidance_scale=4.0,
        generator=torch.Generator().manual_seed(1), output_type="np",
    ).images  # fmt: skip
    assert np.abs(drawn - own * 255).max() <= 1
    (other,) = generate(base, [replace(REQUEST, negative_prompt="")])
    assert not np.array_equal(drawn, other)


def test_a_prompt_is_counted_with_its_chat_and_cut_where_the_pipeline_cuts(base):
    (ids,) = base.pipeline.tokenizer(
        "<|im_start|>user\njade<|im_end|>\n<|im_start|>assistant\n", return_tensors="pt"
    ).input_ids
    assert base.token_count("jade") == len(ids)
    assert base.token_count("j" * 600) > base.token_limit == len(base.encode_prompt("jade")["embeds"])


@pytest.mark.slow
def test_a_resumed_run_ends_with_the_same_bytes(tmp_path, whole):
    folder = whole.folder.folder.parents[1] / "lora_training"
    with pytest.raises(Stop):
        run_in(tmp_path, folder, train_config(**SETTINGS), architecture="flux2", on_window=stop_at(3))
    resumed = run_in(tmp_path, folder, train_config(**SETTINGS), architecture="flux2")
    assert resumed.trained.resumed_from == 2
    assert resumed.sha256 == whole.sha256
    assert whole.trained.probe_after != whole.trained.probe_before


def test_diffusers_reads_the_file_and_draws_what_was_trained(tmp_path, whole, base):
    trained, untouched, file = predicted(whole.base), predicted(base), tmp_path / "jade-v1.safetensors"
    file.write_bytes(whole.data)
    (plain,) = generate(base, [REQUEST])
    base.pipeline.load_lora_weights(str(tmp_path), weight_name=file.name)
    effect = (trained - untouched).abs().max()
    assert effect > 1e-4
    assert (predicted(base) - trained).abs().max() < 1e-3 * effect
    base.pipeline.unload_lora_weights()
    assert torch.equal(predicted(base), untouched)
    with loaded_lora(base, file):
        (drawn,) = generate(base, [REQUEST])
    assert not np.array_equal(drawn, plain)


def comfy_place(name, width):
    """Where ComfyUI merges a file's layer: its own weight, and which rows of it (flux_to_diffusers in comfy/utils.py, its
    names after `transformer.`; model_lora_keys_unet in comfy/lora.py; read 2026-11)."""
    block, number, layer = name.removeprefix("transformer.").split(".", 2)
    if block == "single_transformer_blocks":
        return (
            f"single_blocks.{number}." + {"attn.to_qkv_mlp_proj": "linear1", "attn.to_out": "linear2"}[layer]
        )
    place = f"double_blocks.{number}."
    for stream, names in {
        "img": ("to_q", "to_k", "to_v"),
        "txt": ("add_q_proj", "add_k_proj", "add_v_proj"),
    }.items():
        if (own := layer.removeprefix("attn.")) in names:
            start = width * names.index(own)
            return f"{place}{stream}_attn.qkv", slice(start, start + width)
    return place + {"attn.to_out.0": "img_attn.proj", "attn.to_add_out": "txt_attn.proj"}[layer]


def test_comfyui_maps_every_key_and_merges_what_was_trained(whole, base):
    tensors, width = load(whole.data), base.network.inner_dim
    names = {name.rpartition(".lora_")[0] for name in tensors}
    assert set(tensors) == {f"{name}.lora_{end}.weight" for name in names for end in "AB"}
    places = {name: comfy_place(name, width) for name in names}
    assert len({str(place) for place in places.values()}) == len(names) == 8 + 2 * 2
    trained = predicted(whole.base)
    weights = dict(base.network.named_parameters())
    before = {name: weights[f"{name.removeprefix('transformer.')}.weight"].clone() for name in names}
    try:
        for name in names:  # ComfyUI adds up @ down where a file has no alpha
            change = tensors[f"{name}.lora_B.weight"] @ tensors[f"{name}.lora_A.weight"]
            weights[f"{name.removeprefix('transformer.')}.weight"].data += change
        assert (predicted(base) - trained).abs().max() < 1e-5
    finally:
        for name, weight in before.items():
            weights[f"{name.removeprefix('transformer.')}.weight"].data = weight


@pytest.mark.parametrize(
    "kind", ["dora", *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("pissa", "lokr"))]
)
def test_every_kind_is_loaded_as_it_was_trained(tmp_path, folder, fresh, kind):
    changes = {"lora_kind": kind, "rank": 2, "alpha": 3, "steps": 2, "caption_dropout": 0.0}
    run = run_in(tmp_path, folder, train_config(**(SETTINGS | changes)), architecture="flux2")
    trained, untouched = predicted(run.base), fresh("flux2")
    file = tmp_path / "x.safetensors"
    file.write_bytes(run.data)
    one = run.set.first()
    assert check_loads(file, run.base, one.condition, tuple(one.latents.shape[1:])).layers == 12
    effect = (predicted(untouched) - trained).abs().max()
    load_lora(untouched, file)
    assert (predicted(untouched) - trained).abs().max() < 1e-3 * effect


def test_the_file_is_published_and_says_what_it_is(tmp_path, whole):
    one, file = whole.set.first(), tmp_path / "jade-v1.safetensors"
    check = publish(whole.data, file, whole.base, one.condition, tuple(one.latents.shape[1:]))
    read = read_lora(file)
    assert (check.layers, check.effect > 0) == (12, True)
    assert (read.naming, read.layers, read.scales) == ("diffusers", {"transformer": 12}, {1.0: 12})
    again = load(convert(written(tmp_path, whole.data), to="diffusers", dtype=None).data)
    assert all(torch.equal(again[name], tensor) for name, tensor in load(whole.data).items())


def written(tmp_path, data):
    (tmp_path / "whole.safetensors").write_bytes(data)
    return tmp_path / "whole.safetensors"


def test_a_diffusers_file_is_told_from_z_images_when_it_is_converted(whole, tmp_path):
    converted = load(convert(written(tmp_path, whole.data), to="kohya", dtype=None).data)
    assert converted.keys() == load(whole.data).keys()


def test_it_is_read_from_a_folder_as_from_a_seed(tmp_path, in_tmp, base):
    base.pipeline.save_pretrained(tmp_path / "model")
    read = load_base(base_config("flux2", source=str(tmp_path / "model"), seed=None), device="cpu")
    assert torch.equal(predicted(read), predicted(base))
    assert torch.equal(read.pipeline.vae.bn.running_mean, base.pipeline.vae.bn.running_mean)
