"""What is wrong with a record, in the words of the record: file, field, what stands there, an example."""

import difflib
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from likeness.setting_problems import as_yaml

_DIGEST = "64 hexadecimal digits, as `sha256sum FILE` prints them; `likeness consent sign` writes them"
_EVIDENCE = {
    "": "a mapping with file, type and sha256",
    "file": "a file in consent/, such as mia-release.pdf",
    "type": "pdf, jpeg, png, tiff, heic or text",
    "sha256": _DIGEST,
}
_FACE = "the base64 that `likeness consent bind PERSONA` prints"
_AGE = "a whole number of years, 18 at least, such as 31"
_LICENCE = "an SPDX identifier that allows changed versions, such as CC0-1.0 or CC-BY-4.0, or `release`"

EXPECTED: Mapping[str, str] = {
    "id": "3 to 64 of a-z, 0-9, '.', '_' and '-', such as mia-2026-11-22",
    "persona": "the persona's name, such as mia",
    "kind": "synthetic, self or release",
    "subject": "words that say who it is, such as Mia Example",
    "adult": "a mapping: {attested_by: passport seen by the studio, age_years: 31}",
    "adult.attested_by": "who saw what, such as passport seen by the studio",
    "adult.age_years": _AGE,
    "scope": "a list of uses: [swap, train, generate]",
    "scope.*": "swap, train or generate",
    "signed": "a date such as 2026-11-22",
    "expires": "a date such as 2027-11-22; only a synthetic person's record may say null",
    "revoked": "a date such as 2026-12-24, or no such line",
    "renews": "the id of the record before this one",
    **{f"evidence.{name}".rstrip("."): words for name, words in _EVIDENCE.items()},
    "face": "a mapping with embedder and embedding; `likeness consent bind PERSONA` prints it",
    "face.embedder": "sface-2021dec-int8bq",
    "face.embedding": _FACE,
    "face.others": "a mapping of other networks to their numbers, as `likeness consent bind PERSONA` prints it",
    "face.others.*": _FACE,
    "photos": "a mapping of file names: {a.jpg: {sha256: ..., age_years: 31}}",
    "photos.*": "a mapping: {sha256: ..., age_years: 31}",
    "photos.*.sha256": _DIGEST,
    "photos.*.age_years": _AGE,
    "floors": "a mapping with decided_by, why, sface and resnet, or no such line",
    "floors.decided_by": "the name of who decided it, such as J. Doe",
    "floors.why": "words that say why",
    "floors.sface": "a mapping: {source_min: 0.36, swap_min: 0.45, target_max: 0.6}",
    "floors.resnet": "a mapping: {source_max: 0.6, swap_max: 0.6, target_min: 0.4}",
    "floors.*.*": "a number within the ends of likeness/safety/floors.py",
    "signature": "what `likeness consent sign PERSONA` writes",
    **{f"signature.{name}": "what `likeness consent sign PERSONA` writes" for name in ("by", "key", "value")},
    "licence": _LICENCE,
    "origin": "words that say where the photographs come from",
    **{f"release.{name}".rstrip("."): words for name, words in _EVIDENCE.items()},
    "photos.*.licence": _LICENCE,
    "photos.*.shows": "who is shown, such as Ann Example",
    **{f"photos.*.release.{name}".rstrip("."): words for name, words in _EVIDENCE.items()},
}
"""What belongs in a field, with an example; `*` stands for any key. Fields of targets stand without their first part."""


def problems(error: ValidationError, persona: str) -> list[str]:
    """A line for each error: `consent/mia.yaml: signed: '22.11.2026' stands there; expected: a date such as ...`."""
    lines: list[str] = []
    for one in error.errors():
        where = [str(part) for part in one["loc"] if part != "[key]"]
        file = f"consent/{persona}.yaml"
        if where and where[0] == "targets":
            file, where = f"consent/{persona}.targets.yaml", where[1:]
        lines.append(f"{file}: {_line(where, one)}")
    return lines


def _line(where: list[str], one: Any) -> str:
    field, words = ".".join(where), expected(where)
    if not where:  # a rule about several fields, in words of record.py
        own = one.get("ctx", {}).get("error")
        return str(own) if own else f"{as_yaml(one['input'])} stands there; expected: a mapping of fields"
    if one["type"] == "missing":
        return f"{field} is missing; expected: {words}"
    if one["type"] in ("extra_forbidden", "invalid_key"):
        siblings = sorted({name.split(".")[-1] for name in EXPECTED} - {"*"})
        near = difflib.get_close_matches(where[-1], siblings, n=1)
        return f"{field} is not a field of a record" + (
            f"; did you mean {near[0]}?" if near else "; delete the line"
        )
    return f"{field}: {as_yaml(one['input'])} stands there; expected: {words}"


def expected(where: list[str]) -> str:
    """What belongs in a field."""
    for names in EXPECTED:
        pattern = names.split(".")
        if len(pattern) == len(where) and all(p in ("*", w) for p, w in zip(pattern, where, strict=True)):
            return EXPECTED[names]
    return "what docs/consent.md shows"
