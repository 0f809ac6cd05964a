"""likeness.ingest.checks: what one photo's measurements decide."""

import pytest
from ingest_fakes import FakeConsent, candidate, embedding, ingest_config, measured_face

from likeness.ingest.checks import rating_of, refusal_of
from likeness.safety.gates import Refusal

CFG = ingest_config(
    min_side_px=256, min_face_px=64, background_face_ratio=0.5, min_sharpness=0.02, review_explicit=0.3,
    max_explicit=0.7,
)  # fmt: skip


def refused(*arguments, consent: FakeConsent | None = None, **changes) -> Refusal | None:
    return refusal_of(candidate(*arguments, **changes), CFG, consent or FakeConsent())


def face(side_px: float, **changes):
    return measured_face(box_px=(0.0, 0.0, side_px, side_px * 1.3), **changes)


@pytest.mark.parametrize("label", ["s1", "t1"])
def test_a_good_photo_is_not_refused(label: str) -> None:
    assert refused(label) is None


@pytest.mark.parametrize(
    ("changes", "reason", "measured"),
    [
        ({"faces": ()}, "no-face", "1024x1280"),
        ({"faces": (face(150), face(80))}, "several-faces", "150 and 80"),
        ({"width": 255}, "too-small", "255x1280"),
        ({"faces": (face(63),)}, "too-small", "63 px"),
        ({"faces": (measured_face(sharpness=0.019),)}, "blurred", "0.019"),
        ({"explicit": 0.7}, "explicit", "0.70"),
        ({"explicit": None}, "not-rated", "no number"),
        ({"faces": (measured_face(age_years=17.9),)}, "apparent-minor", "17.9"),
        ({"faces": (face(70, age_years=12.0),)}, "apparent-minor", "70 px"),
        ({"faces": (measured_face(age_years=None),)}, "age-not-judged", "estimated"),
    ],
)
def test_each_fault_has_its_reason_its_measured_value_and_a_remedy(changes, reason, measured) -> None:
    refusal = refused("t1", **changes)
    assert refusal is not None
    assert refusal.reason == reason
    assert measured in refusal.detail
    assert len(refusal.remedy) > 10


@pytest.mark.parametrize(
    "changes",
    [
        {"faces": (face(150), face(74))},
        {"width": 256, "height": 256},
        {"faces": (face(64),)},
        {"faces": (measured_face(sharpness=0.02),)},
        {"explicit": 0.69},
        {"faces": (measured_face(age_years=18.0),)},
    ],
)
def test_at_the_limit_a_photo_still_passes(changes) -> None:
    assert refused("t1", **changes) is None


@pytest.mark.parametrize("label", ["s1", "t1"])
def test_an_attested_adult_who_looks_young_passes(label: str) -> None:
    young = (measured_face(age_years=12.0),)
    assert refused(label, name="a.jpg", faces=young, consent=FakeConsent(ages={"a.jpg": 34})) is None
    assert refused(label, name="b.jpg", faces=young, consent=FakeConsent(ages={"a.jpg": 34})) is not None


def test_an_attestation_says_nothing_of_a_minor_in_the_background() -> None:
    behind = (face(400), face(150, age_years=12.0))
    refusal = refused(name="a.jpg", faces=behind, consent=FakeConsent(ages={"a.jpg": 34}))
    assert refusal is not None
    assert refusal.reason == "apparent-minor"
    assert "crop" in refusal.remedy


def test_a_background_face_too_small_to_judge_refuses_nothing() -> None:
    assert refused(faces=(face(400), face(90, age_years=None))) is None


def test_a_target_without_a_licence_is_refused_and_a_source_needs_none() -> None:
    consent = FakeConsent(unlicensed=("a.jpg",))
    refusal = refused("t1", name="a.jpg", consent=consent)
    assert refusal is not None
    assert refusal.reason == "no-licence"
    assert "consent/jade.targets.yaml" in refusal.remedy
    assert "sha256 of t1" in refusal.detail
    assert refused("s1", name="a.jpg", consent=consent) is None


def test_a_licensed_name_with_other_bytes_is_told_so() -> None:
    class Lists(FakeConsent):
        def listed_sha256(self, role: str, file_name: str) -> str | None:
            return "0" * 64

    refusal = refused("t1", name="a.jpg", consent=Lists(unlicensed=("a.jpg",)))
    assert refusal is not None
    assert refusal.reason == "licence-of-other-bytes"
    assert refusal.detail.startswith("consent/jade.targets.yaml lists this name")
    assert "0" * 64 in refusal.detail


def test_safety_is_reported_before_quality() -> None:
    refusal = refused("t1", faces=(face(20, sharpness=0.0, embedding=tuple(embedding(3)), age_years=12.0),))
    assert refusal is not None
    assert refusal.reason == "apparent-minor"
    refusal = refused("t1", faces=(), explicit=0.9)
    assert refusal is not None
    assert refusal.reason == "explicit"


def test_ratings_between_the_thresholds_are_for_review() -> None:
    words = [rating_of(candidate(explicit=score), CFG) for score in (0.0, 0.29, 0.3, 0.69, 0.7, None)]
    assert words == ["sfw", "sfw", "review", "review", "explicit", "explicit"]
