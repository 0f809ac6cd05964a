"""Attacks on where models come from: a hub's name that moved, a shadow folder of the rater's package, other bytes in it."""

import sys
from pathlib import Path

import pytest
import yaml
from conf_sections import section

from likeness.diffusion.config import BaseModelConfig
from likeness.diffusion.load import load_base
from likeness.errors import ConfigError
from likeness.faces.models import AGE, FACE_MESH, RATER, RESNET, SFACE, YUNET, locate, weights
from likeness.marks.pixels import DECODER, ENCODER

CONF = Path(__file__).parents[2] / "conf/base"
HUB = ("sdxl", "sd15", "zimage", "flux2")


@pytest.mark.parametrize("name", HUB)
def test_a_base_of_the_hub_ships_with_its_commit(name):
    base = BaseModelConfig.model_validate(section(f"base/{name}.yaml"))
    base.require_commit(Path())
    assert "revision" in yaml.safe_load(
        (CONF / f"{name}.yaml").read_text()
    )  # its own, not the one it inherits


@pytest.mark.parametrize(
    "revision",
    [
        None,
        "main",
        "v1.0",
        "fp16",
        "462165984030",
        "refs/pr/95",
        "4" * 39 + "g",
        "4" * 41,
        "4" * 40 + "\n",
        "",
    ],
)
def test_what_is_behind_a_name_of_the_hub_is_not_fetched(revision, monkeypatch):
    base = BaseModelConfig.model_validate(section("base/sdxl.yaml") | {"revision": revision})
    for ask in (lambda: base.require_commit(Path()), lambda: load_base(base, device="cpu")):
        with pytest.raises(ConfigError) as caught:
            ask()
        assert caught.value.reason == "base-unpinned"


@pytest.mark.parametrize(
    ("config", "revision"),
    [(None, "4" * 40), ("stabilityai/stable-diffusion-xl-base-1.0", None), ("somebody/configs", "main"), ("", "4" * 40)],
)  # fmt: skip
def test_the_configuration_of_a_single_file_is_pinned_too(config, revision, tmp_path):
    """Without one diffusers would take the newest of a repository that it guesses."""
    file = tmp_path / "own.safetensors"
    file.write_bytes(b"")
    base = BaseModelConfig.model_validate(
        section("base/sdxl.yaml") | {"source": str(file), "config": config, "revision": revision}
    )
    for ask in (lambda: base.require_commit(Path()), lambda: load_base(base, device="cpu")):
        with pytest.raises(ConfigError) as caught:
            ask()
        assert caught.value.reason == "base-unpinned"


def test_a_folder_or_a_commit_of_the_hub_configures_a_single_file(tmp_path):
    file = tmp_path / "own.safetensors"
    file.write_bytes(b"")
    for config, revision in ((str(tmp_path), None), ("stabilityai/stable-diffusion-xl-base-1.0", "4" * 40)):
        changes = {"source": str(file), "config": config, "revision": revision}
        BaseModelConfig.model_validate(section("base/sdxl.yaml") | changes).require_commit(Path())


NETWORKS = (RATER, AGE, RESNET, SFACE, YUNET, FACE_MESH, ENCODER, DECODER)


@pytest.mark.parametrize("file", NETWORKS, ids=lambda file: Path(file.path).stem)
def test_a_folder_of_a_packages_name_is_not_used(file, tmp_path, monkeypatch):
    shadow = tmp_path / file.package / file.path
    shadow.parent.mkdir(parents=True)
    shadow.write_bytes(b"a network that finds nothing explicit, and everybody 30")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    locate.cache_clear()
    found = locate(file)
    locate.cache_clear()
    assert found != shadow


@pytest.mark.parametrize("file", [RATER, AGE, ENCODER, DECODER], ids=lambda file: Path(file.path).stem)
def test_a_network_exchanged_after_it_was_found_is_not_opened(file, tmp_path, monkeypatch):
    changed = tmp_path / "network.onnx"
    changed.write_bytes(b"a network that finds nothing")
    monkeypatch.setattr("likeness.faces.models.locate", lambda _: changed)
    with pytest.raises(ConfigError) as caught:
        weights(file)
    assert caught.value.reason == "wrong-weights"


def test_where_only_a_shadow_is_there_nothing_is_loaded(tmp_path, monkeypatch):
    shadow = tmp_path / RATER.package / RATER.path
    shadow.parent.mkdir(parents=True)
    shadow.write_bytes(b"another network")
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    locate.cache_clear()
    with pytest.raises(ConfigError) as caught:
        locate(RATER)
    locate.cache_clear()
    assert caught.value.reason == "wrong-weights"
