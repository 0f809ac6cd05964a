"""Attacks on the consent record: each is refused with the stated reason."""

import base64
import datetime
from pathlib import Path

import pytest
import yaml
from records import EXPIRES, RECORD, SIGNED, TARGETS, write
from refused_records import reason
from signing import KEY, STRANGER, sign_as_test

from likeness.errors import ConsentError
from likeness.key_files import public_text
from likeness.safety.consent import load_consent
from likeness.safety.consent.generator_key import GENERATOR_KEY
from likeness.safety.consent.signing import (
    allowed_signers,
)

ROOT = Path(__file__).parents[2]
DAY = datetime.timedelta(days=1)
SYNTHETIC = {"kind": "synthetic", "expires": None, "photos": {"a.jpg": {"sha256": "a" * 64}}}


def rewrite(folder: Path, **changes: object) -> None:
    """Change a record by hand, and leave its signature."""
    path = folder / "mia.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | changes))


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"scope": ["swap"]}, id="scope narrowed"),
        pytest.param({"expires": str(EXPIRES + DAY)}, id="term lengthened"),
        pytest.param({"signed": str(SIGNED + DAY)}, id="date of the signature"),
        pytest.param({"subject": "Somebody Else"}, id="another subject"),
        pytest.param({"kind": "self"}, id="another kind"),
        pytest.param({"id": "mia-2026-02"}, id="another id"),
        pytest.param({"adult": RECORD["adult"] | {"age_years": 45}}, id="another age"),
        pytest.param({"adult": RECORD["adult"] | {"attested_by": "me"}}, id="another witness"),
        pytest.param({"photos": {}}, id="photographs taken out"),
        pytest.param({"photos": {"a.jpg": {"sha256": "b" * 64}}}, id="another photograph"),
        pytest.param({"renews": "mia-2025-01"}, id="a term before"),
        pytest.param(
            {"floors": {"decided_by": "me", "why": "x", "sface": {"source_min": 0.25, "swap_min": 0.25, "target_max": 0.9},
                        "resnet": {"source_max": 0.7, "swap_max": 0.7, "target_min": 0.1}}},
            id="lower floors",
        ),
    ],
)  # fmt: skip
def test_one_field_changed_after_the_signature(tmp_path, changes):
    folder = write(tmp_path)
    rewrite(folder, **changes)
    assert reason(folder) == "consent-signature"


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"licence": "CC-BY-4.0"}, id="licence"),
        pytest.param({"origin": "elsewhere"}, id="origin"),
        pytest.param({"photos": {}}, id="photographs"),
    ],
)
def test_the_targets_list_changed_after_the_signature(tmp_path, changes):
    folder = write(tmp_path)
    (folder / "mia.targets.yaml").write_text(yaml.safe_dump(TARGETS | changes))
    assert reason(folder) == "consent-signature"


def test_the_targets_list_taken_away_after_the_signature(tmp_path):
    folder = write(tmp_path)
    (folder / "mia.targets.yaml").unlink()
    assert reason(folder) == "consent-signature"
    with pytest.raises(ConsentError, match=r"mia\.targets\.yaml is gone, which was signed with it"):
        load_consent(folder, "mia")


def test_a_targets_list_added_after_the_signature(tmp_path):
    folder = write(tmp_path, targets=None)
    (folder / "mia.targets.yaml").write_text(yaml.safe_dump(TARGETS))
    assert reason(folder) == "consent-signature"
    with pytest.raises(ConsentError, match=r"mia\.targets\.yaml was added after .* signed"):
        load_consent(folder, "mia")


@pytest.mark.parametrize(
    "words",
    ["Mia\u202egnp", "\u2066Mia", "Mia\u2028", "\x1b[2JMia", "Mia\x9b2J", "\u200f", "\u200b", " ", "\ufeff"],
)
def test_words_that_steer_a_terminal_or_show_nothing_are_none(tmp_path, words):
    assert reason(write(tmp_path, {"subject": words})) == "consent-invalid"


@pytest.mark.parametrize(
    "words", ["Mia Example", "मिया शर्मा", "علی\u200cشید", "क्\u200dष", "O'Neill, who signed\non a day"]
)
def test_words_of_any_language_are_read(tmp_path, words):
    assert load_consent(write(tmp_path, {"subject": words}), "mia").subject == words


def test_unsigned(tmp_path):
    assert reason(write(tmp_path, sign=False)) == "consent-unsigned"


def test_signed_by_a_stranger(tmp_path):
    folder = write(tmp_path)
    sign_as_test(folder, "mia", STRANGER)
    assert reason(folder) == "consent-stranger"


@pytest.mark.parametrize("part", ["key", "value"])
def test_a_signature_of_zeros(tmp_path, part):
    folder = write(tmp_path)
    signature = yaml.safe_load((folder / "mia.yaml").read_text())["signature"]
    signature[part] = base64.b64encode(bytes(32 if part == "key" else 64)).decode()
    rewrite(folder, signature=signature)
    assert reason(folder) == ("consent-stranger" if part == "key" else "consent-signature")


def test_the_signature_of_another_record(tmp_path):
    (tmp_path / "other").mkdir()
    other = write(tmp_path / "other", {"subject": "Ann Example"})
    folder = write(tmp_path)
    rewrite(folder, signature=yaml.safe_load((other / "mia.yaml").read_text())["signature"])
    assert reason(folder) == "consent-signature"


def test_a_real_person_with_the_generators_signature(tmp_path):
    folder = write(tmp_path)
    signature = yaml.safe_load((ROOT / "consent/jade.yaml").read_text())["signature"]
    assert signature["key"] == GENERATOR_KEY
    rewrite(folder, signature=signature)
    assert reason(folder) == "consent-stranger"


def test_jades_record_made_a_real_persons(tmp_path):
    folder = tmp_path / "consent"
    folder.mkdir()
    for name in ("jade.yaml", "jade.targets.yaml", "synthetic-people.md"):
        (folder / name).write_bytes((ROOT / "consent" / name).read_bytes())
    assert load_consent(folder, "jade").kind == "synthetic"
    record = yaml.safe_load((folder / "jade.yaml").read_text())
    (folder / "jade.yaml").write_text(yaml.safe_dump(record | {"kind": "self", "expires": "2027-01-01"}))
    with pytest.raises(ConsentError) as caught:
        load_consent(folder, "jade")
    assert caught.value.reason == "consent-stranger"


def test_a_synthetic_person_without_a_list_of_photographs(tmp_path):
    assert reason(write(tmp_path, SYNTHETIC | {"photos": {}})) == "consent-invalid"


def test_a_photograph_that_the_list_of_a_synthetic_person_lacks(tmp_path):
    consent = load_consent(write(tmp_path, SYNTHETIC), "mia")
    assert consent.covers_photo("source", "a.jpg", "a" * 64)
    assert not consent.covers_photo("source", "b.jpg", "b" * 64)
    assert not consent.covers_photo("source", "a.jpg", "b" * 64)
    assert consent.attested_age("source", "b.jpg", "b" * 64) is None


def test_keys_are_those_of_the_tests():
    assert set(allowed_signers(ROOT)) == {public_text(KEY)}
