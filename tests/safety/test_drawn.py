"""Whose face a drawn picture shows: no network may deny her, by the general floors."""

from pathlib import Path

import numpy as np
import pytest
from own_embedder import own_embedder_config

from likeness.safety.floors import IdentityLimits, ResnetLimits, SFaceLimits
from likeness.safety.identity import RESNET, SFACE, Vectors, drawn_stranger

LIMITS = IdentityLimits(
    sface=SFaceLimits(source_min=0.7, swap_min=0.65, target_max=0.82),
    resnet=ResnetLimits(source_max=0.38, swap_max=0.45, target_min=0.4),
)


def face(cosine: float, distance: float) -> Vectors:
    """A face of this similarity by SFace and this distance by the resnet to `face(1, 0)`."""
    return {
        SFACE: np.array([cosine, np.sqrt(1 - cosine**2)], np.float32),
        RESNET: np.array([distance, 0], np.float32),
    }


HERS = face(1, 0)


@pytest.mark.parametrize(("cosine", "distance"), [(0.99, 0.01), (0.53, 0.51), (0.37, 0.59)])
def test_a_face_that_both_networks_take_for_her_is_hers(cosine: float, distance: float) -> None:
    assert drawn_stranger(face(cosine, distance), HERS, LIMITS) is None


@pytest.mark.parametrize(
    ("cosine", "distance"), [(0.99, 0.61), (0.35, 0.1), (float("nan"), 0.1), (0.9, float("nan"))]
)
def test_a_face_that_one_network_denies_is_a_strangers(cosine: float, distance: float) -> None:
    assert drawn_stranger(face(cosine, distance), HERS, LIMITS)


def test_what_one_network_has_not_measured_is_nobodys() -> None:
    assert drawn_stranger({SFACE: HERS[SFACE]}, HERS, LIMITS)
    assert drawn_stranger(HERS, {SFACE: HERS[SFACE]}, LIMITS)


def test_ones_own_embedder_can_only_refuse() -> None:
    own = own_embedder_config(Path(__file__), source_min=0.5, swap_min=0.6, target_max=0.7)
    limits = IdentityLimits(sface=LIMITS.sface, resnet=LIMITS.resnet, own=own)
    hers = {**HERS, own.name: np.array([1, 0], np.float32)}
    assert drawn_stranger({**HERS, own.name: np.array([0, 1], np.float32)}, hers, limits)
    assert drawn_stranger({**face(0.3, 0.46), own.name: np.array([1, 0], np.float32)}, hers, limits)
