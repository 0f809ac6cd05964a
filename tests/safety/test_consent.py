"""No likeness without a valid record: each way a record can fail is refused."""

import datetime

import numpy as np
import pytest
from records import EXPIRES, FACE, RECORD, SIGNED, write

from likeness.errors import ConsentError
from likeness.safety.consent import load_consent

DAY = datetime.timedelta(days=1)


def test_a_valid_record_is_in_force(tmp_path):
    consent = load_consent(write(tmp_path), "mia")
    consent.require(["swap", "train", "generate"], today=SIGNED)
    assert np.allclose(consent.face_vectors["sface-2021dec-int8bq"], FACE, atol=1e-3)
    assert np.linalg.norm(consent.face_vectors["sface-2021dec-int8bq"]) == pytest.approx(1)


def test_no_record_is_refused(tmp_path):
    with pytest.raises(ConsentError, match="no consent record") as caught:
        load_consent(tmp_path, "mia")
    assert caught.value.reason == "consent-missing"


@pytest.mark.parametrize("field", [key for key in RECORD if key not in ("photos",)])
def test_an_incomplete_record_is_refused(tmp_path, field):
    with pytest.raises(ConsentError, match=field):
        load_consent(write(tmp_path, drop=(field,)), "mia")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"expires": None}, "expires: null stands there; a real person's consent ends within 24 months"),
        (
            {"signed": datetime.date(2026, 1, 2), "expires": datetime.date(2028, 1, 3)},
            "expires: 2028-01-03 stands there.*2028-01-02 at the latest",
        ),
        (
            {"signed": datetime.date(2026, 1, 2), "expires": datetime.date(2025, 1, 3)},
            "expires: 2025-01-03 is before `signed`",
        ),
        ({"adult": {"attested_by": "x", "age_years": 17}}, "age_years"),
        ({"adult": {"attested_by": "", "age_years": 30}}, "attested_by"),
        ({"scope": []}, "scope"),
        ({"scope": ["everything"]}, "scope"),
        ({"kind": "celebrity"}, "kind"),
        ({"persona": "zoe"}, "zoe"),
        ({"extra": 1}, "extra"),
        ({"face": RECORD["face"] | {"embedding": "AAAA"}}, "face.embedding: 'AAAA' stands there"),
        ({"photos": {"a.jpg": {"sha256": "a" * 64, "age_years": 12}}}, "age_years"),
    ],
)
def test_a_wrong_record_is_refused(tmp_path, changes, words):
    with pytest.raises(ConsentError, match=words):
        load_consent(write(tmp_path, changes), "mia")


@pytest.mark.parametrize("text", ["- a list", "key: [", "\x00"])
def test_a_record_that_is_no_yaml_mapping_is_refused(tmp_path, text):
    folder = write(tmp_path)
    (folder / "mia.yaml").write_text(text)
    with pytest.raises(ConsentError, match=r"consent/mia\.yaml"):
        load_consent(folder, "mia")


def test_changed_or_missing_evidence_is_refused(tmp_path):
    folder = write(tmp_path)
    (folder / "mia.pdf").write_bytes(b"%PDF-1.7 signed by somebody else")
    with pytest.raises(ConsentError, match="sha256"):
        load_consent(folder, "mia")
    (folder / "mia.pdf").unlink()
    with pytest.raises(ConsentError, match="missing"):
        load_consent(folder, "mia")


@pytest.mark.parametrize(
    ("changes", "today", "reason"),
    [
        ({}, EXPIRES + DAY, "consent-expired"),
        ({}, SIGNED - DAY, "consent-not-yet"),
        ({"revoked": SIGNED + DAY}, EXPIRES, "consent-revoked"),
        ({"scope": ["swap", "train"]}, EXPIRES, "consent-scope"),
    ],
)
def test_a_record_out_of_force_is_refused(tmp_path, changes, today, reason):
    with pytest.raises(ConsentError) as caught:
        load_consent(write(tmp_path, changes), "mia").require(["generate"], today=today)
    assert caught.value.reason == reason


def test_the_last_day_still_counts(tmp_path):
    load_consent(write(tmp_path), "mia").require(["train"], today=EXPIRES)


def test_an_attested_age_holds_for_exact_bytes_only(tmp_path):
    consent = load_consent(write(tmp_path), "mia")
    assert consent.attested_age("source", "a.jpg", "a" * 64) == 30
    assert consent.attested_age("source", "a.jpg", "d" * 64) is None
    assert consent.attested_age("source", "other.jpg", "e" * 64) is None
    assert consent.attested_age("target", "t.jpg", "b" * 64) == 40
    assert consent.attested_age("target", "u.jpg", "c" * 64) is None


def test_a_synthetic_persons_age_holds_for_every_listed_source_but_no_target(tmp_path):
    photos = {"new.jpg": {"sha256": "f" * 64}}
    consent = load_consent(write(tmp_path, {"kind": "synthetic", "expires": None, "photos": photos}), "mia")
    assert consent.attested_age("source", "new.jpg", "f" * 64) == 31
    assert consent.covers_photo("source", "renamed.jpg", "f" * 64)
    assert consent.attested_age("source", "other.jpg", "e" * 64) is None
    assert not consent.covers_photo("source", "other.jpg", "e" * 64)
    assert consent.attested_age("target", "new.jpg", "f" * 64) is None


def test_a_target_without_a_licence_line_has_none(tmp_path):
    consent = load_consent(write(tmp_path), "mia")
    assert consent.target_licence("t.jpg", "b" * 64) == "CC0-1.0"
    assert consent.target_licence("u.jpg", "c" * 64) == "CC-BY-4.0"
    assert consent.target_licence("t.jpg", "f" * 64) is None
    assert consent.target_licence("x.jpg", "b" * 64) == "CC0-1.0"  # the same bytes under a new name
    assert consent.listed_sha256("target", "t.jpg") == "b" * 64
    assert consent.listed_sha256("target", "x.jpg") is None
    (tmp_path / "consent/mia.targets.yaml").unlink()
    alone = load_consent(write(tmp_path, targets=None), "mia")
    assert alone.target_licence("t.jpg", "b" * 64) is None
    assert not alone.covers_photo("target", "t.jpg", "b" * 64)
