"""Base models: built from a seed, read from a folder or one file, refused with a remedy."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from ldm_file import write_single_file
from lora_runs import base_config, train_config
from padding import shift_tensors
from safetensors.torch import load_file, save_file

from likeness.diffusion.digest import files_digest, folder_files
from likeness.diffusion.families import bases
from likeness.diffusion.load import load_base, pick_device
from likeness.errors import ConfigError

ROOT = Path(__file__).parents[2]
# A family that is added is not among the slow ones: docs/adding-a-base.md runs these tests for it.
ALL = [pytest.param(name, marks=pytest.mark.slow if name in ("sdxl", "flux2") else ()) for name in bases()]


def pretrained(source, architecture="sdxl", **changes):
    return base_config(architecture, source=str(source), seed=None, **changes)


def predict(base):
    condition = base.collate([base.encode_prompt("jade woman")])
    condition["time_ids"] = torch.tensor([[64.0, 64, 0, 0, 64, 64]])
    channels = base.pipeline.vae.config.latent_channels
    noise = torch.randn((1, channels, 8, 8), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        return base.predict(noise, torch.tensor([base.MID_TIMESTEP]), condition)


@pytest.mark.parametrize("architecture", ALL)
def test_the_same_seed_builds_the_same_base(fresh, architecture):
    first, second = fresh(architecture), fresh(architecture)
    assert first.digest == second.digest
    assert torch.equal(predict(first), predict(second))
    assert load_base(base_config(architecture, seed=1), device="cpu").digest != first.digest


def test_building_leaves_the_callers_random_state_alone(fresh):
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    fresh()
    assert torch.equal(torch.rand(1), expected)


def test_the_random_base_has_the_shape_of_sdxl(fresh):
    base = fresh()
    config = base.network.config
    assert (config.addition_embed_type, config.use_linear_projection) == ("text_time", True)
    assert base.pipeline.text_encoder_2.__class__.__name__ == "CLIPTextModelWithProjection"
    parameters = sum(parameter.numel() for parameter in base.network.parameters())
    assert 1e6 < parameters < 1e7
    assert not any(parameter.requires_grad for parameter in base.network.parameters())


def test_a_schedule_of_zero_terminal_snr_is_trained_on(fresh):
    base = fresh()
    plain = base.process(train_config().objective).alphas.double().sqrt()
    scheduler = base.pipeline.scheduler
    base.pipeline.scheduler = scheduler.from_config(
        scheduler.config, prediction_type="v_prediction", rescale_betas_zero_snr=True
    )
    process = base.process(train_config(weighting="min_snr", min_snr_gamma=5.0).objective)
    # Lin et al., arXiv 2305.08891, algorithm 1: shifted so that the last is 0, scaled so that the first stays.
    wanted = ((plain - plain[-1]) * plain[0] / (plain[0] - plain[-1])) ** 2
    torch.testing.assert_close(process.alphas.double(), wanted, rtol=1e-3, atol=1e-7)
    assert process.alphas[-1] == 0
    steps = torch.tensor([500, 999])
    snr = (wanted[500] / (1 - wanted[500])).item()
    assert process.weights(steps).tolist() == pytest.approx([min(snr, 5) / (snr + 1), 0], rel=1e-3)
    latents, noise = torch.full((2, 1, 1, 1), 2.0), torch.full((2, 1, 1, 1), 10.0)
    assert process.noisy(latents, noise, steps)[1].item() == 10
    assert process.target(latents, noise, steps)[1].item() == -2


def test_images_and_prompts_are_encoded(fresh, synthetic_people):
    from PIL import Image

    base = fresh()
    photo = np.asarray(Image.open(sorted((synthetic_people / "sources").glob("*.jpg"))[0]).resize((128, 96)))
    latents = base.encode_image(photo)
    assert latents.shape == (4, 12, 16)
    assert 0.5 < latents.square().mean().sqrt() < 2
    assert base.decode_latents(latents).shape == (96, 128, 3)
    one, other = base.encode_prompt("jade woman"), base.encode_prompt("jade women")
    assert {name: tuple(value.shape) for name, value in one.items()} == {"embeds": (77, 128), "pooled": (64,)}
    assert not torch.equal(one["embeds"], other["embeds"])
    assert not torch.equal(one["pooled"], other["pooled"])


@pytest.mark.parametrize("architecture", ALL)
def test_a_diffusers_folder_is_the_same_model(tmp_path, in_tmp, fresh, architecture):
    made = fresh(architecture)
    made.pipeline.save_pretrained(tmp_path / "model")
    read = load_base(pretrained(tmp_path / "model", architecture), device="cpu")
    assert torch.equal(predict(read), predict(made))
    again = load_base(pretrained(tmp_path / "model", architecture), device="cpu")
    assert again.digest == read.digest


@pytest.mark.parametrize(
    "architecture", [pytest.param(name, marks=() if name == "sd15" else pytest.mark.slow) for name in bases()]
)
def test_where_a_files_tensors_start_does_not_matter(tmp_path, in_tmp, fresh, architecture):
    made = fresh(architecture)
    made.pipeline.save_pretrained(tmp_path / "model")
    rgb = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    for shift in (0, 1, 7, 24):  # one after the other: 0, 1, 8, 32
        for weights in (tmp_path / "model").rglob("*.safetensors"):
            shift_tensors(weights, shift)
        read = load_base(pretrained(tmp_path / "model", architecture), device="cpu")
        assert torch.equal(predict(read), predict(made))
        assert torch.equal(read.encode_image(rgb), made.encode_image(rgb))
        prompts = read.encode_prompt("jade woman"), made.encode_prompt("jade woman")
        assert all(torch.equal(prompts[0][name], prompts[1][name]) for name in prompts[1])


def test_one_safetensors_file_is_the_same_model(tmp_path, in_tmp, fresh):
    made = fresh("sd15")
    made.pipeline.save_pretrained(tmp_path / "model")
    write_single_file(made.pipeline, tmp_path / "model.safetensors")
    # The configuration and the tokenizer come from the folder, the weights from the file.
    for weights in (tmp_path / "model").rglob("*.safetensors"):
        weights.unlink()
    source, config = tmp_path / "model.safetensors", str(tmp_path / "model")
    read = load_base(pretrained(source, "sd15", config=config), device="cpu")
    assert torch.equal(predict(read), predict(made))
    rgb = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    assert torch.equal(read.encode_image(rgb), made.encode_image(rgb))


@pytest.mark.parametrize("architecture", bases())
def test_a_folder_whose_text_encoder_lacks_numbers_is_refused(tmp_path, fresh, architecture):
    folder = tmp_path / "base"
    fresh(architecture).pipeline.save_pretrained(folder)
    file = folder / "text_encoder" / "model.safetensors"
    kept = {name: one for name, one in load_file(file).items() if "layers.0.mlp." not in name}
    save_file(kept, file, metadata={"format": "pt"})
    with pytest.raises(ConfigError, match=r"its text_encoder has [\d,]+ numbers, and its files hold [\d,]+"):
        load_base(pretrained(folder, architecture), device="cpu")


def test_a_folders_digest_follows_its_bytes_and_reads_the_wanted_variant(tmp_path, fresh):
    fresh().pipeline.save_pretrained(tmp_path / "model")
    memo, unet = tmp_path / "memo", tmp_path / "model" / "unet"
    plain = folder_files(tmp_path / "model", None)
    before = files_digest(plain, tmp_path / "model", memo)
    weights = unet / "diffusion_pytorch_model.safetensors"
    half = unet / "diffusion_pytorch_model.fp16.safetensors"
    half.write_bytes(b"half")
    assert folder_files(tmp_path / "model", None) == plain
    assert half in folder_files(tmp_path / "model", "fp16")
    assert weights not in folder_files(tmp_path / "model", "fp16")
    assert files_digest(plain, tmp_path / "model", memo) == before
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    assert files_digest(plain, tmp_path / "model", memo) != before


@pytest.mark.parametrize("source", ["missing/folder.safetensors", "/no/such/folder"])
def test_a_base_that_is_not_there_is_told_with_a_remedy(in_tmp, source):
    with pytest.raises(ConfigError) as caught:
        load_base(pretrained(source), device="cpu")
    assert caught.value.reason == "base-unavailable"
    assert "hub id" in caught.value.remedy


def test_another_architecture_than_named_is_refused(tmp_path, in_tmp, fresh):
    fresh("sd15").pipeline.save_pretrained(tmp_path / "model")
    with pytest.raises(ConfigError) as caught:
        load_base(pretrained(tmp_path / "model", "sdxl"), device="cpu")
    assert caught.value.reason in ("base-kind", "base-unavailable")


@pytest.mark.parametrize(
    ("prediction", "accepted"), [("epsilon", True), ("v_prediction", True), ("sample", False)]
)
def test_what_a_model_predicts_is_read_from_its_scheduler(tmp_path, in_tmp, fresh, prediction, accepted):
    pipeline = fresh().pipeline
    pipeline.scheduler.register_to_config(prediction_type=prediction)
    pipeline.save_pretrained(tmp_path / "model")
    if accepted:
        assert load_base(pretrained(tmp_path / "model"), device="cpu").prediction == prediction
        return
    with pytest.raises(ConfigError, match=prediction):
        load_base(pretrained(tmp_path / "model"), device="cpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_told(fresh):
    assert pick_device("auto").type == "cpu"
    with pytest.raises(ConfigError) as caught:
        pick_device("cuda")
    assert caught.value.reason == "no-gpu"


def test_settings_are_read_without_torch():
    code = "import sys, likeness.lora, likeness.train.config; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
