"""A base is trained as what it says it is, and two that contradict each other are refused."""

import json

import pytest
from lora_runs import base_config
from pydantic import ValidationError
from safetensors.torch import load_file, save_file

from likeness.diffusion.load import load_base
from likeness.errors import ConfigError

pytestmark = pytest.mark.slow


V = {"modelspec.prediction_type": "v"}


@pytest.mark.parametrize(("keys", "metadata"), [(("v_pred",), None), (("v_pred", "ztsnr"), None), ((), V)])
def test_a_files_markers_are_read(single, keys, metadata):
    base = load_base(single(keys, metadata, prediction="v_prediction"), device="cpu")
    assert base.prediction == "v_prediction"
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


@pytest.mark.parametrize("said", ["V", " v ", "v-pred", "vpred", "V_PREDICTION", "velocity"])
def test_other_words_for_v_contradict_nothing(single, said):
    cfg = single((), {"modelspec.prediction_type": said}, "v_prediction")
    assert load_base(cfg, device="cpu").prediction == "v_prediction"


@pytest.mark.parametrize("said", ["", " ", "None", "null", "unknown"])
def test_a_word_that_says_nothing_contradicts_nothing(single, said):
    cfg = single((), {"modelspec.prediction_type": said}, "epsilon")
    assert load_base(cfg, device="cpu").prediction == "epsilon"


def test_a_strangers_word_is_told_short_and_without_escapes(single):
    with pytest.raises(ConfigError) as caught:
        load_base(single((), {"modelspec.prediction_type": "\x1b[2Jx0" * 300}, "epsilon"), device="cpu")
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 700


@pytest.mark.parametrize("yes", ["true", "1"])
def test_a_yes_of_another_trainer_is_a_yes(single, yes):
    with pytest.raises(ConfigError, match="contradictory"):
        load_base(single((), {"ss_v_parameterization": yes}), device="cpu")
    base = load_base(single((), {"ss_zero_terminal_snr": yes}, "v_prediction"), device="cpu")
    assert base.zero_snr


NO_NOISE = {"rescale_betas_zero_snr": True}


def test_a_configuration_that_contradicts_itself_is_refused(single):
    cfg = single(scheduler=NO_NOISE)
    with pytest.raises(
        ConfigError, match=r"rescale_betas_zero_snr in scheduler_config\.json .* says v_prediction"
    ):
        load_base(cfg, device="cpu")
    for word in ("epsilon", "v_prediction"):
        base = load_base(cfg.model_copy(update={"prediction": word}), device="cpu")
        last = base.pipeline.scheduler.alphas_cumprod[-1].item()
        # What trains and what draws end alike: in pure noise, or not.
        assert (base.zero_snr, last < 1e-6) == (word == "v_prediction",) * 2


def test_a_configuration_of_another_form_is_refused(single):
    with pytest.raises(ConfigError, match="not noise or v"):
        load_base(single(prediction=["v"]), device="cpu")


FLOW = {"_class_name": "FlowMatchEulerDiscreteScheduler"}


def change(path, **values):
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def test_a_scheduler_of_a_flow_is_not_taken_for_noise(single, tmp_path, in_tmp, fresh, capsys):
    cfg = single()
    change(tmp_path / "model" / "scheduler" / "scheduler_config.json", **FLOW)
    with pytest.raises(ConfigError, match="it predicts a flow, not noise or v"):
        load_base(cfg, device="cpu")
    fresh("sd15").pipeline.save_pretrained(tmp_path / "folder")
    change(tmp_path / "folder" / "model_index.json", scheduler=["diffusers", FLOW["_class_name"]])
    folder = base_config("sd15", source=str(tmp_path / "folder"), seed=None)
    with pytest.raises(ConfigError, match="it predicts a flow, not noise or v"):
        load_base(folder, device="cpu")
    assert (
        load_base(folder.model_copy(update={"prediction": "epsilon"}), device="cpu").prediction == "epsilon"
    )
    assert "overrides: scheduler_config.json" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("file", "values", "words"),
    [
        (
            "scheduler/scheduler_config.json",
            {"beta_end": float("nan")},
            "schedule that is not between 0 and 1",
        ),
        ("vae/config.json", {"scaling_factor": 0}, "scaling_factor is 0"),
        ("vae/config.json", {"scaling_factor": float("nan")}, "scaling_factor is nan"),
    ],
)
def test_a_configuration_with_which_nothing_is_learned_is_refused(single, tmp_path, file, values, words):
    cfg = single()
    change(tmp_path / "model" / file, **values)
    with pytest.raises(ConfigError, match=words):
        load_base(cfg, device="cpu")


@pytest.mark.parametrize(
    ("file", "key", "value"),
    [("scheduler/scheduler_config.json", "beta_end", 0.02), ("scheduler/scheduler_config.json", "prediction_type", "v_prediction"),
     ("vae/config.json", "scaling_factor", 1.0), ("tokenizer/tokenizer_config.json", "pad_token", "!")],
)  # fmt: skip
def test_what_a_files_configuration_says_is_part_of_what_the_base_is(single, tmp_path, file, key, value):
    cfg = single()
    before = load_base(cfg, device="cpu").digest
    (tmp_path / "model" / "README.md").write_text("of no account, as the folder's name is")
    moved = cfg.model_copy(update={"config": str((tmp_path / "model").rename(tmp_path / "renamed"))})
    assert load_base(moved, device="cpu").digest == before
    path = tmp_path / "renamed" / file
    path.write_text(json.dumps(json.loads(path.read_text()) | {key: value}))
    assert load_base(moved, device="cpu").digest != before


def test_a_folder_whose_weights_say_otherwise_is_refused(tmp_path, in_tmp, fresh):
    fresh("sd15").pipeline.save_pretrained(tmp_path / "model")
    weights = tmp_path / "model" / "unet" / "diffusion_pytorch_model.safetensors"
    other = weights.with_name("diffusion_pytorch_model.fp16.safetensors")
    cfg = base_config("sd15", source=str(tmp_path / "model"), seed=None)
    save_file(load_file(weights), other, V)  # lies beside the one that is read
    assert load_base(cfg, device="cpu").prediction == "epsilon"
    save_file(load_file(weights), weights, V)
    with pytest.raises(ConfigError, match="contradictory"):
        load_base(cfg, device="cpu")


def test_a_setting_of_the_prediction_is_part_of_what_a_run_is(fresh):
    plain = fresh("sd15")
    other = load_base(base_config("sd15", prediction="v_prediction"), device="cpu")
    assert (plain.prediction, other.prediction) == ("epsilon", "v_prediction")
    assert "prediction" not in plain.identity
    assert other.identity == plain.identity | {"prediction": "v_prediction"}


def test_a_flow_has_no_such_setting():
    with pytest.raises(ValidationError, match="flow's velocity"):
        base_config("zimage", prediction="epsilon")
