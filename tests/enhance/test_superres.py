"""Super-resolution with a user's weights: refusals always; the network where spandrel is installed."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from likeness.digests import sha256_file
from likeness.enhance.superres import SuperresEnhancer
from likeness.errors import ConfigError

# spandrel takes the growth of 32 for granted.
CHANNELS, GROWTH = 8, 32


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> Path:
    """An ESRGAN (RRDBNet of one block, 4x) of random weights: small, but the real architecture."""
    generator = torch.Generator().manual_seed(0)
    state: dict[str, torch.Tensor] = {}

    def conv(name: str, inputs: int, outputs: int) -> None:
        state[f"{name}.weight"] = torch.randn(outputs, inputs, 3, 3, generator=generator) * 0.1
        state[f"{name}.bias"] = torch.full((outputs,), 0.05)

    conv("conv_first", 3, CHANNELS)
    for block in (1, 2, 3):
        for layer in range(1, 6):
            outputs = CHANNELS if layer == 5 else GROWTH
            conv(f"body.0.rdb{block}.conv{layer}", CHANNELS + (layer - 1) * GROWTH, outputs)
    for name in ("conv_body", "conv_up1", "conv_up2", "conv_hr"):
        conv(name, CHANNELS, CHANNELS)
    conv("conv_last", CHANNELS, 3)
    path = tmp_path_factory.mktemp("weights") / "tiny_esrgan.safetensors"
    save_file(state, path)
    return path


def enhancer(path: Path, **changes) -> SuperresEnhancer:
    options = {
        "weights": str(path),
        "sha256": sha256_file(path) if path.is_file() else "0" * 64,
        "licence": "CC0-1.0",
        "scale": 2,
        "tile_px": 32,
        "overlap_px": 24,
        "device": "cpu",
        "half_on_gpu": True,
    }
    return SuperresEnhancer(**options | changes)


def test_missing_weights_are_refused_before_anything_runs(tmp_path):
    with pytest.raises(ConfigError) as caught:
        enhancer(tmp_path / "none.pth")
    assert caught.value.reason == "missing-weights"


def test_without_spandrel_the_remedy_is_the_extra(weights, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError) as caught:
        enhancer(weights)
    assert "pip install likeness[superres]" in caught.value.remedy


def test_other_bytes_than_conf_names_are_refused(weights, buyer, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    other = enhancer(weights, sha256="0" * 64)
    with pytest.raises(ConfigError, match="sha256"), other.opened(buyer) as opened:
        opened.enhance(np.zeros((32, 32, 3), np.uint8))


def test_a_users_network_enlarges_without_seams_to_the_scale_asked(weights, buyer):
    pytest.importorskip("spandrel")
    rgb = np.random.default_rng(0).integers(0, 255, (50, 70, 3), dtype=np.uint8)
    with enhancer(weights).opened(buyer) as tiles, enhancer(weights, tile_px=128).opened(buyer) as whole:
        tiled, once = tiles.enhance(rgb).rgb, whole.enhance(rgb).rgb
        again = tiles.enhance(rgb).rgb
    assert tiled.shape == (100, 140, 3)
    assert np.abs(tiled.astype(int) - once).max() <= 1
    assert np.array_equal(tiled, again)
    assert tiled.std() > 0


def test_weights_of_no_known_architecture_are_refused(tmp_path, buyer):
    pytest.importorskip("spandrel")
    path = tmp_path / "other.safetensors"
    save_file({"something.weight": torch.zeros(3)}, path)
    with pytest.raises(ConfigError) as caught, enhancer(path).opened(buyer) as opened:
        opened.enhance(np.zeros((32, 32, 3), np.uint8))
    assert caught.value.reason == "wrong-weights"
