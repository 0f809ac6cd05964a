"""FLUX.2 klein: what its files say, what memory it needs, and which settings and models are none of its."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from lora_runs import FACTS, base_config, told_base, train_config

from likeness.diffusion.families.flux2 import Flux2Klein
from likeness.diffusion.load import load_base
from likeness.errors import ConfigError
from likeness.lora.inspect import read_lora
from likeness.lora.safetensors_io import weights_bytes
from likeness.train.config import incompatibilities
from likeness.train.native.data import read_examples
from likeness.train.native.memory import predict
from likeness.train.native.metadata import describe


def test_another_trainers_file_is_recognised_by_its_layers(tmp_path):
    file, layer = tmp_path / "x.safetensors", "transformer.single_transformer_blocks.3.attn.to_qkv_mlp_proj"
    file.write_bytes(weights_bytes({f"{layer}.lora_A.weight": torch.ones(2, 3072)}, {}))
    assert read_lora(file).family == "FLUX.2 klein"


def test_metadata_call_it_as_its_trainers_do(folder):
    facts = replace(FACTS, base=told_base(Flux2Klein, prediction=None))
    metadata = describe({}, facts, train_config("flux2"), read_examples(folder), steps=1)
    expected = {
        "ss_base_model_version": "flux_2_klein_4b", "modelspec.architecture": "Flux.2-klein-4b/lora",
        "ss_timestep_sampling": "sigmoid", "ss_discrete_flow_shift": "3.0", "ss_network_alpha": "4", "ss_network_dim": "4",
    }  # fmt: skip
    assert expected.items() <= metadata.items()
    assert "modelspec.prediction_type" not in metadata


def test_memory_is_predicted_from_what_is_published():
    published = base_config("flux2", source="black-forest-labs/FLUX.2-klein-base-4B", seed=None)
    whole = predict(published, train_config("flux2", side_px=1024, batch_size=1))
    # 3.88 and 4.02 billion parameters in bf16, 84 million in float32.
    assert whole.weights == pytest.approx(2 * (3.876e9 + 4.02e9) + 4 * 84e6, rel=0.002)
    assert whole.kept_checkpointed < whole.kept / 3
    packed = predict(published.model_copy(update={"quantize": "nf4"}), train_config("flux2"))
    assert packed.weights < whole.weights - 5e9


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"weighting": "min_snr"}, "weighting: none"),
        ({"text_encoder_lr": 1e-4}, "text_encoder_lr: null"),
        ({"bucket_step_px": 8}, "multiple of 16"),
    ],
)
def test_settings_that_mean_nothing_to_it_are_named(change, word):
    assert incompatibilities("flux2", train_config("flux2")) == []
    (problem,) = incompatibilities("flux2", train_config("flux2", **change))
    assert word in problem


def test_one_file_is_refused_with_a_remedy(in_tmp):
    Path("flux-2-klein-base-4b.safetensors").touch()
    with pytest.raises(ConfigError, match="transformer alone") as caught:
        load_base(base_config("flux2", source="flux-2-klein-base-4b.safetensors", seed=None), device="cpu")
    assert "folder" in caught.value.remedy


@pytest.mark.parametrize(
    ("change", "word"), [({"guidance_embeds": True}, "FLUX.2 dev"), ({"in_channels": 128}, "channels")]
)
def test_a_model_of_another_kind_is_refused(fresh, change, word):
    pipeline = fresh("flux2").pipeline
    pipeline.transformer.register_to_config(**change)
    assert word in Flux2Klein.incompatibility(pipeline)
