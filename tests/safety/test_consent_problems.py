"""Messages about a record: file, field, what stands there, an example; never pydantic's words."""

import re

import pytest
from pydantic import BaseModel
from records import RECORD, TARGETS, write

from likeness.errors import ConsentError
from likeness.safety.consent import load_consent
from likeness.safety.consent.problems import expected
from likeness.safety.consent.record import Consent

OTHERS_WORDS = re.compile(
    r"value error|input should|valid (tuple|string|date|integer|dictionary)|pydantic|extra inputs", re.I
)


def told(folder) -> str:
    with pytest.raises(ConsentError) as caught:
        load_consent(folder, "mia")
    assert not OTHERS_WORDS.search(str(caught.value))
    assert "docs/consent.md" in caught.value.remedy
    return caught.value.message


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("signed: 2026-11-31", "consent/mia.yaml: signed: '2026-11-31' stands there; expected: a date such as 2026-11-22"),
        ("signed: 22.11.2026", "consent/mia.yaml: signed: '22.11.2026' stands there; expected: a date such as 2026-11-22"),
        ("signed: 20261122", "consent/mia.yaml: signed: 20261122 stands there; expected: a date"),
        ("signed:", "consent/mia.yaml: signed: null stands there; expected: a date"),
        ("expires: tomorrow", "consent/mia.yaml: expires: 'tomorrow' stands there; expected: a date such as 2027-11-22"),
        ("scope: swap", "consent/mia.yaml: scope: 'swap' stands there; expected: a list of uses: [swap, train, generate]"),
        ("scope: [swap, sell]", "consent/mia.yaml: scope.1: 'sell' stands there; expected: swap, train or generate"),
        ("kind: celebrity", "consent/mia.yaml: kind: 'celebrity' stands there; expected: synthetic, self or release"),
        ("subject: ''", "consent/mia.yaml: subject: '' stands there; expected: words that say who it is"),
        ("subject: 7", "consent/mia.yaml: subject: 7 stands there; expected: words"),
        ("adult: yes", "consent/mia.yaml: adult: true stands there; expected: a mapping: {attested_by: "),
        ("adult: {attested_by: me, age_years: 17}", "consent/mia.yaml: adult.age_years: 17 stands there; expected: a whole number"),
        ("adult: {attested_by: me, age_years: true}", "adult.age_years: true stands there; expected: a whole number of years, 18"),
        ("adult: {attested_by: me}", "consent/mia.yaml: adult.age_years is missing; expected: a whole number of years"),
        ("evidence: mia.pdf", "consent/mia.yaml: evidence: 'mia.pdf' stands there; expected: a mapping with file, type and sha256"),
        ("photos: [a.jpg]", "consent/mia.yaml: photos: ['a.jpg'] stands there; expected: a mapping of file names"),
        ("photos: {a.jpg: {sha256: short}}", "photos.a.jpg.sha256: 'short' stands there; expected: 64 hexadecimal digits"),
        ("id: Mia 1", "consent/mia.yaml: id: 'Mia 1' stands there; expected: 3 to 64 of a-z"),
        ("expire: 2027-01-01", "consent/mia.yaml: expire is not a field of a record; did you mean expires?"),
        ("face: null", "consent/mia.yaml: face: null stands there; expected: a mapping with embedder and embedding"),
        ("adult: {1: 2}", "adult.1 is not a field of a record; delete the line"),
        ("signature: x", "consent/mia.yaml: signature: 'x' stands there; expected: what `likeness consent sign PERSONA` writes"),
    ],
)  # fmt: skip
def test_a_wrong_line_is_told_with_its_field_and_an_example(tmp_path, line, words):
    name = line.split(":")[0]
    folder = write(tmp_path, drop=(name,), sign=False)
    path = folder / "mia.yaml"
    path.write_text(path.read_text() + line + "\n")
    assert words in told(folder)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"photos": {"t.jpg": {"sha256": "x", "shows": "Ann"}}},
            "consent/mia.targets.yaml: photos.t.jpg.sha256: 'x' stands there",
        ),
        ({"licence": 4}, "consent/mia.targets.yaml: licence: 4 stands there; expected: an SPDX identifier"),
        (
            {"release": "a.pdf"},
            "consent/mia.targets.yaml: release: 'a.pdf' stands there; expected: a mapping with file",
        ),
        ({"photo": {}}, "consent/mia.targets.yaml: photo is not a field of a record; did you mean photos?"),
    ],
)
def test_what_is_wrong_with_the_targets_names_the_targets_file(tmp_path, changes, words):
    assert words in told(write(tmp_path, targets=TARGETS | changes, sign=False))


def test_a_name_of_evidence_that_no_disk_takes_is_told(tmp_path):
    evidence = RECORD["evidence"] | {"file": f"{'x' * 300}.pdf"}
    with pytest.raises(ConsentError, match=r"evidence\.file is 'xxxx"):
        load_consent(write(tmp_path, {"evidence": evidence}, sign=False), "mia")


def test_all_that_is_wrong_is_told_at_once(tmp_path):
    folder = write(tmp_path, {"kind": "x", "scope": []}, targets=TARGETS | {"licence": "mine"}, sign=False)
    said = told(folder)
    assert all(word in said for word in ("kind:", "scope:", "mia.targets.yaml: licence:"))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: text.replace("Mia Example", "Mi\xe4").encode("latin-1"), "is not UTF-8: byte"),
        (lambda text: text.encode("utf-16"), "is not UTF-8: byte 0"),
        (
            lambda text: text.replace("  age_years", "\tage_years", 1).encode(),
            "it begins with a tab; YAML takes spaces",
        ),
        (lambda text: (text + "subject: twice\n").encode(), "subject stands twice"),
        (lambda text: f"<<<<<<< HEAD\n{text}".encode(), "line 1: the conflict markers of a merge"),
        (lambda text: f"{text}>>>>>>> other\n".encode(), "the conflict markers of a merge"),
    ],
)
def test_a_file_that_does_not_read_says_why_in_plain_words(tmp_path, change, words):
    path = write(tmp_path, sign=False) / "mia.yaml"
    path.write_bytes(change(path.read_text()))
    with pytest.raises(ConsentError) as caught:
        load_consent(path.parent, "mia")
    assert words in caught.value.message
    assert "unicode string" not in caught.value.message
    assert "codec" not in caught.value.message


@pytest.mark.parametrize(
    "change", [lambda data: b"\xef\xbb\xbf" + data, lambda data: data.replace(b"\n", b"\r\n")]
)
def test_a_byte_order_mark_and_the_line_ends_of_windows_are_read(tmp_path, change):
    path = write(tmp_path) / "mia.yaml"
    path.write_bytes(change(path.read_bytes()))
    assert load_consent(path.parent, "mia").persona == "mia"


def fields(model: type[BaseModel], before: tuple[str, ...] = ()) -> list[list[str]]:
    """Every field of a record with those of its parts; any key as `x`."""
    found: list[list[str]] = []
    for name, field in model.model_fields.items():
        found.append([*before, name])
        parts = _models(field.annotation)
        keyed = ("x",) if "dict[" in str(field.annotation) else ()
        for part in parts:
            found += fields(part, (*before, name, *keyed))
    return found


def _models(annotation: object) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in getattr(annotation, "__args__", ()) for model in _models(part)]


def test_every_field_has_an_example():
    names = [name[1:] if name[0] == "targets" else name for name in fields(Consent)]
    assert ["photos", "x", "release", "type"] in names
    assert [".".join(name) for name in names if name and expected(name) == "what docs/consent.md shows"] == []
    assert set(RECORD) <= {name[0] for name in names if name}
