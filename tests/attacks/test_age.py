"""Attacks on the age gates: apparent minors at every door for pictures, and records that say otherwise."""

import numpy as np
import pytest
from ingest_fakes import FLOORS, FakeConsent, candidate, ingest_config, measured_face

from likeness.errors import InputError
from likeness.evaluate.samples import IMAGE, Limits, finished_sample
from likeness.ingest.checks import refusal_alone
from likeness.pipeline.batch import Work, run_one
from likeness.safety.floors import IdentityLimits, ResnetLimits, SFaceLimits
from likeness.safety.gates import PICTURES, SeenFace, Subject, judge
from likeness.store.items import WITHHELD, ItemStore
from likeness.store.keys import item_key

LIMITS = IdentityLimits(
    sface=SFaceLimits(**FLOORS.sface.model_dump()), resnet=ResnetLimits(**FLOORS.resnet.model_dump())
)
SHOWN = Limits(review_explicit=0.3, max_explicit=0.7)


def at(door: str, years: float | None, *, attested: int | None = None, **changes) -> str | None:
    face = SeenFace(
        side_px=200, age_years=years, attested_years=attested, whose="jade" if attested else None, **changes
    )
    refusal = judge(door, Subject(explicit=0.0, max_explicit=0.7, faces=[face]))
    return refusal and refusal.reason


@pytest.mark.parametrize("door", sorted(PICTURES))
@pytest.mark.parametrize("years", [0.3, 6.0, 9.9, float("nan")])
def test_what_looks_like_a_child_is_refused_whatever_a_record_says(door, years):
    assert at(door, years, attested=40) == "apparent-child"


# Whose age a record attests in an ingested photograph, ingest knew by the photograph's bytes.
@pytest.mark.parametrize("door", sorted(PICTURES - {"delivery", "ingested photograph"}))
@pytest.mark.parametrize("years", [10.0, 15.0, 17.9])
def test_a_face_that_looks_under_age_is_refused_where_no_record_attests_an_adult(door, years):
    assert at(door, years) == "apparent-minor"


@pytest.mark.parametrize("door", sorted(PICTURES - {"training image"}))
def test_an_attested_adult_who_looks_young_passes(door):
    assert at(door, 13.4, attested=34) is None  # an adult's small face


def test_a_photograph_whose_age_nothing_tells_is_refused():
    assert at("photograph", None) == "age-not-judged"


def photograph(years: float, consent: FakeConsent) -> str | None:
    photo = candidate(name="a.jpg", faces=(measured_face(age_years=years),))
    refusal = refusal_alone(photo, ingest_config(), consent, LIMITS)
    return refusal and refusal.reason


def test_a_synthetic_person_is_no_blanket_permission():
    """The kind alone attests nothing: the photograph's bytes must be in the signed record."""
    assert photograph(15.0, FakeConsent(kind="synthetic")) == "apparent-minor"
    assert photograph(15.0, FakeConsent(kind="synthetic", ages={"a.jpg": 29})) is None
    assert photograph(8.0, FakeConsent(kind="synthetic", ages={"a.jpg": 29})) == "apparent-child"


def test_a_child_behind_an_attested_adult_is_refused():
    faces = (measured_face(), measured_face(age_years=6.0, box_px=(0.0, 0.0, 60.0, 70.0)))
    refusal = refusal_alone(
        candidate(name="a.jpg", faces=faces), ingest_config(), FakeConsent(ages={"a.jpg": 29}), LIMITS
    )
    assert refusal is not None
    assert refusal.reason == "apparent-child"


class Sees:
    """Finds faces of these ages and sizes in a drawn picture."""

    def __init__(self, *faces: tuple[float, float]) -> None:
        self.found = [SeenFace(side_px=px, age_years=years, small=px < 128) for years, px in faces]

    def ages(self, rgb):
        return self.found


@pytest.mark.parametrize(
    ("faces", "reason"),
    [
        ([(15.0, 300.0)], "apparent-minor"),
        ([(30.0, 300.0), (16.0, 200.0)], "apparent-minor"),
        ([(6.0, 300.0)], "apparent-child"),
        ([(6.0, 50.0)], "apparent-child"),
    ],
)
def test_a_drawn_picture_of_a_minor_is_not_kept(faces, reason):
    with pytest.raises(InputError) as caught:
        finished_sample(np.zeros((64, 64, 3), np.uint8), lambda rgb: 0.0, Sees(*faces), SHOWN, quality=90)
    assert caught.value.reason == reason
    kept = caught.value.measured
    assert kept["ages"] == [years for years, _ in faces]
    assert set(kept[WITHHELD]) == {IMAGE}


def test_of_a_refused_drawn_picture_only_digest_scores_and_reason_are_kept(tmp_path):
    store, key = ItemStore(tmp_path), item_key("draw", 1, {}, [])

    def make():
        rgb = np.zeros((64, 64, 3), np.uint8)
        return finished_sample(rgb, lambda rgb: 0.99, Sees((30.0, 300.0)), SHOWN, quality=90)

    outcome = run_one(Work(id="one", key=key, make=make), store)
    assert outcome.failure is not None
    item = store.get(key)
    assert item is not None
    assert item.files == {}
    assert item.record["explicit"] == 0.99
    assert item.record["ages"] == [30.0]
    assert item.record["refusal"]["reason"] == "explicit"
    assert len(item.record[WITHHELD][IMAGE]) == 64
    assert not list(tmp_path.glob("objects/??/*"))


def test_a_drawn_adult_is_kept_and_a_small_face_is_not_read_too_young():
    for faces in ([(25.0, 300.0)], [(15.0, 60.0)], []):
        made = finished_sample(
            np.zeros((64, 64, 3), np.uint8), lambda rgb: 0.0, Sees(*faces), SHOWN, quality=90
        )
        assert made.files
