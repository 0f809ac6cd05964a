"""Attacks on whose face it is: a stranger near in one embedder's eyes, a record that binds one alone, numbers that are none."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ingest_fakes import FakeConsent, candidate, embedding, ingest_config, measured_face
from own_embedder import own_embedder_config, write_network
from pydantic import ValidationError

from likeness.check import _embedder_problems
from likeness.faces import FaceAnalyzer
from likeness.images import load_rgb
from likeness.ingest.checks import refusal_alone
from likeness.safety.consent import load_consent
from likeness.safety.consent.parts import Floors
from likeness.safety.floors import IdentityLimits, ResnetLimits, SFaceLimits, record_limits
from likeness.safety.identity import RESNET, SFACE, still_target, stranger, vectors_of

ROOT = Path(__file__).parents[2]
LIMITS = IdentityLimits(sface=SFaceLimits(source_min=0.7), resnet=ResnetLimits(source_max=0.38))
HER = {SFACE: embedding(0), RESNET: np.float32([0.0, 0.0])}


def face(cosine: float, distance: float) -> dict[str, np.ndarray]:
    """A face with this cosine to hers for SFace, and this distance for the resnet."""
    return {
        SFACE: cosine * embedding(0) + np.sqrt(1 - cosine**2) * embedding(1),
        RESNET: np.float32([distance, 0.0]),
    }


@pytest.mark.parametrize(
    ("cosine", "distance", "words"),
    [
        (0.888, 0.45, "the resnet's distance is 0.450"),  # the stranger that SFace alone takes for her
        (0.99, 0.39, "the resnet's distance"),
        (0.69, 0.1, "SFace's similarity is 0.690"),
        (0.2, 0.9, "SFace's similarity is 0.200"),
        (float("nan"), 0.1, "SFace"),
        (0.9, float("nan"), "the resnet's distance"),
    ],
)
def test_one_embedder_that_says_no_is_enough(cosine, distance, words):
    why = stranger(face(cosine, distance), HER, LIMITS)
    assert why is not None
    assert words in why


def test_both_must_say_yes():
    assert stranger(face(0.71, 0.37), HER, LIMITS) is None


@pytest.mark.parametrize("name", [SFACE, RESNET])
def test_what_an_embedder_has_not_measured_is_nobodys_face(name):
    measured = {key: value for key, value in face(0.95, 0.1).items() if key != name}
    assert name in (stranger(measured, HER, LIMITS) or "")
    assert stranger(face(0.95, 0.1), {key: HER[key] for key in HER if key != name}, LIMITS) is not None
    assert still_target(measured, HER, LIMITS) is not None


@pytest.mark.parametrize(("cosine", "distance"), [(0.61, 0.9), (0.1, 0.39)], ids=["SFace", "the resnet"])
def test_a_swap_that_one_embedder_still_takes_for_the_target_is_refused(cosine, distance):
    assert still_target(face(cosine, distance), HER, LIMITS) is not None


# A third embedder of the user's own: it only ever refuses.

EMBEDDER = own_embedder_config(Path(__file__), source_min=0.5, swap_min=0.4, target_max=0.6)
OWN = EMBEDDER.name
WITH_OWN = replace(LIMITS, own=EMBEDDER)


def seen_by_three(cosine: float, distance: float, own: float) -> dict[str, np.ndarray]:
    return face(cosine, distance) | {OWN: own * embedding(0) + np.sqrt(1 - own**2) * embedding(1)}


HER_BY_THREE = HER | {OWN: embedding(0)}


NO_VECTORS = {
    "one number": np.float32([0.0]), "a number": np.float32(0.0), "none": np.zeros(0, np.float32),
    "a longer one": np.zeros(256, np.float32), "of rows": np.zeros((1, 2), np.float32), "infinite": np.float32([np.inf, 0.0]),
    "no number": np.float32([np.nan, 0.0]),
}  # fmt: skip
NO_DIRECTION = np.zeros(128, np.float32)


@pytest.mark.parametrize("name", [SFACE, RESNET])
@pytest.mark.parametrize("vector", NO_VECTORS.values(), ids=NO_VECTORS)
@pytest.mark.parametrize("whose", ["the face's", "the other's"])
def test_a_vector_that_is_none_is_nobodys_face_and_anybodys_target(name, vector, whose):
    """As an edited manifest or record holds it: numpy stretches a short one, and nothing is as far away as infinity."""
    her, them = (HER, face(0.99, 0.1)), (HER, face(0.1, 0.9))
    for (one, other), judge in ((her, stranger), (them, still_target)):
        pair = ({**other, name: vector}, one) if whose == "the face's" else (other, {**one, name: vector})
        assert judge(*pair, LIMITS) is not None


@pytest.mark.parametrize("name", [SFACE, OWN])
def test_a_vector_without_a_direction_is_no_other_person(name):
    them = seen_by_three(0.1, 0.9, 0.1)
    assert still_target(them, HER_BY_THREE, WITH_OWN) is None
    assert still_target(them | {name: NO_DIRECTION}, HER_BY_THREE, WITH_OWN) is not None
    assert still_target(them, HER_BY_THREE | {name: NO_DIRECTION}, WITH_OWN) is not None
    assert stranger(seen_by_three(0.9, 0.1, 0.9) | {name: NO_DIRECTION}, HER_BY_THREE, WITH_OWN) is not None


def test_a_source_is_refused_by_the_second_embedder_before_it_is_kept():
    """The photograph of a stranger whom SFace takes for her."""
    photo = candidate(faces=(measured_face(others={RESNET: tuple(v / 2 for v in embedding(1))}),))
    refusal = refusal_alone(photo, ingest_config(), FakeConsent(), LIMITS)
    assert refusal is not None
    assert refusal.reason == "not-the-persona"
    assert "the resnet's distance" in refusal.detail


def test_a_record_that_binds_one_embedding_lets_no_source_in():
    class OneEmbedding(FakeConsent):
        @property
        def face_vectors(self):
            return {SFACE: embedding(0)}

    refusal = refusal_alone(candidate(), ingest_config(), OneEmbedding(), LIMITS)
    assert refusal is not None
    assert f"no face of {RESNET}" in refusal.detail


@pytest.mark.parametrize(
    "change",
    [{"decided_by": ""}, {"why": ""}, {"sface": {"source_min": -1, "swap_min": 0.5, "target_max": 0.8}},
     {"sface": {"source_min": 0.5, "swap_min": 0.5, "target_max": 1.0}},
     {"resnet": {"source_max": 2.0, "swap_max": 0.5, "target_min": 0.4}},
     {"resnet": {"source_max": 0.5, "swap_max": 0.5, "target_min": 0.0}},
     {"resnet": {"source_max": float("nan"), "swap_max": 0.5, "target_min": 0.4}}],
    ids=["nobody decided", "no reason", "SFace -1", "target 1", "distance 2", "target 0", "no number"],
)  # fmt: skip
def test_floors_of_a_record_have_an_author_a_reason_and_ends(change):
    given = {
        "decided_by": "J. Doe", "why": "one mesh",
        "sface": {"source_min": 0.7, "swap_min": 0.65, "target_max": 0.82},
        "resnet": {"source_max": 0.38, "swap_max": 0.45, "target_min": 0.4},
    }  # fmt: skip
    Floors.model_validate(given)
    with pytest.raises(ValidationError):
        Floors.model_validate(given | change)


@pytest.mark.parametrize("name", [path.name for path in sorted((ROOT / "tests/photos/targets").iterdir())])
def test_no_target_person_passes_as_jade(name):
    analyzer, consent = FaceAnalyzer(), load_consent(ROOT / "consent", "jade")
    rgb = load_rgb(ROOT / f"tests/photos/targets/{name}")
    found = vectors_of(analyzer.identified(rgb, analyzer.faces(rgb)[0]))
    assert stranger(found, consent.face_vectors, record_limits(consent)) is not None
    # SFace alone, with the usual threshold, would take each of them for her.
    usual = replace(
        record_limits(consent), sface=SFaceLimits(source_min=0.36), resnet=ResnetLimits(source_max=9)
    )
    assert stranger(found, consent.face_vectors, usual) is None


@pytest.mark.parametrize("number", [1, 2, 3, 4, 6, 7])  # 5 is stored turned
def test_every_photograph_of_jade_passes(number):
    analyzer, consent = FaceAnalyzer(), load_consent(ROOT / "consent", "jade")
    rgb = load_rgb(ROOT / f"tests/photos/sources/jade_{number:02d}.jpg")
    found = vectors_of(analyzer.identified(rgb, analyzer.faces(rgb)[0]))
    assert stranger(found, consent.face_vectors, record_limits(consent)) is None


@pytest.mark.parametrize(
    ("cosine", "distance", "own"),
    [(0.9, 0.1, 0.49), (0.69, 0.1, 0.99), (0.9, 0.39, 0.99), (0.9, 0.1, float("nan"))],
    ids=[
        "the third says no",
        "the third is sure, SFace is not",
        "the third is sure, the resnet is not",
        "no number",
    ],
)
def test_no_embedder_of_three_can_speak_for_another(cosine, distance, own):
    assert stranger(seen_by_three(cosine, distance, own), HER_BY_THREE, WITH_OWN) is not None


def test_all_three_must_say_yes():
    assert stranger(seen_by_three(0.71, 0.37, 0.51), HER_BY_THREE, WITH_OWN) is None


def test_what_the_third_has_not_measured_is_nobodys_face():
    assert OWN in (stranger(face(0.9, 0.1), HER_BY_THREE, WITH_OWN) or "")
    assert OWN in (stranger(seen_by_three(0.9, 0.1, 0.9), HER, WITH_OWN) or "")
    assert still_target(face(0.1, 0.9), HER_BY_THREE, WITH_OWN) is not None


def test_a_swap_that_the_third_still_takes_for_the_target_is_refused():
    assert still_target(seen_by_three(0.1, 0.9, 0.5), HER_BY_THREE, WITH_OWN) is None
    assert still_target(seen_by_three(0.1, 0.9, 0.61), HER_BY_THREE, WITH_OWN) is not None


def test_a_third_embedder_lowers_no_floor_of_the_others(tmp_path):
    consent, own = (
        load_consent(ROOT / "consent", "jade"),
        own_embedder_config(write_network(tmp_path / "a.onnx")),
    )
    both, three = record_limits(consent), record_limits(consent, own)
    assert (three.sface, three.resnet) == (both.sface, both.resnet)
    assert three.own is not None


def test_a_third_embedder_that_the_record_does_not_know_stops_everything(tmp_path):
    own = own_embedder_config(write_network(tmp_path / "a.onnx"))
    problems = list(_embedder_problems(own, load_consent(ROOT / "consent", "jade")))
    assert len(problems) == 1
    assert own.name in problems[0]
    assert "likeness consent bind jade" in problems[0]
