"""The settings of training and base: what cannot work is refused before anything runs."""

import pytest
from lora_runs import base_config, train_config
from pydantic import ValidationError

from likeness.errors import ConfigError
from likeness.lora.config import AdapterConfig
from likeness.settings import Section
from likeness.train.config import OptimizerConfig, TrainConfig
from likeness.train.earlier_names import (
    EARLIER_OPTIMIZERS,
    MOVED,
    NOT_IN_RUN_KEY,
    PRESERVATION,
    refuse_earlier_names,
    run_settings,
)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"steps": 0}, "steps"),
        ({"batch_size": 0}, "batch_size"),
        ({"targets": []}, "targets"),
        ({"warmup_steps": 6}, "must be less than steps"),
        ({"side_px": 100}, "not a multiple"),
        ({"epochs": 0}, "epochs"),
        ({"epoch": 3}, "epoch"),
        ({"min_snr_gamma": 0}, "min_snr_gamma"),
        ({"weighting": "snr"}, "weighting"),
        ({"noise_offset": -0.1}, "noise_offset"),
        ({"huber_c": 0}, "huber_c"),
        ({"outside_weight": 1.5}, "outside_weight"),
        ({"prior_weight": 0}, "prior_weight"),
        ({"betas": [0.9, 1.0]}, "betas"),
        ({"optimizer": "schedule_free", "lr_schedule": "cosine"}, "averages instead of a schedule"),
        ({"optimizer": "prodigy", "lora_plus_ratio": 4}, "one rate for all"),
    ],
)
def test_settings_that_cannot_work_are_named(change, word):
    with pytest.raises(ValidationError, match=word):
        train_config(**change)


@pytest.mark.parametrize("given", ["false", "yes", "0.5", "3", "null"])
def test_a_value_in_quotes_is_no_option_of_an_optimizer(given):
    """`fused: "false"` went to torch as it stood, and counted as true."""
    settings = train_config().optimizer.model_dump(by_alias=True)
    with pytest.raises(ValidationError, match=f"write {given} without quotes"):
        OptimizerConfig.model_validate({**settings, "options": {"fused": given}})


def test_a_word_is_an_option_of_an_optimizer():
    settings = train_config().optimizer.model_dump(by_alias=True)
    words = {"state": "float32", "odd": "a: ["}
    assert OptimizerConfig.model_validate({**settings, "options": words}).options == words


def test_elsewhere_a_truth_in_quotes_is_read_as_what_it_says():
    lora = train_config().lora
    assert not AdapterConfig.model_validate({**lora.model_dump(), "rank_stabilized": "false"}).rank_stabilized


@pytest.mark.parametrize(
    "change", [{"source": "tiny_random", "seed": None}, {"source": "some/model", "seed": 0}]
)
def test_a_seed_belongs_to_the_random_base_only(change):
    with pytest.raises(ValidationError, match="seed"):
        base_config(**change)


def leaves(model: type[Section], place: str = "") -> set[str]:
    """Where the settings of a section lie."""
    found: set[str] = set()
    for name, field in model.model_fields.items():
        inner, path = field.annotation, f"{place}{name}"
        nested = isinstance(inner, type) and issubclass(inner, Section)
        found |= leaves(inner, f"{path}.") if nested else {path}
    return found


def test_a_setting_is_in_the_key_of_a_run_or_said_not_to_be():
    # The seed is in it; the licence and the trainer decide nothing of the native trainer's weights. What `start_from` and
    # `drawing` decide is in it by digests: of the file, of the sampler, and of the pictures of the class in the dataset.
    assert leaves(TrainConfig) == {
        "seed",
        "license",
        "start_from",
        "drawing",
        "trainer",
        "kohya.checkout",
        "kohya.python",
        "optimizer.target",
        "optimizer.options",
        *MOVED.values(),
        *PRESERVATION.values(),
    }
    assert run_settings(train_config()).keys() == {"seed", "optimizer", *MOVED} - NOT_IN_RUN_KEY
    used = run_settings(train_config(preservation_weight=1.0)).keys()
    assert used - run_settings(train_config()).keys() == PRESERVATION.keys()


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("adamw", "adamw"),
        ("prodigy", "prodigy"),
        ("adafactor", "adafactor"),
        ("schedule_free", "schedule_free"),
    ],
)
def test_optimizers_that_had_a_word_keep_it_in_the_runs_key(name, word):
    values = run_settings(train_config(optimizer=name, lr_schedule="constant"))
    assert (values["optimizer"], "optimizer_options" in values) == (word, False)


def test_another_optimizer_and_other_options_are_another_run():
    adamw = train_config().optimizer
    changed = adamw.model_copy(update={"options": {"fused": True, "amsgrad": True}})
    other = adamw.model_copy(update={"target": "torch.optim.NAdam"})
    found = [run_settings(train_config().model_copy(update={"optimizer": one})) for one in (changed, other)]
    assert [values["optimizer"] for values in found] == ["adamw", "torch.optim.NAdam"]
    assert found[0]["optimizer_options"] == {"fused": True, "amsgrad": True}
    assert "torch.optim.NAdam" not in EARLIER_OPTIMIZERS


@pytest.mark.parametrize("override", ["train.optimizer=lion", "train.optimizer.name=lion"])
def test_an_optimizers_word_is_refused_with_the_choice(override):
    with pytest.raises(ConfigError, match="train/optimizer=adamw"):
        refuse_earlier_names(["-S", override])
    values = train_config().model_dump()
    values["optimizer"] = "lion" if override.count(".") == 1 else {**values["optimizer"], "name": "lion"}
    with pytest.raises(ValidationError, match="train/optimizer=adamw"):
        TrainConfig.model_validate(values)


@pytest.mark.parametrize("name", ["lr", "lora_kind", "choose", "share_checkpoints"])
def test_an_earlier_name_is_refused_with_its_new_place(name):
    values = train_config().model_dump()
    with pytest.raises(ValidationError, match=f"train.{name} is now train.{MOVED[name]}"):
        TrainConfig.model_validate({**values, name: "x"})
    with pytest.raises(ConfigError, match=f"train.{name} is now train.{MOVED[name]}"):
        refuse_earlier_names(["exp", "run", "-S", f"train.{name}=x"])


def test_the_new_names_are_taken():
    refuse_earlier_names(["-S", "train.optimizer.lr=3e-4", "train.lora.rank=8", "train=full", "base=sdxl"])
