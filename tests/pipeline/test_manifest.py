"""Manifests say the same thing when written, read and written again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from likeness.errors import InputError
from likeness.pipeline.manifest import Entry, FaceEntry, Failure, natural, read_manifest, write_manifest

NUMBER = st.floats(allow_nan=False, allow_infinity=False, width=32)
FACES = st.builds(
    FaceEntry, box_px=st.tuples(NUMBER, NUMBER, NUMBER, NUMBER), score=NUMBER, yaw_deg=NUMBER, pitch_deg=NUMBER,
    sharpness=NUMBER, age_years=st.none() | NUMBER,
)  # fmt: skip
NAMES = st.from_regex(r"[a-zé][a-z0-9é_-]{0,12}\Z", fullmatch=True)
ENTRIES = st.builds(
    Entry, id=NAMES, file=NAMES, sha256=st.text(), width=st.integers(), height=st.integers(),
    source=st.none() | st.text(), target=st.none() | st.text(), rating=st.sampled_from(["sfw", "review"]),
    faces=st.lists(FACES, max_size=2).map(tuple), provider=st.text(), cost_usd=NUMBER,
    parents=st.lists(st.text()).map(tuple), scores=st.dictionaries(st.text(), NUMBER, max_size=2),
    origin=st.none() | st.text(), held_out=st.booleans(), text=st.none() | st.text(),
)  # fmt: skip
FAILURES = st.builds(
    Failure, id=st.text(), kind=st.sampled_from(["refused", "skipped", "failed"]), reason=st.text(), detail=st.text(),
    remedy=st.text(),
)  # fmt: skip


@given(st.lists(ENTRIES, max_size=4), st.lists(FAILURES, max_size=4))
def test_a_manifest_reads_back_equal_and_rewrites_to_the_same_bytes(tmp_path_factory, entries, failures):
    folder = tmp_path_factory.mktemp("manifest")
    written = write_manifest(folder, entries, failures)
    before = [(folder / name).read_bytes() for name in ("manifest.jsonl", "failures.jsonl")]
    assert read_manifest(folder) == written
    write_manifest(folder, reversed(written.entries), reversed(written.failures))
    if len({e.id for e in entries}) == len(entries) and len({(f.id, f.reason) for f in failures}) == len(
        failures
    ):
        assert [(folder / name).read_bytes() for name in ("manifest.jsonl", "failures.jsonl")] == before


def test_ids_sort_as_a_person_counts():
    assert sorted(["jade-s10", "jade-s2-t10", "jade-s2-t9", "jade-s2"], key=natural) == [
        "jade-s2", "jade-s2-t9", "jade-s2-t10", "jade-s10"]  # fmt: skip


def test_a_missing_manifest_names_the_remedy(tmp_path):
    with pytest.raises(InputError, match=r"manifest\.jsonl is missing") as caught:
        read_manifest(tmp_path)
    assert "dvc repro" in caught.value.remedy


def test_a_broken_line_is_named(tmp_path):
    write_manifest(tmp_path, [], [])
    (tmp_path / "manifest.jsonl").write_text('{"id": 1}\n')
    with pytest.raises(InputError, match=r"manifest.jsonl:1"):
        read_manifest(tmp_path)


def test_a_face_moves_with_the_cut_and_its_outline_with_it():
    face = FaceEntry(box_px=(30, 20, 10, 8), score=0.9, yaw_deg=0, pitch_deg=0, sharpness=1, age_years=None)
    assert face.moved(2, 3, left=10, top=15) == face.model_copy(update={"box_px": (40, 15, 20, 24)})
    outlined = face.model_copy(update={"outline_px": ((30, 20), (40, 24), (33.33, 28))})
    moved = outlined.moved(2, 3, left=10, top=15, digits=1)
    assert moved.outline_px == ((40, 15), (60, 27), (46.7, 39))


def test_names_that_differ_in_zeros_alone_have_one_order():
    names = ["s10", "s2", "s00", "s0", "s02"]
    for order in (names, names[::-1]):
        assert sorted(order, key=natural) == ["s0", "s00", "s02", "s2", "s10"]
