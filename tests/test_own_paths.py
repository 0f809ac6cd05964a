"""Files and folders of the user's own that the settings name: they count from the repository, wherever DVC runs a stage."""

import os
from pathlib import Path

import pytest
from conf_sections import section

from likeness.caption.vlm import VlmCaptioner
from likeness.diffusion.config import BaseModelConfig
from likeness.digests import sha256_bytes
from likeness.enhance import superres
from likeness.enhance.superres import SuperresEnhancer
from likeness.errors import ConfigError
from likeness.safety.embedder import EmbedderConfig
from likeness.safety.identity import own_embedder
from likeness.settings import is_path
from likeness.swap.onnx import OnnxSwapper
from likeness.train.config import TrainConfig
from likeness.train.kohya import options

FILE = "networks/net.bin"
SHA256 = sha256_bytes(b"net")


def swapper(path: str) -> object:
    return OnnxSwapper(
        swapper=Path(path), swapper_sha256=SHA256, recogniser=Path(path), recogniser_sha256=SHA256,
        licence="my own", feather=0.1,
    )  # fmt: skip


def enhancer(path: str) -> object:
    return SuperresEnhancer(
        device="cpu", weights=path, sha256=SHA256, licence="my own", scale=2, tile_px=64, overlap_px=8, half_on_gpu=False
    )  # fmt: skip


def captioner(path: str) -> object:
    folder = os.path.dirname(path)
    return VlmCaptioner(
        device="cpu", model=folder, revision=None, licence="my own", prompt="", max_new_tokens=9, side_px=64
    )  # fmt: skip


def embedder(path: str) -> object:
    settings = section("faces/onnx.yaml")["embedder"]
    own = EmbedderConfig.model_validate(settings | {"path": path, "sha256": SHA256, "licence": "my own"})
    return own_embedder(own).check()


def sd_scripts(path: str) -> object:
    return options.find_script(_kohya(checkout=os.path.dirname(path)), _base("sdxl"))


def configuration(path: str) -> object:
    return _base("sdxl", config=os.path.dirname(path)).config_folder(Path.cwd().parents[3])


def _base(name: str, **changes: object) -> BaseModelConfig:
    return BaseModelConfig.model_validate(section(f"base/{name}.yaml") | changes)


def _kohya(**changes: object) -> TrainConfig:
    train = section("train/default.yaml")
    return TrainConfig.model_validate(train | {"kohya": train["kohya"] | changes})


@pytest.fixture
def copy(tmp_path, monkeypatch):
    """In DVC's copy of a repository for an experiment, which lacks what git does not keep; beside it the user's home."""
    (tmp_path / "mine/networks").mkdir(parents=True)
    (tmp_path / "home").mkdir()
    for name in (FILE, "networks/sdxl_train_network.py"):
        (tmp_path / "mine" / name).write_bytes(b"net")
    (tmp_path / "home/networks").symlink_to(tmp_path / "mine/networks")
    here = tmp_path / "mine/.dvc/tmp/exps/tmp1"
    here.mkdir(parents=True)
    monkeypatch.chdir(here)
    monkeypatch.setenv("DVC_ROOT", str(here))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(options, "unmapped", lambda train, base: [])
    monkeypatch.setattr(superres.importlib.util, "find_spec", lambda name: True)  # spandrel is optional


@pytest.mark.usefixtures("copy")
@pytest.mark.parametrize("made", [swapper, enhancer, captioner, embedder, sd_scripts, configuration])
@pytest.mark.parametrize("named", [FILE, f"./{FILE}", f"~/{FILE}"])
def test_a_path_counts_from_the_repository_in_dvc_s_copies_too(made, named):
    assert made(named)


@pytest.mark.usefixtures("copy")
@pytest.mark.parametrize("made", [swapper, enhancer, captioner, embedder, sd_scripts, configuration])
@pytest.mark.parametrize(
    "named", ["networks/elsewhere/net.bin", "./elsewhere/net.bin", "~/elsewhere/net.bin"]
)
def test_a_path_where_nothing_is_is_refused_and_not_asked_of_the_hub(made, named):
    with pytest.raises((ConfigError, ValueError), match=r"there is no f|no sd-scripts"):
        made(named)


@pytest.mark.parametrize(
    ("named", "path"),
    [
        ("a/b", False),
        ("./a/b", True),
        ("~/b", True),
        ("/b", True),
        ("models/b", True),
        ("a/b.safetensors", True),
        ("v1-inference.yaml", True),
    ],
)
def test_what_is_a_path_and_what_the_hub_s(tmp_path, named, path):
    (tmp_path / "models").mkdir()
    (tmp_path / "v1-inference.yaml").touch()
    assert is_path(named, tmp_path) is path


@pytest.mark.parametrize(
    ("named", "path"), [("python3", "python3"), (".venv/bin/python", "{here}/.venv/bin/python"), ("~/env/python", "~/env/python")]
)  # fmt: skip
def test_the_python_of_sd_scripts_is_found_from_its_own_folder(in_tmp, named, path):
    assert options.python(_kohya(python=named)) == str(Path(path.format(here=in_tmp)).expanduser())
