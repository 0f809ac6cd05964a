"""What a person says of a consent record: by options, or asked on a terminal."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from likeness.errors import ConfigError

ALL_SCOPES = ["swap", "train", "generate"]


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What a person says of a record; None is asked for."""

    kind: str | None
    subject: str | None
    attested_by: str | None
    age_years: int | None
    evidence: Path | None
    scope: list[str] | None
    signed: str | None
    expires: str | None


class Asker:
    """Asks on a terminal for what no option gave; elsewhere names all that is missing at once."""

    def __init__(self) -> None:
        self._missing: list[str] = []

    def ask(self, option: str, given: Any, question: str, read: Callable[[str], Any] = str) -> Any:
        """The answer, or None where nobody can be asked."""
        if given is not None:
            return given
        if not sys.stdin.isatty():
            self._missing.append(option)
            return None
        return typer.prompt(question, value_proc=read)

    def end(self) -> None:
        """Raises ConfigError when an answer is missing."""
        if self._missing:
            raise ConfigError(f"these answers are missing: {', '.join(self._missing)}", reason="answers-missing",
                              remedy="give these options, or run the command on a terminal, where it asks")  # fmt: skip


def asked(asker: Asker, given: Answers) -> Answers:
    """The answers, with those that were missing asked for."""
    kind = asker.ask("--kind", given.kind, "self, release or synthetic")
    return Answers(
        kind=kind,
        subject=asker.ask("--subject", given.subject, "Who is it? (Mia Example)"),
        attested_by=asker.ask("--attested-by", given.attested_by, "Who saw that it is an adult, and how?"),
        age_years=asker.ask("--age", given.age_years, "Age in years", int),
        evidence=asker.ask("--evidence", given.evidence, "The signed release (a file)", Path),
        scope=given.scope or ALL_SCOPES,
        signed=given.signed,
        expires=given.expires,
    )
