"""`likeness params`: what changes is shown, brought back by a line, and kept in conf/ on request."""

import shlex
from pathlib import Path

import pytest
import yaml

from likeness.cli.compose import compose, read_values
from likeness.cli.params import as_override, params_command
from likeness.config import load_config
from likeness.errors import ConfigError
from likeness.settings import dotted

ROOT = Path(__file__).parents[2]


def test_values_that_conf_does_not_say_are_shown_before_they_go(repository, capsys):
    params_command(["train.optimizer.lr=3e-4"])
    capsys.readouterr()
    params_command([])
    words = capsys.readouterr().err
    assert "train.optimizer.lr: 0.0003 -> 0.004" in words
    assert "likeness params --keep NAME train.optimizer.lr=0.0003" in words
    assert load_config(Path("params.yaml")).train.optimizer.lr == 0.004


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("evaluate.prompts", ["a photo, smiling", "it's {trigger}"]),
        ("evaluate.negative_prompt", 'blurry, "low" quality'),
        ("personas.jade.held_out", ["jade_07.jpg"]),
        ("base.revision", None),
        ("evaluate.checkpoints", False),
        ("train.optimizer.lr", 3e-05),
        ("personas.jade.trigger", "null"),
    ],
)
def test_the_line_that_brings_a_value_back_does_so_in_a_shell(repository, key, value):
    (word,) = shlex.split(as_override(key, value))
    compose(repository, repository / "out.yaml", [word])
    assert dict(dotted(read_values(repository / "out.yaml")))[key] == value


def test_an_applied_experiment_is_kept_in_conf(repository, capsys):
    params_command(["train.optimizer.lr=3e-4", "personas.jade.held_out=[jade_07.jpg]"])
    params_command([], keep="lower_lr")
    assert yaml.safe_load(Path("conf/trial/lower_lr.yaml").read_text()) == {
        "train": {"optimizer": {"lr": 0.0003}},
        "personas": {"jade": {"held_out": ["jade_07.jpg"]}},
    }
    capsys.readouterr()
    params_command([])
    assert "->" not in capsys.readouterr().err
    assert load_config(Path("params.yaml")).train.optimizer.lr == 0.0003


def test_what_follows_from_other_settings_is_not_kept(repository):
    params_command(["train.selection.sample_every_steps=100"], keep="watched")
    assert yaml.safe_load(Path("conf/trial/watched.yaml").read_text()) == {
        "train": {"selection": {"sample_every_steps": 100}}
    }
    assert load_config(Path("params.yaml")).train.drawing.seeds == (1, 2, 3, 4)


def test_a_value_to_keep_that_no_file_of_conf_can_say_is_refused(repository):
    params_command(["evaluate=full"])
    Path("params.yaml").write_text(Path("params.yaml").read_text().replace("  max_usd:", "  most_usd:"))
    with pytest.raises(ConfigError, match=r"budget\.max_usd"):
        params_command([], keep="x")
    params_command([])
    with pytest.raises(ConfigError, match="nothing to keep"):
        params_command([], keep="x")
    with pytest.raises(ConfigError, match="not a word"):
        params_command(["train.seed=5"], keep="../x")
