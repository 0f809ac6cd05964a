"""Every choice in conf/ composes, validates and can be built; params.yaml is what conf/ composes to."""

import shutil
from pathlib import Path

import pytest
import yaml
from dvc.utils.hydra import compose_and_dump
from hydra.utils import instantiate

from likeness.conf_digest import conf_digest
from likeness.config import load_config
from likeness.errors import ConfigError

ROOT = Path(__file__).parent.parent
CONF = ROOT / "conf"
CHOICES = sorted(
    f"{path.parent.name}={path.stem}"
    for path in CONF.glob("*/*.yaml")
    if path.parent.name not in ("persona", "experiment", "gpu", "quality")
)
EXPERIMENTS = sorted(f"+experiment={path.stem}" for path in CONF.glob("experiment/*.yaml"))
OVERLAYS = [
    (base, f"+quality={quality.stem}", f"+gpu={gpu.stem}")
    for base in ("+experiment=sdxl", "+experiment=zimage")
    for quality in sorted(CONF.glob("quality/*.yaml"))
    for gpu in sorted(CONF.glob("gpu/*.yaml"))
]
# These name what only a user has (files, a bucket, a model); without it they compose, and refuse to be built.
NEEDS_A_USER = {"swap=onnx", "swap=maxstudio", "enhance=superres", "caption=vlm", "caption=openai"}
# What the default training asks means nothing to it: its experiment has what fits.
NEEDS_AN_EXPERIMENT = {"base=zimage"}


def compose(folder: Path, *overrides: str) -> Path:
    compose_and_dump(folder / "params.yaml", str(CONF), None, "config", str(ROOT), list(overrides))
    return folder / "params.yaml"


@pytest.mark.parametrize("choice", [*CHOICES, *EXPERIMENTS])
def test_every_choice_composes_and_validates(tmp_path, choice):
    path = compose(tmp_path, choice)
    if choice in NEEDS_A_USER:
        with pytest.raises(ConfigError, match="a value must be given"):
            load_config(path)
        return
    if choice in NEEDS_AN_EXPERIMENT:
        with pytest.raises(ConfigError, match="conf/experiment"):
            load_config(path)
        return
    config = load_config(path)
    for section in ("swap", "enhance", "caption"):
        instantiate(getattr(config, section).provider)


@pytest.mark.parametrize("overlay", OVERLAYS, ids=" ".join)
def test_qualities_and_gpus_go_with_a_base(tmp_path, overlay):
    train = load_config(compose(tmp_path, *overlay)).train
    assert train.batch_size * train.gradient_accumulation == 4


def test_the_committed_params_are_what_conf_composes_to(tmp_path):
    assert yaml.safe_load(compose(tmp_path).read_text()) == yaml.safe_load((ROOT / "params.yaml").read_text())


def test_the_digest_sees_every_file_and_name(tmp_path):
    copy = tmp_path / "conf"
    shutil.copytree(CONF, copy)
    before = conf_digest(copy)
    assert before == conf_digest(CONF)
    (copy / "train" / "default.yaml").write_text(
        (copy / "train" / "default.yaml").read_text() + "\n# a word\n"
    )
    edited = conf_digest(copy)
    (copy / "train" / "default.yaml").rename(copy / "train" / "other.yaml")
    assert len({before, edited, conf_digest(copy)}) == 3


def test_all_problems_are_told_at_once(tmp_path):
    values = yaml.safe_load((ROOT / "params.yaml").read_text())
    values["items"]["workers"] = 0
    values["personas"]["jade"]["trigger"] = "???"
    values["resize"]["colour"] = "red"
    del values["tracking"]
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(values))
    with pytest.raises(ConfigError) as caught:
        load_config(tmp_path / "params.yaml")
    for place in ("items.workers", "personas.jade.trigger", "resize.colour", "tracking"):
        assert place in str(caught.value)
    assert "make params" in caught.value.remedy


def test_no_params_at_all_names_the_remedy(tmp_path):
    with pytest.raises(ConfigError, match="make params"):
        load_config(tmp_path / "params.yaml")


def test_a_personas_key_and_name_must_agree(tmp_path):
    values = yaml.safe_load((ROOT / "params.yaml").read_text())
    values["personas"]["mia"] = values["personas"]["jade"]
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(values))
    with pytest.raises(ConfigError, match="same word"):
        load_config(tmp_path / "params.yaml")
