"""likeness.ingest.select: what only the whole set decides."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ingest_fakes import FakeConsent, candidate, embedding, ingest_config, measured_face

from likeness.ingest.select import centroid_of, duplicates, persona_json, select
from likeness.safety.floors import IdentityLimits, ResnetLimits, SFaceLimits
from likeness.safety.identity import SFACE, mean_of

CFG = ingest_config(near_duplicate={"max_hash_bits": 5, "min_similarity": 0.92})
NEAR = CFG.near_duplicate


def person(number: int, wobble: float = 0.0, **changes):
    return (measured_face(embedding=tuple(map(float, embedding(number, wobble))), **changes),)


LIMITS = IdentityLimits(sface=SFaceLimits(source_min=0.7), resnet=ResnetLimits(source_max=0.6))


def decided(*photos, consent: FakeConsent | None = None):
    return select(photos, CFG, consent or FakeConsent(), limits=LIMITS)


def labels(selection) -> list[str]:
    return [photo.raw.label for photo in selection.accepted]


def reasons(selection) -> dict[str, str]:
    return {label: refusal.reason for label, refusal in selection.refusals.items()}


def test_the_same_pixels_twice_keep_the_first_and_name_it() -> None:
    selection = decided(candidate("s1"), candidate("s2", pixels_sha256="pixels of s1"))
    assert labels(selection) == ["s1"]
    assert reasons(selection) == {"s2": "exact-duplicate"}
    assert "s1.png" in selection.refusals["s2"].detail


def test_near_duplicates_need_both_a_near_hash_and_a_like_face() -> None:
    def pair(second_hash: str, second_person: int) -> dict[str, str]:
        first = candidate("s1", average_hash="00000000000000ff")
        second = candidate("s2", average_hash=second_hash, faces=person(second_person))
        return {label: refusal.reason for label, refusal in duplicates([first, second], NEAR).items()}

    assert pair("000000000000001f", 0) == {"s2": "near-duplicate"}  # 3 bits
    assert pair("0000000000000007", 0) == {"s2": "near-duplicate"}  # 5 bits
    assert pair("0000000000000003", 0) == {}  # 6 bits
    assert pair("000000000000001f", 1) == {}  # somebody else


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        (
            {"faces": person(0, box_px=(0, 0, 300.0, 390.0))},
            {"faces": person(0, box_px=(0, 0, 200.0, 260.0))},
        ),
        ({"faces": person(0, sharpness=0.3)}, {"faces": person(0, sharpness=0.1)}),
        ({"held_out": True}, {"faces": person(0, box_px=(0, 0, 900.0, 900.0))}),
    ],
)
@pytest.mark.parametrize("first_is_better", [True, False])
def test_of_near_duplicates_the_better_is_kept(better, worse, first_is_better) -> None:
    same = {"average_hash": "00000000000000ff"}
    one, two = (better, worse) if first_is_better else (worse, better)
    found = duplicates([candidate("s1", **one, **same), candidate("s2", **two, **same)], NEAR)
    assert list(found) == (["s2"] if first_is_better else ["s1"])


@pytest.mark.parametrize(
    "copy", [{"pixels_sha256": "pixels of s2"}, {"average_hash": "000000000000001f"}], ids=["same", "near"]
)
@pytest.mark.parametrize(("held_out", "reason"), [(True, "held-out-copy"), (False, "source-copy")])
def test_a_persons_own_photograph_is_no_target(copy, held_out: bool, reason: str) -> None:
    source = candidate("s2", held_out=held_out, average_hash="00000000000000ff")
    selection = decided(candidate("s1"), source, candidate("t1", **copy), candidate("t2", faces=person(4)))
    assert labels(selection) == ["s1", "s2", "t2"]
    assert reasons(selection) == {"t1": reason}
    assert "s2.png" in selection.refusals["t1"].detail


def test_a_refused_photo_makes_no_duplicate_of_a_good_one() -> None:
    selection = decided(candidate("s1", explicit=0.99), candidate("s2", pixels_sha256="pixels of s1"))
    assert labels(selection) == ["s2"]


def test_a_source_unlike_the_recorded_face_is_refused_with_its_similarity() -> None:
    selection = decided(candidate("s1"), candidate("s2", faces=person(3)), candidate("t1", faces=person(3)))
    assert reasons(selection) == {"s2": "not-the-persona"}
    assert (
        "SFace's similarity is 0.000, similarity.source_min is 0.7; the resnet's distance is 0.707, floors.resnet.source_max is 0.6"
        in selection.refusals["s2"].detail
    )
    assert "consent record" in selection.refusals["s2"].detail


def test_many_photos_of_somebody_else_cannot_outvote_the_record() -> None:
    strangers = [candidate(f"s{n}", faces=person(7)) for n in range(2, 9)]
    assert labels(decided(candidate("s1"), *strangers)) == ["s1"]


def test_a_source_near_the_record_but_far_from_the_others_is_refused() -> None:
    lone = candidate("s9", faces=person(0, wobble=-0.95))
    others = [candidate(f"s{n}", faces=person(0, wobble=0.9)) for n in range(1, 5)]
    selection = decided(*others, lone)
    assert reasons(selection) == {"s9": "not-the-persona"}
    assert "mean of the sources" in selection.refusals["s9"].detail


def test_held_out_photos_are_accepted_but_no_part_of_the_face() -> None:
    held = candidate("s2", held_out=True, faces=person(0, wobble=0.8))
    selection = decided(candidate("s1"), held)
    assert labels(selection) == ["s1", "s2"]
    assert selection.centroid is not None
    assert np.allclose(selection.centroid[SFACE], embedding(0))
    assert selection.similarity(held) == pytest.approx(1 / np.hypot(1, 0.8), abs=1e-5)
    described = json.loads(persona_json(selection))
    assert described["photos"] == 1
    assert np.linalg.norm(described["embedding"]) == pytest.approx(1, abs=1e-4)
    assert described["embedder"] == "sface-2021dec-int8bq"


def test_without_a_training_source_there_is_no_face() -> None:
    assert decided(candidate("s1", held_out=True), candidate("t1")).centroid is None
    assert centroid_of([candidate("t1")]) is None


PHOTO = st.fixed_dictionaries(
    {
        "explicit": st.sampled_from([0.01, 0.5, 0.9, None]),
        "width": st.sampled_from([100, 1024]),
        "pixels_sha256": st.sampled_from("abcdef"),
        "average_hash": st.sampled_from(["0" * 16, "f" * 16, "0" * 15 + "3", "00ff" * 4]),
        "faces": st.one_of(
            st.just(()),
            st.builds(
                lambda n, age, sharp: person(n, age_years=age, sharpness=sharp),
                st.integers(0, 2),
                st.sampled_from([9.0, 40.0, None]),
                st.sampled_from([0.001, 0.1, 0.3]),
            ),
        ),
    }
)


@settings(max_examples=150)
@given(st.lists(st.tuples(st.sampled_from("st"), st.booleans(), PHOTO), max_size=12))
def test_every_photo_is_accepted_or_refused_and_never_both(photos) -> None:
    candidates = [
        candidate(f"{role}{number}", held_out=held and role == "s", **changes)
        for number, (role, held, changes) in enumerate(photos, start=1)
    ]
    selection = decided(*candidates)
    accepted = labels(selection)
    assert sorted([*accepted, *selection.refusals]) == sorted(c.raw.label for c in candidates)
    kept = [c for c in selection.accepted if c.raw.role == "source"]
    assert len({c.measured.pixels_sha256 for c in kept}) == len(kept)
    assert all(c.measured.explicit is not None and c.measured.explicit < 0.7 for c in selection.accepted)
    assert all(
        (selection.similarity(c) is None) == (c.raw.role == "target" or selection.centroid is None)
        for c in candidates
    )


def test_the_mean_face_is_to_the_last_bit_that_of_all_at_once():
    random = np.random.default_rng(16)
    faces = [
        {name: random.normal(size=size).astype(np.float32) for name, size in ((SFACE, 128), ("own", 64))}
        for _ in range(37)
    ]
    at_once = np.mean([face["own"].astype(np.float64) for face in faces], axis=0)
    assert mean_of(iter(faces))["own"].tobytes() == at_once.astype(np.float32).tobytes()
    assert set(mean_of([*faces, {SFACE: faces[0][SFACE]}])) == {SFACE}
    assert mean_of([]) == {}
