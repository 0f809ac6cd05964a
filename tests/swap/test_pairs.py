"""Pairs outside the provider's range are skipped with the reason; of the rest the nearest poses are taken."""

import dataclasses

import numpy as np
import pytest

from likeness.faces import Face
from likeness.swap import SwapConfig
from likeness.swap.pairs import choose_pairs

CONFIG = {
    "provider": {}, "pairs": "best", "sources_per_target": 2, "include_sources": True, "max_failure_ratio": 0.5,
    "limits": {"max_yaw_difference_deg": 20, "max_pitch_difference_deg": 15, "max_mouth_difference": 0.1, "min_face_px": 64,
               "max_bridge_contrast": 0.15},
}  # fmt: skip


def face(yaw=0.0, pitch=0.0, mouth=0.0, side=200.0):
    values = {field.name: 0.0 for field in dataclasses.fields(Face)}
    values |= {"points5": np.zeros((5, 2)), "landmarks": np.zeros((468, 3)), "embedding": np.zeros(128)}
    values |= {
        "box_px": (0.0, 0.0, side, side * 1.3),
        "yaw_deg": yaw,
        "pitch_deg": pitch,
        "mouth_open": mouth,
    }
    return Face(**values)


@pytest.mark.parametrize(
    ("source", "target", "reason"),
    [
        (face(yaw=21), face(), "yaw-difference"),
        (face(yaw=-15), face(yaw=15), "yaw-difference"),
        (face(pitch=20), face(), "pitch-difference"),
        (face(mouth=0.2), face(), "mouth-opening"),
        (face(), face(side=50), "tiny-face"),
        (face(side=50), face(), "tiny-face"),
    ],
)
def test_a_pair_out_of_range_is_skipped_with_its_reason(source, target, reason):
    pairs, skipped = choose_pairs("jade", {"s1": source}, {"t1": target}, SwapConfig.model_validate(CONFIG))
    assert pairs == []
    assert [(failure.id, failure.kind, failure.reason) for failure in skipped] == [
        ("jade-s1-t1", "skipped", reason)
    ]
    assert skipped[0].remedy


def test_the_best_sources_are_those_held_like_the_target():
    sources = {"s1": face(yaw=18), "s2": face(yaw=9), "s10": face(yaw=1), "s3": face(yaw=-9)}
    targets = {"t1": face(), "t2": face(yaw=12)}
    pairs, _ = choose_pairs("jade", sources, targets, SwapConfig.model_validate(CONFIG))
    assert pairs == [("s1", "t2"), ("s2", "t1"), ("s2", "t2"), ("s10", "t1")]


def test_all_pairs_within_range_are_taken_when_asked_for():
    sources = {f"s{n}": face(yaw=n) for n in range(1, 6)}
    config = SwapConfig.model_validate(CONFIG | {"pairs": "all"})
    pairs, skipped = choose_pairs("jade", sources, {"t1": face()}, config)
    assert pairs == [(label, "t1") for label in sources]
    assert skipped == []
