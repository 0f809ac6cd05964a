"""The stage `ingest` and the numbers of photographs: each keeps its own, whatever becomes of the files around it."""

import pytest
from ingest_fakes import png
from ingest_stage import PLACES, good, ingest, origins, put, put_instruments

from likeness.digests import sha256_bytes
from likeness.errors import ConfigError
from likeness.ingest import numbers
from likeness.pipeline.manifest import read_manifest


@pytest.fixture
def instruments(in_tmp, monkeypatch):
    return put_instruments(monkeypatch)


def test_numbers_stay_whatever_is_put_beside(instruments) -> None:
    good()
    first = origins(ingest())
    put("sources/a_new.png", png(seed=20))
    put("sources/0_broken.png", b"")
    second = ingest()
    assert origins(second) == first | {"s4": "a_new.png"}
    put("sources/0_broken.png", png(seed=21))  # mended: accepted for the first time
    assert origins(ingest()) == first | {"s4": "a_new.png", "s5": "0_broken.png"}
    (PLACES.raw_sources / "jade_2.png").unlink()
    assert origins(ingest()) == {k: v for k, v in first.items() if k != "s2"} | {
        "s4": "a_new.png", "s5": "0_broken.png",
    }  # fmt: skip
    put("sources/late.png", png(seed=22))  # a number is never given twice
    assert origins(ingest())["s6"] == "late.png"


def test_a_renamed_photograph_keeps_its_number(instruments) -> None:
    good()
    ingest()
    (PLACES.raw_sources / "jade_3.png").rename(PLACES.raw_sources / "0_front.png")
    assert origins(ingest())["s3"] == "0_front.png"


def test_photographs_that_changed_names_are_refused_and_both_are_shown(instruments) -> None:
    good()
    ingest()
    one, two = PLACES.raw_sources / "jade_1.png", PLACES.raw_sources / "jade_2.png"
    first, second = one.read_bytes(), two.read_bytes()
    one.write_bytes(second)
    two.write_bytes(first)
    failures = ingest().failures
    assert [failure.reason for failure in failures] == ["number-disputed", "number-disputed"]
    assert "jade_2.png" in failures[0].detail
    assert sha256_bytes(first) in failures[0].detail
    assert sha256_bytes(second) in failures[0].detail


def test_a_replaced_photograph_says_so(instruments) -> None:
    good()
    assert [entry.replaced for entry in ingest().entries] == [None] * 5
    put("sources/jade_1.png", png(seed=77))
    replaced = ingest().entries[0].replaced
    assert replaced is not None
    assert sha256_bytes(png(seed=77)) in replaced


@pytest.mark.parametrize(
    "text", ["sources: [1]", "sources:\n  a: {number: 0, sha256: x}", "<<<<<<< ours\n", "a: b"]
)
def test_numbers_that_do_not_read_stop_before_anything_is_lost(instruments, text: str) -> None:
    good()
    ingest()
    PLACES.numbers.write_text(text)
    with pytest.raises(ConfigError, match=r"numbers\.yaml"):
        ingest()
    assert len(read_manifest(PLACES.ingested).entries) == 5


def test_numbers_are_never_written_that_the_next_run_could_not_read(instruments, monkeypatch) -> None:
    good()
    ingest()
    before = PLACES.numbers.read_bytes()
    put("sources/late.png", png(seed=22))
    monkeypatch.setattr(numbers, "MAX_BYTES", len(before) + 50)
    with pytest.raises(ConfigError, match=r"numbers\.yaml would be larger"):
        ingest()
    assert PLACES.numbers.read_bytes() == before
