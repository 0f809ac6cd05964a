"""Attacks on the consent record: each is refused with the stated reason."""

import base64
import datetime
import os
import stat
from pathlib import Path

import pytest
import yaml
from records import EVIDENCE, EXPIRES, PDF, RECORD, SIGNED, TARGETS, write
from signing import KEY, STRANGER, edit_and_sign, sign_as_test

from likeness.digests import sha256_bytes
from likeness.errors import ConfigError, ConsentError
from likeness.key_files import public_text
from likeness.safety.consent import load_consent
from likeness.safety.consent.generator_key import GENERATOR_KEY
from likeness.safety.consent.licences import is_licence
from likeness.safety.consent.signing import (
    ALLOWED,
    PRIVATE_KEY,
    allowed_signers,
    new_key,
    own_key,
)
from likeness.team_keys import MEMBERS, TeamKeys
from likeness.team_keys import PRIVATE_KEY as TEAM_KEY

ROOT = Path(__file__).parents[2]
DAY = datetime.timedelta(days=1)
SYNTHETIC = {"kind": "synthetic", "expires": None, "photos": {"a.jpg": {"sha256": "a" * 64}}}


def reason(folder: Path) -> str:
    """Why the record is refused."""
    with pytest.raises(ConsentError) as caught:
        load_consent(folder, "mia")
    said = str(caught.value).lower()
    assert "remedy:" in said
    assert "pydantic" not in said
    assert "input should be" not in said
    return caught.value.reason


def rewrite(folder: Path, **changes: object) -> None:
    """Change a record by hand, and leave its signature."""
    path = folder / "mia.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | changes))


# ---- the signature


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


# ---- keys


def test_allowed_signers_in_the_repository_are_refused(tmp_path, monkeypatch):
    folder = write(tmp_path)
    sign_as_test(folder, "mia", STRANGER)
    home = tmp_path / "home"
    home.mkdir()
    (home / ALLOWED).write_text(f"{public_text(STRANGER)} a stranger\n")
    monkeypatch.setenv("LIKENESS_HOME", str(home))
    with pytest.raises(ConfigError) as caught:
        load_consent(folder, "mia")
    assert caught.value.reason == "keys-in-repository"


@pytest.fixture
def home(tmp_path, monkeypatch) -> Path:
    """This user's settings, with both lists of keys."""
    folder = tmp_path / "home"
    folder.mkdir(mode=0o700)
    for name in (ALLOWED, MEMBERS):
        (folder / name).write_text(f"{public_text(STRANGER)} a stranger\n")
    monkeypatch.setenv("LIKENESS_HOME", str(folder))
    return folder


LISTS = {
    ALLOWED: lambda: allowed_signers(Path("/nowhere")),
    MEMBERS: lambda: TeamKeys("test").members,
}


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("what", ["list", "folder"])
@pytest.mark.parametrize("bits", [0o020, 0o002])
def test_a_list_of_keys_that_others_may_write_is_refused(home, name, what, bits):
    place = home / name if what == "list" else home
    place.chmod(place.stat().st_mode | bits)
    with pytest.raises(ConfigError) as caught:
        LISTS[name]()
    assert caught.value.reason == "keys-open"


def a_pipe_there(path: Path) -> None:
    os.mkfifo(path, 0o600)


def a_folder_there(path: Path) -> None:
    path.mkdir(0o700)


def a_device_there(path: Path) -> None:
    path.symlink_to("/dev/zero")


def a_link_to_nothing(path: Path) -> None:
    path.symlink_to("/elsewhere/key")


def a_file_without_end(path: Path) -> None:
    path.touch(0o600)
    os.truncate(path, 2**33)


READERS = {**LISTS, PRIVATE_KEY: own_key, TEAM_KEY: lambda: TeamKeys("test").public}


@pytest.mark.parametrize("lay", [a_pipe_there, a_folder_there, a_device_there, a_link_to_nothing, a_file_without_end],
                         ids=lambda lay: lay.__name__)  # fmt: skip
@pytest.mark.parametrize("name", READERS)
def test_what_is_no_file_of_keys_keeps_nobody_waiting(home, name, lay):
    (home / name).unlink(missing_ok=True)
    lay(home / name)
    with pytest.raises(ConfigError) as caught:
        READERS[name]()
    assert caught.value.reason in ("no-key", "keys-invalid")


@pytest.mark.parametrize("line", ["nonsense", "AAAA a short key", f"{public_text(STRANGER)}"])
@pytest.mark.parametrize("name", LISTS)
def test_a_line_that_is_no_key_is_refused(home, name, line):
    (home / name).write_text(line + "\n")
    with pytest.raises(ConfigError) as caught:
        LISTS[name]()
    assert caught.value.reason == "keys-invalid"


def test_a_key_is_made_once_for_its_user_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("LIKENESS_HOME", str(tmp_path / "home"))
    key = new_key("J. Doe")
    path = tmp_path / "home" / PRIVATE_KEY
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert allowed_signers(tmp_path / "repository") == {key: "J. Doe"}
    with pytest.raises(ConfigError, match="there already"):
        new_key("J. Doe")
    path.chmod(0o644)
    with pytest.raises(ConfigError, match="read by others"):
        own_key()


# ---- evidence


def outside(folder: Path) -> None:
    (folder.parent / "elsewhere.pdf").write_bytes(PDF)
    edit_and_sign(folder, "mia", evidence=EVIDENCE | {"file": "../elsewhere.pdf"})


def absolute(folder: Path) -> None:
    edit_and_sign(folder, "mia", evidence=EVIDENCE | {"file": str(folder / "mia.pdf")})


def link(folder: Path) -> None:
    (folder / "mia.pdf").rename(folder.parent / "real.pdf")
    (folder / "mia.pdf").symlink_to(folder.parent / "real.pdf")


def linked_folder(folder: Path) -> None:
    (folder.parent / "real").mkdir()
    (folder.parent / "real/mia.pdf").write_bytes(PDF)
    (folder / "papers").symlink_to(folder.parent / "real")
    edit_and_sign(folder, "mia", evidence=EVIDENCE | {"file": "papers/mia.pdf"})


def empty(folder: Path) -> None:
    (folder / "mia.pdf").write_bytes(b"")
    edit_and_sign(folder, "mia", evidence=EVIDENCE | {"sha256": sha256_bytes(b"")})


def a_pipe(folder: Path) -> None:
    (folder / "mia.pdf").unlink()
    os.mkfifo(folder / "mia.pdf")


def a_folder(folder: Path) -> None:
    (folder / "mia.pdf").unlink()
    (folder / "mia.pdf").mkdir()


def another_type(folder: Path) -> None:
    (folder / "mia.pdf").write_bytes(b"MZ\x90\x00\xff")
    edit_and_sign(folder, "mia", evidence=EVIDENCE | {"sha256": sha256_bytes(b"MZ\x90\x00\xff")})


def spaces(folder: Path) -> None:
    (folder / "mia.pdf").write_bytes(b"  \n ")
    edit_and_sign(folder, "mia", evidence=EVIDENCE | {"type": "text", "sha256": sha256_bytes(b"  \n ")})


def the_record_itself(folder: Path) -> None:
    targets = folder / "mia.targets.yaml"
    digest = sha256_bytes(targets.read_bytes())
    edit_and_sign(folder, "mia", evidence={"file": targets.name, "type": "text", "sha256": digest})


def one_byte_more(folder: Path) -> None:
    (folder / "mia.pdf").write_bytes(PDF + b" ")


def gone(folder: Path) -> None:
    (folder / "mia.pdf").unlink()


@pytest.mark.parametrize(
    "attack",
    [
        outside, absolute, link, linked_folder, empty, a_pipe, a_folder, another_type, spaces, the_record_itself, one_byte_more,
        gone,
    ],
    ids=lambda attack: attack.__name__,
)  # fmt: skip
def test_evidence_that_is_none(tmp_path, attack):
    folder = write(tmp_path)
    attack(folder)
    assert reason(folder) == "consent-evidence"


def test_a_record_that_is_a_link_is_refused(tmp_path):
    folder = write(tmp_path)
    (folder / "mia.yaml").rename(tmp_path / "real.yaml")
    (folder / "mia.yaml").symlink_to(tmp_path / "real.yaml")
    assert reason(folder) == "consent-invalid"


# ---- licences


@pytest.mark.parametrize(
    "words",
    [
        "All rights reserved", "all rights reserved.", "(c) 2026 Ann", "copyright", "unknown", "none", "n/a", "", " ", "royalty free",
        "personal use only", "editorial use only", "fair use", "found on the internet", "CC-BY-ND-4.0", "CC-BY-NC-ND-4.0", "cc0",
        "CC0-1.0 or not", "CC0-1.0\nAll rights reserved", "licence pending", "proprietary", "Getty Images",
    ],
)  # fmt: skip
def test_words_that_are_no_licence(tmp_path, words):
    assert not is_licence(words)
    assert reason(write(tmp_path, targets=TARGETS | {"licence": words})) == "consent-invalid"


@pytest.mark.parametrize(
    "words", ["CC0-1.0", "CC-BY-4.0", "CC-BY-SA-3.0", "CC-BY-NC-SA-4.0", "PDDL-1.0", "release"]
)
def test_words_that_are_a_licence(tmp_path, words):
    consent = load_consent(write(tmp_path, targets=TARGETS | {"licence": words}), "mia")
    assert consent.target_licence("t.jpg", "b" * 64) == words


@pytest.mark.parametrize("field", ["licence", "origin", "release"])
def test_a_list_of_targets_that_does_not_say_all(tmp_path, field):
    targets = {name: value for name, value in TARGETS.items() if name != field}
    folder = write(tmp_path, targets=targets)
    with pytest.raises(ConsentError, match=rf"consent/mia\.targets\.yaml: {field} is missing; expected: "):
        load_consent(folder, "mia")


def test_a_target_that_does_not_say_who_is_shown(tmp_path):
    folder = write(tmp_path, targets=TARGETS | {"photos": {"t.jpg": {"sha256": "b" * 64}}})
    with pytest.raises(ConsentError, match=r"consent/mia\.targets\.yaml: photos\.t\.jpg\.shows is missing"):
        load_consent(folder, "mia")


def test_keys_are_those_of_the_tests():
    assert set(allowed_signers(ROOT)) == {public_text(KEY)}
