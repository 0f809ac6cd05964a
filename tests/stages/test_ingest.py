"""The stage `ingest` on folders of good and bad files, with made-up instruments."""

import contextlib
import io
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ingest_fakes import photo, png
from ingest_stage import PLACES, good, ingest, origins, put, put_instruments
from PIL import Image

from likeness.digests import sha256_file
from likeness.errors import ConfigError, InputError
from likeness.faces import from_json
from likeness.images import load_rgb
from likeness.pipeline.manifest import read_manifest


@pytest.fixture
def instruments(in_tmp, monkeypatch):
    return put_instruments(monkeypatch)


def test_good_photos_get_their_files_names_and_lines(instruments) -> None:
    good()
    manifest = ingest("jade_2.png")
    assert manifest.failures == ()
    assert [entry.file for entry in manifest.entries] == [
        "jade-s1-sfw-ingested.png",
        "jade-s2-sfw-ingested.png",
        "jade-s3-sfw-ingested.png",
        "jade-t1-sfw-ingested.png",
        "jade-t2-review-ingested.png",
    ]
    assert [entry.held_out for entry in manifest.entries] == [False, True, False, False, False]
    assert [(entry.source, entry.target) for entry in manifest.entries][2:4] == [("s3", None), (None, "t1")]
    for entry in manifest.entries:
        path = PLACES.ingested / entry.file
        assert sha256_file(path) == entry.sha256
        assert load_rgb(path).shape == (entry.height, entry.width, 3)
        assert entry.origin is not None
        folder = PLACES.raw_sources if entry.source else PLACES.raw_targets
        assert entry.parents == (sha256_file(folder / entry.origin),)
        from_json(json.loads((PLACES.ingested / f"{entry.id}.face.json").read_text()))
    assert json.loads((PLACES.ingested / "persona.json").read_text())["photos"] == 2


def test_a_refused_file_takes_no_number_and_is_named_with_a_remedy(instruments) -> None:
    good()
    put("sources/a_first.jpg", b"")
    put("targets/unlicensed.png", png(seed=12))
    manifest = ingest()
    assert [entry.id for entry in manifest.entries] == [
        "jade-s1", "jade-s2", "jade-s3", "jade-t1", "jade-t2",
    ]  # fmt: skip
    assert [(f.id, f.source, f.target, f.kind, f.reason) for f in manifest.failures] == [
        ("jade-source-a_first.jpg", "", None, "failed", "empty-file"),
        ("jade-target-unlicensed.png", None, "", "refused", "no-licence"),
    ]
    assert manifest.failures[0].detail.startswith("a_first.jpg: ")
    assert all(failure.remedy for failure in manifest.failures)


def test_a_raw_file_is_known_by_its_name_too(instruments) -> None:
    good()
    tiff = io.BytesIO()
    Image.fromarray(photo(seed=30)).save(tiff, "TIFF")
    put("sources/DSC_1.NEF", tiff.getvalue())  # reads as a TIFF: a preview
    put("sources/DSC_2.kdc", b"an unknown family")
    put("sources/DSC_3.dng", png(seed=31))  # a PNG under a wrong name is a PNG
    manifest = ingest()
    assert [(f.origin, f.reason) for f in manifest.failures] == [
        ("DSC_1.NEF", "camera-raw"), ("DSC_2.kdc", "camera-raw"),
    ]  # fmt: skip
    assert origins(manifest)["s1"] == "DSC_3.dng"


def test_live_photos_and_other_files_beside_photographs_are_skipped(instruments, capsys) -> None:
    good()
    for n in range(8):
        for suffix in ("MOV", "AAE", "xmp"):
            put(f"sources/IMG_{n}.{suffix}", b"not a photograph")
    manifest = ingest(max_failure_ratio=0.1)
    assert len(manifest.entries) == 5
    assert [failure.kind for failure in manifest.failures] == ["skipped"] * 24
    assert "ingest: 5 of 5 go on; 24 files beside them are not read\n" in capsys.readouterr().err


def test_equal_broken_files_are_each_named(instruments) -> None:
    good()
    put("targets/y.png", b"not a photo")
    put("targets/z.png", b"not a photo")
    assert [f.detail[:6] for f in ingest().failures] == ["y.png:", "z.png:"]


def test_a_name_that_does_not_fit_its_content_is_accepted_and_noted(instruments) -> None:
    good()
    put("sources/z.jpg", png(seed=9))
    assert len(ingest().entries) == 6
    lines = [json.loads(line) for line in (PLACES.ingested / "notes.jsonl").read_text().splitlines()]
    assert lines == [
        {"id": "jade-s4", "origin": "z.jpg", "notes": ["the name says .jpg, the content is PNG"]},
    ]


ODD_NAMES = (
    "-rf.png", "--help.png", "a\nb.png", "\x1b[31mred.png", "x\u202egnp.png", "x" * 251 + ".png", "IMG.PNG", "img.png", "[edited].png",
    "CON.png", "a\\b.png", "null", " lead.png", "trail.png ", "%s{0}.png", "\u00e9.png", "\U0001f642.png", ": y.png", "a..png",
)  # fmt: skip


def test_photographs_of_odd_names_are_photographs_like_any(instruments) -> None:
    for seed, name in enumerate(ODD_NAMES, start=1):
        put(f"sources/{name}", png(seed=seed))
    first = ingest()
    assert sorted(entry.origin or "" for entry in first.entries) == sorted(ODD_NAMES)
    numbers = PLACES.numbers.read_bytes()
    assert [entry.source for entry in ingest().entries] == [entry.source for entry in first.entries]
    assert PLACES.numbers.read_bytes() == numbers


def test_one_photo_more_measures_only_that_one(instruments) -> None:
    good()
    first = ingest()
    assert instruments.faces.calls == 5
    put("sources/a_new.png", png(seed=20))
    second = ingest()
    assert instruments.faces.calls == 6
    assert {e.sha256 for e in first.entries} < {e.sha256 for e in second.entries}


def test_other_pixels_under_the_same_name_are_another_photo(instruments) -> None:
    good()
    before = ingest().entries[0]
    put("sources/jade_1.png", png(seed=77))
    after = ingest().entries[0]
    assert instruments.faces.calls == 6
    assert before.origin == after.origin
    assert before.sha256 != after.sha256


def test_a_changed_threshold_measures_nothing_again(instruments) -> None:
    good()
    ingest()
    manifest = ingest(review_explicit=0.1, max_explicit=0.2)
    assert instruments.faces.calls == 5
    assert [failure.reason for failure in manifest.failures] == ["explicit"]
    assert not list(PLACES.ingested.glob("jade-t2*"))


def test_a_second_run_writes_the_same_bytes(instruments) -> None:
    good()
    put("targets/broken.png", png()[:100])
    ingest()
    first = {path.name: path.read_bytes() for path in PLACES.ingested.iterdir()}
    ingest()
    assert {path.name: path.read_bytes() for path in PLACES.ingested.iterdir()} == first


def test_too_many_failures_stop_the_stage_after_both_files_are_written(instruments) -> None:
    good()
    for n in range(9):
        put(f"targets/empty_{n}.jpg", b"")
    with pytest.raises(InputError, match="max_failure_ratio"):
        ingest(max_failure_ratio=0.5)
    assert len(read_manifest(PLACES.ingested).failures) == 9


def test_without_a_training_source_the_stage_stops(instruments) -> None:
    put("sources/a.png", png())
    put("targets/a.png", png())
    with pytest.raises(InputError) as caught:
        ingest("a.png")
    assert caught.value.reason == "no-sources"
    assert "the 1 that passed are all held out" in caught.value.message
    assert "`held_out` in conf/persona/jade.yaml" in caught.value.remedy


def test_where_every_photograph_is_refused_the_end_says_where_the_reasons_are(instruments) -> None:
    put("sources/a.png", png(faces=0))
    with pytest.raises(InputError, match="none passed") as caught:
        ingest(max_failure_ratio=1)
    assert "failures.jsonl" in caught.value.remedy


def test_a_held_out_name_that_is_not_there_stops_before_any_work(instruments) -> None:
    good()
    with pytest.raises(ConfigError, match=r"jade_9\.png"):
        ingest("jade_9.png")
    assert instruments.faces.calls == 0


FILES = st.sampled_from(
    [
        b"",
        b"no image",
        png()[:200],
        png(seed=1),
        png(seed=2),
        png(seed=3, person=4),
        png(seed=4, faces=0),
        png(seed=5, faces=2),
        png(seed=6, age=12),
        png(seed=7, explicit=90),
        png(seed=8, explicit=255),
    ]
)
NAMES = st.text("abz019 é.", min_size=1, max_size=6).map(lambda text: f"p{text}.png")


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    sources=st.dictionaries(NAMES, FILES, min_size=1, max_size=6),
    targets=st.dictionaries(NAMES, FILES, min_size=1, max_size=6),
)
def test_every_raw_file_ends_in_exactly_one_of_both_files(instruments, sources, targets) -> None:
    for folder, files in (("sources", sources), ("targets", targets)):
        for path in (PLACES.data / "raw" / folder).glob("*"):
            path.unlink()
        for name, data in files.items():
            put(f"{folder}/{name}", data)
    PLACES.numbers.unlink(missing_ok=True)
    with contextlib.suppress(InputError):  # no source may be left; both files are written before it says so
        ingest()
    manifest = read_manifest(PLACES.ingested)
    raw = sorted([*(("source", name) for name in sources), *(("target", name) for name in targets)])
    entries = [("source" if entry.source else "target", entry.origin) for entry in manifest.entries]
    failures = [("target" if f.source is None else "source", f.origin) for f in manifest.failures]
    assert sorted([*entries, *failures]) == raw
    assert all(failure.detail.startswith(f"{failure.origin}: ") for failure in manifest.failures)
    pictures = {path.name for path in PLACES.ingested.glob("*.png")}
    assert pictures == {entry.file for entry in manifest.entries}
