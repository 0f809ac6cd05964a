"""A user's swap network is verified, run on an aligned crop and pasted back."""

import numpy as np
import pytest

from likeness.digests import sha256_file
from likeness.errors import ConfigError
from likeness.faces import FaceAnalyzer
from likeness.images import load_rgb
from likeness.swap import Portrait
from likeness.swap.onnx import OnnxSwapper, identity_map

onnx = pytest.importorskip("onnx")
SIDE = 128


def save(path, nodes, inputs, outputs, initializers=()):
    info = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        nodes,
        "g",
        [info(n, 1, s) for n, s in inputs],
        [info(n, 1, s) for n, s in outputs],
        list(initializers),
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, str(path))
    return path


@pytest.fixture(scope="module")
def networks(tmp_path_factory):
    """A recogniser that says the mean of its crop, and a swapper that adds the identity's sign of first number."""
    folder, node = tmp_path_factory.mktemp("onnx"), onnx.helper.make_node
    shape = onnx.numpy_helper.from_array(np.array([1, 512], np.int64), "shape")
    recogniser = save(
        folder / "recogniser.onnx",
        [node("ReduceMean", ["face"], ["mean"], axes=[1, 2, 3], keepdims=0), node("Expand", ["mean", "shape"], ["id"])],
        [("face", [1, 3, 112, 112])], [("id", [1, 512])], [shape],
    )  # fmt: skip
    emap = onnx.numpy_helper.from_array(np.eye(512, dtype=np.float32) * -2, "emap")
    swapper = save(
        folder / "swapper.onnx",
        [node("ReduceMean", ["identity"], ["m"], axes=[1], keepdims=1), node("Sign", ["m"], ["sign"]),
         node("Mul", ["target", "sign"], ["signed"]), node("Sub", ["signed", "signed"], ["zero"]),
         node("Abs", ["signed"], ["kept"]), node("Add", ["kept", "zero"], ["a"]),
         node("Relu", ["sign"], ["positive"]), node("Mul", ["a", "positive"], ["out"])],
        [("target", [1, 3, SIDE, SIDE]), ("identity", [1, 512])], [("out", [1, 3, SIDE, SIDE])], [emap],
    )  # fmt: skip
    return swapper, recogniser


def build(networks, **changes):
    swapper, recogniser = networks
    settings = {"swapper": swapper, "swapper_sha256": sha256_file(swapper), "recogniser": recogniser,
                "recogniser_sha256": sha256_file(recogniser), "licence": "MIT", "feather": 0.1}  # fmt: skip
    return OnnxSwapper(**{**settings, **changes})


@pytest.fixture(scope="module")
def portrait():
    from conftest import PHOTOS

    rgb = load_rgb(PHOTOS / "targets" / "06_ingrid.jpg")
    return Portrait(rgb=rgb, face=FaceAnalyzer().faces(rgb)[0])


def test_the_identity_matrix_is_read(networks):
    assert identity_map(networks[0]) == pytest.approx(np.eye(512) * -2)
    assert identity_map(networks[1]) is None


def test_the_network_is_run_and_pasted_back_where_the_face_is(networks, portrait):
    # A bright face: mean > 0 after scaling, times emap (-2): negative, so this network draws black.
    bright = Portrait(rgb=np.full_like(portrait.rgb, 250), face=portrait.face)
    drawn = build(networks).swap(bright, portrait).rgb
    x, y = portrait.face.points5[2].round().astype(int)
    assert drawn[y, x].max() == 0
    assert (drawn[:50] == portrait.rgb[:50]).all()
    # A dark face: the identity's sign turns, and the network gives the target back.
    dark = Portrait(rgb=np.zeros_like(portrait.rgb), face=portrait.face)
    same = build(networks).swap(dark, portrait).rgb
    assert np.abs(same.astype(int) - portrait.rgb)[y - 20 : y + 20, x - 20 : x + 20].mean() < 6


def test_other_bytes_than_reviewed_are_refused(networks):
    with pytest.raises(ConfigError, match="sha256"):
        build(networks, swapper_sha256="0" * 64)


def test_a_missing_network_names_the_remedy(networks, tmp_path):
    with pytest.raises(ConfigError, match="no file") as caught:
        build(networks, recogniser=tmp_path / "none.onnx")
    assert "swap: local" in caught.value.remedy


@pytest.mark.parametrize("licence", ["", "unknown", "???"])
def test_weights_without_a_licence_are_refused(networks, licence):
    with pytest.raises(ValueError, match="licence"):
        build(networks, licence=licence)
