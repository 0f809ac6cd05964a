"""From the files in consent/ to a record that is in order: the only door."""

import stat
from pathlib import Path
from typing import Any, cast

import yaml
from pydantic import ValidationError

from likeness.errors import ConsentError
from likeness.safety.consent.evidence import check_evidence
from likeness.safety.consent.problems import problems
from likeness.safety.consent.record import Consent
from likeness.safety.consent.revocations import revocation_of
from likeness.safety.consent.signing import check_signature
from likeness.strict_yaml import SAVE_AS, parse_yaml, why_unread

MAX_BYTES = 8 * 2**20


def load_consent(folder: Path, persona: str) -> Consent:
    """The persona's record: whole, its evidence verified, signed by somebody who may, with `revoked` as the list of
    revocations has it. `folder` is consent/ of the repository that DVC was started in.

    Raises:
        ConsentError: anything of that is not so.
    """
    consent = read_consent(folder, persona)
    for field, evidence in consent.evidence_files().items():
        check_evidence(folder, persona, field, evidence)
    consent = consent.model_copy(update={"signature": check_signature(consent, folder.parent)})
    revoked = revocation_of(consent, folder.parent)
    return consent if revoked is None else consent.model_copy(update={"revoked": revoked.date})


def read_consent(folder: Path, persona: str) -> Consent:
    """What the files say, and nothing more: neither evidence nor signature is looked at.

    Raises:
        ConsentError: no record, an incomplete one, or another persona's.
    """
    path = folder / f"{persona}.yaml"
    if not path.exists():
        raise ConsentError(
            f"{persona}: there is no consent record consent/{persona}.yaml",
            reason="consent-missing",
            remedy=f"`likeness consent new {persona}` writes one (docs/consent.md shows a whole record); "
            "without it no likeness is used",
        )
    fields = _mapping(path)
    targets = folder / f"{persona}.targets.yaml"
    if "targets" in fields:
        raise _invalid([f"consent/{persona}.yaml: targets stand in {targets.name}"])
    if targets.exists():
        fields["targets"] = _mapping(targets)
    try:
        consent = Consent.model_validate(fields)
    except ValidationError as error:
        raise _invalid(problems(error, persona)) from error
    if consent.persona != persona:
        raise ConsentError(
            f"consent/{persona}.yaml: persona: {consent.persona!r} stands there; expected: {persona}",
            reason="consent-invalid",
            remedy="a record holds for one persona only",
        )
    return consent


def _mapping(path: Path) -> dict[str, Any]:
    shown = f"consent/{path.name}"
    status = path.lstat()
    if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_BYTES:
        raise ConsentError(
            f"{shown} is a link, no file, or above {MAX_BYTES} bytes",
            reason="consent-invalid",
            remedy="put the record itself there",
        )
    try:
        fields = parse_yaml(path.read_text(encoding="utf-8"), dates=False)
    except UnicodeDecodeError as error:
        raise ConsentError(
            f"{shown} {why_unread(error)}", reason="consent-invalid", remedy=SAVE_AS
        ) from error
    except (yaml.YAMLError, ValueError) as error:
        raise ConsentError(
            f"{shown} {why_unread(error)}",
            reason="consent-invalid",
            remedy="correct that line; docs/consent.md shows a whole record",
        ) from error
    if not isinstance(fields, dict):
        raise ConsentError(
            f"{shown} holds no record",
            reason="consent-invalid",
            remedy="docs/consent.md shows a whole record",
        )
    return {str(name): value for name, value in cast("dict[Any, Any]", fields).items()}


def _invalid(lines: list[str]) -> ConsentError:
    return ConsentError(
        "\n  ".join(lines),
        reason="consent-invalid",
        remedy="correct the record; docs/consent.md shows a whole one",
    )
