"""A user's own embedder is the reviewed file, gets an aligned face, and gives one row of numbers or an error."""

import numpy as np
import pytest
from own_embedder import own_embedder_config, write_network
from pydantic import ValidationError

from likeness.errors import ConfigError
from likeness.faces import FaceAnalyzer
from likeness.faces.resnet import NAME as RESNET
from likeness.images import load_rgb
from likeness.ingest.models import local_instruments
from likeness.safety.identity import SFACE, face_analyzer, own_embedder, vectors_of
from likeness.safety.pictures import models


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    return write_network(tmp_path_factory.mktemp("onnx") / "means.onnx")


@pytest.fixture(scope="module")
def portrait():
    from conftest import PHOTOS

    rgb = load_rgb(PHOTOS / "targets" / "06_ingrid.jpg")
    return rgb, FaceAnalyzer().faces(rgb)[0]


def test_a_face_gets_the_embeddings_of_all_three(network, portrait):
    cfg = own_embedder_config(network)
    vectors = vectors_of(face_analyzer(cfg).identified(*portrait))
    assert set(vectors) == {SFACE, RESNET, cfg.name}
    assert np.linalg.norm(vectors[cfg.name]) == pytest.approx(1)
    assert set(vectors_of(face_analyzer(None).identified(*portrait))) == {SFACE, RESNET}


def test_channels_mean_and_scale_decide_what_goes_in(network, portrait):
    rgb, bgr = (
        own_embedder(own_embedder_config(network, channels=channels)).embedding(*portrait)
        for channels in ("rgb", "bgr")
    )
    assert rgb == pytest.approx(bgr[::-1])
    centred = own_embedder(own_embedder_config(network, mean=127.5, scale=127.5)).embedding(*portrait)
    assert centred != pytest.approx(rgb)


def test_an_enlarged_crop_shows_the_same_face(tmp_path, portrait):
    small = write_network(tmp_path / "a.onnx")
    assert own_embedder(own_embedder_config(small)).embedding(*portrait) @ own_embedder(
        own_embedder_config(small, mean=0.001)
    ).embedding(*portrait) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [(lambda path: path.unlink(), "missing-weights"),
     (lambda path: write_network(path, axes=(1, 2, 3)), "wrong-weights")],
    ids=["gone", "another"],
)  # fmt: skip
def test_only_the_reviewed_file_is_used(tmp_path, portrait, spoil, reason):
    path = write_network(tmp_path / "a.onnx")
    one = own_embedder(own_embedder_config(path))
    spoil(path)
    with pytest.raises(ConfigError) as caught:
        one.embedding(*portrait)
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    "shape",
    [{"axes": (1,)}, {"axes": (0, 1, 2, 3)}, {"outputs": 2}],
    ids=["a picture", "one number", "two outputs"],
)
def test_a_network_that_is_no_embedder_is_refused(tmp_path, portrait, shape):
    with pytest.raises(ConfigError) as caught:
        own_embedder(own_embedder_config(write_network(tmp_path / "a.onnx", **shape))).embedding(*portrait)
    assert caught.value.reason == "not-an-embedder"


def test_the_network_is_in_the_keys_of_what_it_measures(network):
    cfg = own_embedder_config(network)
    assert models(cfg) == [*models(None), cfg.digest]
    assert local_instruments(cfg).digest != local_instruments().digest
    assert own_embedder_config(network, channels="bgr").digest != cfg.digest
    assert own_embedder_config(network, source_min=0.95).digest == cfg.digest  # measures nothing again


@pytest.mark.parametrize(
    "change",
    [{"licence": "none"}, {"source_min": -0.1}, {"swap_min": float("nan")}, {"scale": 0}, {"side_px": 9999},
     {"sha256": "0" * 63}, {"sha256": "0" * 64 + "\n"}, {"channels": "yuv"}],
    ids=lambda change: next(iter(change)),
)  # fmt: skip
def test_settings_that_make_no_sense_are_refused(network, change):
    with pytest.raises(ValidationError):
        own_embedder_config(network, **change)
