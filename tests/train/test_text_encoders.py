"""Text encoders that learn: read as diffusers reads them, saved under names that readers know, resumed bit for bit."""

import pytest
import torch
from lora_runs import Stop, run_in, stop_at, train_config
from safetensors.torch import load

from likeness.errors import ConfigError
from likeness.lora.export import publish

LEARNING = {"text_encoder_lr": 1.0e-3, "steps": 4, "caption_dropout": 0.2}
# Layers of CLIP that ComfyUI maps (comfy/utils.py CLIP_LAYERS in comfy/lora.py LORA_CLIP_MAP; read 2026-11).
CLIP_LAYERS = {
    "mlp_fc1", "mlp_fc2", "self_attn_k_proj", "self_attn_q_proj", "self_attn_v_proj", "self_attn_out_proj",
}  # fmt: skip


@pytest.mark.parametrize("text", ["jade woman, red hair", "", "red " * 200])
@pytest.mark.parametrize("architecture", ["sdxl", "sd15"])
def test_a_prompt_is_read_bit_for_bit_as_the_pipeline_reads_it(fresh, architecture, text):
    base = fresh(architecture)
    found = base.encode_prompt(text)
    with torch.no_grad():
        read = base.pipeline.encode_prompt(
            text, device="cpu", num_images_per_prompt=1, do_classifier_free_guidance=False
        )
    assert torch.equal(found["embeds"], read[0][0])
    assert found["embeds"].dtype == read[0].dtype
    if architecture == "sdxl":
        assert torch.equal(found["pooled"], read[2][0])


@pytest.mark.parametrize(
    ("architecture", "prefixes"), [("sdxl", ("lora_te1_", "lora_te2_")), ("sd15", ("lora_te_",))]
)
def test_the_file_does_in_a_fresh_pipeline_what_training_did(tmp_path, folder, fresh, architecture, prefixes):
    run = run_in(tmp_path / "run", folder, train_config(**LEARNING), architecture=architecture)
    prompt, noise = (
        "jade woman, picture 1",
        torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(3)),
    )

    @torch.no_grad()
    def predicted(base):
        condition = {key: value.unsqueeze(0) for key, value in base.encode_prompt(prompt).items()}
        condition["time_ids"] = torch.tensor([[64.0, 64, 0, 0, 64, 64]])
        return condition["embeds"], base.predict(noise, torch.tensor([300]), condition)

    (embeds, trained), base = predicted(run.base), fresh(architecture)
    before, untouched = predicted(base)
    assert not torch.equal(embeds, before)
    file = tmp_path / "jade-v1.safetensors"
    one = run.set.first()
    check = publish(run.data, file, run.base, one.condition, tuple(one.latents.shape[1:]))
    assert check.layers == len(run.trained.parameters) // 2

    base.pipeline.load_lora_weights(str(tmp_path), weight_name=file.name)
    again, loaded = predicted(base)
    torch.testing.assert_close(again, embeds, atol=1e-5, rtol=1e-4)
    assert (loaded - trained).abs().max() < 1e-3 * (trained - untouched).abs().max()

    told = {key.split(".")[0] for key in load(run.data) if not key.startswith("lora_unet_")}
    for prefix in prefixes:
        layers = {
            name.removeprefix(f"{prefix}text_model_encoder_layers_")
            for name in told
            if name.startswith(prefix)
        }
        assert {layer.partition("_")[2] for layer in layers} == CLIP_LAYERS
        assert all(layer.partition("_")[0].isdigit() for layer in layers)
    assert all(name.startswith(prefixes) for name in told)


@pytest.mark.slow
def test_a_resumed_run_ends_with_the_same_bytes(tmp_path, folder):
    cfg = train_config(**LEARNING, checkpoint_every_steps=2)
    whole = run_in(tmp_path / "whole", folder, cfg)
    with pytest.raises(Stop):
        run_in(tmp_path / "cut", folder, cfg, on_window=stop_at(3))
    resumed = run_in(tmp_path / "cut", folder, cfg)
    assert resumed.trained.resumed_from == 2
    assert resumed.sha256 == whole.sha256


def test_a_base_whose_text_encoder_cannot_learn_says_so(fresh):
    class Deaf(type(fresh())):
        TEXT_ENCODERS = ()

    deaf = Deaf(**vars(fresh()))
    with pytest.raises(ConfigError, match="text_encoder_lr") as caught:
        deaf.parts(text_encoders=True)
    assert "null" in caught.value.remedy


def test_prodigy_has_one_rate():
    with pytest.raises(ValueError, match="text_encoder_lr"):
        train_config(optimizer="prodigy", lr=1.0, text_encoder_lr=0.5)
