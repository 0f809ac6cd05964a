"""`likeness params`: a refused composition leaves params.yaml alone; what changes is shown, and kept on request."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from likeness.check import check_fresh
from likeness.cli.compose import read_values, refuse_unknown_overrides
from likeness.cli.params import params_command
from likeness.conf_digest import conf_digest
from likeness.config import load_config
from likeness.errors import ConfigError
from likeness.pipeline.stage import CHECK_TARGET

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("train.schedule.steps=many", "train.schedule.steps: 'many' stands there; expected: a whole number"),
        ("evaluate.prompts=hello", "evaluate.prompts: 'hello' stands there; expected: a list, such as [a, b]"),
        ("train.seed=null", "train.seed: null stands there; expected: a whole number"),
        ("evaluate.steps=true", "evaluate.steps: true stands there; expected: a whole number"),
        ("ingest.background_rgb=true", "ingest.background_rgb: true stands there; expected: a list, such as [a, b]"),
        ("budget.max_usd=inf", "budget.max_usd: inf stands there; expected: a finite number"),
        ("train.optimizer.lr=nan", "train.optimizer.lr: nan stands there; expected: a finite number"),
        ("budget.max_usd=false", "budget.max_usd: false stands there; expected: a number"),
        ("evaluate.seeds=[1,99999999999999999999]", "evaluate.seeds.1: 99999999999999999999 stands there; expected: less"),
        ("ingest.min_face_light=-1", "ingest.min_face_light: -1 stands there; expected: 0 or more"),
        ("dataset.allow_review=perhaps", "dataset.allow_review: 'perhaps' stands there; expected: true or false"),
        ("++train.foo=1", "train.foo: there is no such setting"),
        ("++personas.jade.triger=1", "personas.jade.triger: there is no such setting; did you mean trigger?"),
        ("~train.seed", "train.seed: it is missing"),
        ("evaluate.prompts=[a", "evaluate.prompts=[a: it cannot be read"),
        ("train.seed = 5", "train.seed = 5: it cannot be read"),
        ("train.optimizer.lr=0,0001", "a number has a point: train.optimizer.lr=0.0001; try several"),
        ("train.seed=5,7", "dvc exp run --queue -S 'train.seed=5,7'"),
        *((f"personas={value}", "personas holds jade; write +persona@personas.mia=mia")
          for value in ("[]", "null", "3", "[mia]", "[jade,jade]")),
        ("~personas.jade", "personas: nothing stands there; expected: keys with values"),
        ("personas.jade=null", "personas.jade holds name, trigger"),
        ("train.lora=[]", "train.lora holds kind, rank"),
        ("train.data=null", "write train.data.side_px=..."),
        ("+persona@personas.mia=mia", "conf/persona/ has jade"),
        ("persona@personas.jade=mia", "conf/persona/ has jade"),
        ("+persona@personas.jade=jade", "has a choice there already; write persona@personas.jade=jade"),
        ("persona@personas.mia=jade", "has no choice there yet; write +persona@personas.mia=jade"),
    ],
)  # fmt: skip
def test_a_value_that_does_not_fit_is_told_in_words_of_settings(repository, override, words):
    with pytest.raises(ConfigError) as caught:
        params_command([override])
    assert words in str(caught.value)
    for strange in (
        "Input should",
        "tuple",
        "permitted",
        "/tmp",
        "Value error",
        "viable",
        "Lexer",
        "Ambiguous",
        "does not compose",
    ):
        assert strange not in str(caught.value)


def test_a_setting_that_another_choice_has_not_is_told_without_hydras_words(repository):
    with pytest.raises(
        ConfigError, match=r"^train\.optimizer\.foo: there is no such setting with these choices"
    ):
        params_command(["train/optimizer=lion", "train.optimizer.foo=1"])


@pytest.mark.parametrize(
    "override", ["train.schedule.steps=many", "swap=nope", "train.optimizer.lrr=1", "+train.optimizer.lrr=1"]
)
def test_a_refused_composition_leaves_params_as_they_were(repository, override):
    before = Path("params.yaml").read_bytes()
    with pytest.raises(ConfigError):
        params_command([override])
    assert Path("params.yaml").read_bytes() == before


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("train.optimizer.lrr=1", "did you mean train.optimizer.lr"),
        ("lr=1", "did you mean train.optimizer.lr"),
        ("ingest.min_sides_px=1", "did you mean ingest.min_side_px"),
        ("swap=maxstudoi", "conf/swap/ has local, maxstudio, onnx"),
        ("swap=local,nope", "swap=nope"),
        ("banana=1", "no such setting"),
        ("+gpu=25gb", "conf/gpu/ has 12gb, 24gb, 80gb, 8gb"),
        ("experiment=sdxl", r"write \+experiment=sdxl"),
        ("+base=sdxl", "has a choice of it already; write base=sdxl"),
        ("+train.seed=3", "there is such a setting already; write train.seed=3"),
        ("vendor=xai", "files of conf/ take from conf/vendor/ what they need"),
        ("persona=jade", r"conf/persona/ has one file each; write \+persona@personas.jade=jade"),
        ("Train.seed=3", "did you mean train.seed"),
        ("train.Optimizer.LR=1", "did you mean train.optimizer.lr"),
        ("train.schedule.steps", "write KEY=VALUE"),
        ("=3", "write KEY=VALUE"),
        ("train/optimizer=adamww", "conf/train/optimizer/ has adafactor, adamw"),
        ("persona@personas.mia=jade", r"write \+persona@personas.mia=jade"),
    ],
)
def test_an_unknown_override_is_told_what_is_meant(repository, override, words):
    with pytest.raises(ConfigError, match=words):
        refuse_unknown_overrides([override], repository)


@pytest.mark.parametrize(
    "overrides",
    [
        ["train.optimizer.lr=1e-4,3e-4"],
        ["swap=local,maxstudio"],
        ["swap=onnx", "swap.provider.model=/models/x.onnx"],
        ["+experiment=fakes"],
        ["+experiment=fakes", "swap.provider.base_url=http://127.0.0.1:1"],
        ["++train.seed=3"],
        ["+persona@personas.mia=jade"],
        ["persona@personas.jade=jade"],
        ["train/optimizer=lion", "~train.ema"],
    ],
)
def test_what_hydra_understands_is_left_to_it(repository, overrides):
    refuse_unknown_overrides(overrides, repository)


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("train.optimizer.lrr=1", "there is no such setting; did you mean train.optimizer.lr"),
        (
            "train.optimizer.lr=abc",
            "params.yaml has 1 problem(s):\n  train.optimizer.lr: 'abc' stands there; expected: a number",
        ),
        # Found as the number that is none is: by the same reading of what was composed.
        pytest.param(
            "+nothing=3",
            "nothing: there is no such setting",
            marks=[pytest.mark.slow, pytest.mark.long],
        ),
    ],
)
def test_dvc_refuses_a_setting_before_it_writes_params(repository, override, words):
    subprocess.run(["git", "init", "-q", "."], check=True)
    shutil.copytree(ROOT / ".dvc", ".dvc", ignore=shutil.ignore_patterns("cache", "tmp"))
    for name in ("dvc.yaml", "likeness", "stages"):
        os.symlink(ROOT / name, name)
    subprocess.run(["git", "add", "-A"], check=True)
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run(["git", *identity, "commit", "-qm", "all"], check=True)
    command = [sys.executable, "-m", "dvc", "exp", "run", "-S", override, CHECK_TARGET]
    before = Path("params.yaml").read_bytes()
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode != 0
    assert words in result.stderr
    assert "append" not in result.stderr
    assert Path("params.yaml").read_bytes() == before


def test_the_digest_is_of_the_repository_that_dvc_runs_in_and_not_of_the_plugins(repository):
    """Two clones share an environment: the one that it was made for has the plugin, and another conf/."""
    default = repository / "conf/train/default.yaml"
    default.write_text(default.read_text() + "another_value: 1\n")
    program = (
        "import sys; from pathlib import Path; from dvc.utils.hydra import compose_and_dump\n"
        f"compose_and_dump(Path('out.yaml'), {str(repository / 'conf')!r}, None, 'config', {str(ROOT)!r}, [])"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-P", "-c", program], env=environment, check=True)
    assert read_values(repository / "out.yaml")["conf_digest"] == conf_digest(repository / "conf")


@pytest.mark.parametrize("name", ["no", "on", "007", "null", "1e3", "true"])
@pytest.mark.parametrize("quotes", ["", '"'])
def test_a_persona_is_not_called_what_yaml_takes_for_something_else(repository, name, quotes):
    persona = (
        Path("conf/persona/jade.yaml").read_text().replace("name: jade", f"name: {quotes}{name}{quotes}")
    )
    Path(f"conf/persona/{name}.yaml").write_text(persona)
    config = Path("conf/config.yaml")
    line = f"  - persona@personas.{name}: {quotes}{name}{quotes}\n"
    config.write_text(config.read_text().replace("  - budget:", f"{line}  - budget:"))
    with pytest.raises(ConfigError, match=name):
        params_command([])


def test_a_new_price_counts_at_once(repository):
    params_command([])
    before = Path("params.yaml").read_bytes()
    prices = Path("conf/prices.yaml")
    prices.write_text(prices.read_text().replace("swap: {usd: 0.10", "swap: {usd: 0.45"))
    config = load_config(Path("params.yaml"))
    assert config.prices["maxstudio"]["swap"].usd == 0.45
    check_fresh(config)
    params_command([])
    assert Path("params.yaml").read_bytes() == before


def test_prices_of_an_earlier_params_yaml_are_refused_with_their_place(repository):
    params_command([])
    with Path("params.yaml").open("a") as params:
        params.write("prices: {maxstudio: {}}\n")
    with pytest.raises(ConfigError, match=r"conf/prices\.yaml alone") as caught:
        load_config(Path("params.yaml"))
    assert "take `- prices` out of conf/config.yaml" in (caught.value.remedy or "")
