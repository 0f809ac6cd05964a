"""What `check` says of a base, a size and a trainer, before anything is bought."""

import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from safetensors.numpy import save_file

from likeness import check
from likeness.cli.compose import compose
from likeness.config import load_config
from likeness.errors import ConfigError
from likeness.paths import PARAMS, RepositoryPaths
from likeness.strict_yaml import read_yaml
from stages.check import main

pytestmark = pytest.mark.usefixtures("repository")


@pytest.mark.parametrize(
    "source", ["./sdxl", "/models/sdxl", "~/sdxl", "sdxl.safetensors", "models/sdxl.safetensors", "data/sdxl"]
)
def test_a_base_that_is_not_there_is_told_before_anything_is_bought(set_base, source):
    set_base("base=sdxl", f"base.source='{source}'", "train=full")
    with pytest.raises(ConfigError, match="there is no file or folder") as caught:
        main()
    assert source in caught.value.message


def test_a_base_that_is_none_is_told_before_anything_is_bought(set_base):
    Path("sdxl").mkdir()
    set_base("base=sdxl", "base.source=./sdxl", "train=full")
    with pytest.raises(ConfigError, match=r"base\.source .*/sdxl has no model_index\.json"):
        main()
    save_file({f"lora_unet_x.lora_{one}.weight": np.ones((1, 1)) for one in ("down", "up")}, "a.safetensors")
    set_base("base=sdxl", "base.source=a.safetensors", "base.config=sdxl", "train=full")
    with pytest.raises(ConfigError, match="holds a LoRA, and no base") as caught:
        main()
    assert "base.config" in caught.value.message


def test_a_validation_that_takes_the_one_photograph_is_told_before_any_work(set_base):
    set_base("train.selection.validation_share=0.1")
    with pytest.raises(ConfigError, match="validation_share keeps whole photographs out, and one alone"):
        main()
    shutil.copy("data/jade/raw/sources/jade_01.jpg", "data/jade/raw/sources/jade_02.jpg")
    main()


def test_sd_scripts_that_are_not_there_or_lack_an_option_are_told_before_anything_is_bought(set_base, in_tmp):
    set_base("train.trainer=kohya")
    with pytest.raises(ConfigError, match="sd-scripts has no option for some settings"):
        main()
    set_base("+experiment=kohya", "train.kohya.checkout=sd-scripts")
    with pytest.raises(ConfigError, match="checkout sd-scripts: no sd-scripts for sdxl there") as caught:
        main()
    assert "git clone kohya-ss/sd-scripts" in caught.value.message


def test_a_published_base_is_not_trained_at_the_tiny_bases_size(set_base):
    set_base("base=sdxl")
    with pytest.raises(ConfigError, match=r"side_px is 128, but stabilityai/\S+ draws at 1024 px"):
        main()
    set_base("+experiment=sdxl")
    main()


def test_a_gpu_that_is_not_here_is_told_and_stops_nothing(set_base, monkeypatch):
    monkeypatch.setitem(
        sys.modules, "torch", SimpleNamespace(cuda=SimpleNamespace(is_available=lambda: False))
    )
    monkeypatch.setattr(
        check, "_keys_not_set", lambda cfg: ()
    )  # it builds superres, whose library may be missing
    network = [f"enhance.provider.{one}" for one in ("weights=x", "sha256=x", "licence=mine", "device=cuda")]
    compose(Path.cwd(), PARAMS, ["enhance=superres", *network, "train.system.device=cuda"])
    told = list(check.notes(load_config(PARAMS), read_yaml(PARAMS, remedy="")))
    for setting, stage in (("enhance.provider.device", "enhance"), ("train.system.device", "train")):
        [line] = [line for line in told if line.startswith(f"{setting} is cuda, but torch sees no GPU")]
        assert f"set {setting}: auto" in line
        assert line.endswith(f"here {stage} will end with that")


def test_a_base_is_found_from_an_experiments_folder(tmp_path, monkeypatch):
    """DVC's queue works in a copy that lacks what git does not track; DVC_ROOT names the repository."""
    (tmp_path / "elsewhere/models/sdxl").mkdir(parents=True)
    monkeypatch.setenv("DVC_ROOT", str(tmp_path / "elsewhere"))
    copy = tmp_path / "elsewhere/.dvc/tmp/exps/tmpabc"
    copy.mkdir(parents=True)
    shutil.copyfile(PARAMS, copy / PARAMS)
    monkeypatch.chdir(copy)
    cfg = load_config(PARAMS).base.model_copy(update={"source": "models/sdxl", "seed": None})
    assert cfg.local(RepositoryPaths.here().root) == tmp_path / "elsewhere/models/sdxl"
