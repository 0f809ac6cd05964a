"""Attacks on what a record rests on: its evidence, the licences and the list of targets."""

import os
from pathlib import Path

import pytest
from records import EVIDENCE, PDF, TARGETS, write
from refused_records import reason
from signing import edit_and_sign

from likeness.digests import sha256_bytes
from likeness.errors import ConsentError
from likeness.safety.consent import load_consent
from likeness.safety.consent.licences import is_licence


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
