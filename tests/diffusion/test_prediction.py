"""A base is trained as what it says it is, and two that contradict each other are refused."""

import json

import pytest
import torch
from ldm_file import write_single_file
from lora_runs import base_config
from pydantic import ValidationError
from safetensors.torch import load_file, save_file

from likeness.diffusion.load import load_base
from likeness.errors import ConfigError


@pytest.fixture
def single(tmp_path, in_tmp, fresh):
    """Writes an SD 1.5 file with further keys and metadata, and the folder of its configuration; settings to load it."""

    def write(keys=(), metadata=None, prediction="epsilon", **changes):
        pipeline = fresh("sd15").pipeline
        pipeline.scheduler.register_to_config(prediction_type=prediction)
        pipeline.save_pretrained(tmp_path / "model")
        for weights in (tmp_path / "model").rglob("*.safetensors"):
            weights.unlink()
        file = tmp_path / "model.safetensors"
        write_single_file(pipeline, file)
        save_file(load_file(file) | {key: torch.zeros(0) for key in keys}, file, metadata)
        settings = {"source": str(file), "config": str(tmp_path / "model"), "seed": None}
        return base_config("sd15", **(settings | changes))

    return write


V = {"modelspec.prediction_type": "v"}


@pytest.mark.parametrize(("keys", "metadata"), [(("v_pred",), None), (("v_pred", "ztsnr"), None), ((), V)])
def test_a_files_markers_are_read(single, keys, metadata):
    base = load_base(single(keys, metadata, prediction="v_prediction"), device="cpu")
    assert base.prediction == "v_prediction"
    assert base.identity["prediction"] == "v_prediction"
    assert bool(base.pipeline.scheduler.config.get("rescale_betas_zero_snr")) == ("ztsnr" in keys)


@pytest.mark.parametrize(
    ("keys", "metadata", "prediction"),
    [(("v_pred",), None, "epsilon"), (("ztsnr",), None, "epsilon"), ((), V, "epsilon"),
     ((), {"modelspec.prediction_type": "epsilon"}, "v_prediction"), ((), {"ss_v_parameterization": "True"}, "epsilon")],
)  # fmt: skip
def test_a_contradiction_is_refused_and_a_setting_overrides_it(single, capsys, keys, metadata, prediction):
    cfg = single(keys, metadata, prediction)
    with pytest.raises(ConfigError, match="contradictory") as caught:
        load_base(cfg, device="cpu")
    assert caught.value.reason == "base-prediction"
    assert "base.prediction" in caught.value.remedy
    chosen = cfg.model_copy(update={"prediction": "v_prediction"})
    assert load_base(chosen, device="cpu").prediction == "v_prediction"
    assert "base.prediction: v_prediction overrides" in capsys.readouterr().err


def test_a_folder_whose_weights_say_otherwise_is_refused(tmp_path, in_tmp, fresh):
    fresh("sd15").pipeline.save_pretrained(tmp_path / "model")
    weights = tmp_path / "model" / "unet" / "diffusion_pytorch_model.safetensors"
    save_file(load_file(weights), weights, V)
    with pytest.raises(ConfigError, match="contradictory"):
        load_base(base_config("sd15", source=str(tmp_path / "model"), seed=None), device="cpu")


def test_a_setting_of_the_prediction_is_part_of_what_a_run_is(fresh):
    plain = fresh("sd15")
    other = load_base(base_config("sd15", prediction="v_prediction"), device="cpu")
    assert (plain.prediction, other.prediction) == ("epsilon", "v_prediction")
    assert "prediction" not in plain.identity
    assert other.identity == plain.identity | {"prediction": "v_prediction"}


def test_a_flow_has_no_such_setting():
    with pytest.raises(ValidationError, match="flow's velocity"):
        base_config("zimage", prediction="epsilon")


def test_the_shapes_of_sd2_are_not_taken_for_sd15(tmp_path, in_tmp, single, fresh):
    cfg = single()
    tensors = load_file(cfg.source)
    name = next(name for name in sorted(tensors) if name.endswith("attn2.to_k.weight"))
    save_file(tensors | {name: torch.zeros(32, 1024)}, cfg.source)
    with pytest.raises(ConfigError, match=r"is SD 2\.x \(its UNet reads 1024") as caught:
        load_base(cfg, device="cpu")
    assert caught.value.reason == "base-kind"
    pipeline = fresh("sd15").pipeline
    pipeline.unet = type(pipeline.unet).from_config(
        dict(pipeline.unet.config) | {"cross_attention_dim": 1024}
    )
    pipeline.save_pretrained(tmp_path / "folder")
    assert (
        json.loads((tmp_path / "folder" / "unet" / "config.json").read_text())["cross_attention_dim"] == 1024
    )
    with pytest.raises(ConfigError, match=r"SD 2\.x"):
        load_base(base_config("sd15", source=str(tmp_path / "folder"), seed=None), device="cpu")
