"""What a person says of a consent record: by options, or asked on a terminal."""

import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from likeness.errors import ConfigError
from likeness.safety.consent.parts import OLDEST_YEARS
from likeness.safety.floors import ADULT_YEARS

Evidence = Annotated[
    Path | None, typer.Option(help="The signed release, or how a synthetic person was made; it is copied.")
]
Signed = Annotated[str | None, typer.Option(help="The date of the signature, 2026-11-22. Today by default.")]
Expires = Annotated[
    str | None, typer.Option(help="The last day, at most 24 months later. After 12 months by default.")
]


ALL_SCOPES = ["swap", "train", "generate"]
KINDS = ("self", "release", "synthetic")


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What a person says of a record; None is asked for. Each field is an option of the commands that are `with_answers`."""

    kind: Annotated[
        Literal["self", "release", "synthetic"] | None,
        typer.Option(help="self: it is you; release: somebody who signed; synthetic: nobody real."),
    ]
    subject: Annotated[str | None, typer.Option(help="The full name: Mia Example.")]
    attested_by: Annotated[
        str | None, typer.Option(help="Who attests the age, and by what: passport seen by the studio.")
    ]
    age_years: Annotated[int | None, typer.Option("--age", help="In years, at least 18.")]
    evidence: Evidence
    scope: Annotated[
        list[str] | None,
        typer.Option(help="swap, train or generate; may be given again. All three by default."),
    ]
    signed: Signed
    expires: Expires


def with_answers(command: Callable[..., None]) -> Callable[..., None]:
    """The command with an option for each answer in place of its parameter `answers`."""
    whole = inspect.signature(command)
    given = inspect.Parameter.KEYWORD_ONLY
    options = {
        one.name: inspect.Parameter(one.name, given, default=None, annotation=one.type)
        for one in fields(Answers)
    }

    @wraps(command)
    def run(*arguments: Any, **values: Any) -> None:
        answers = Answers(**{name: values.pop(name, None) for name in options})
        command(*arguments, answers=answers, **values)

    others = [one.replace(kind=given) for name, one in whole.parameters.items() if name != "answers"]
    shown = whole.replace(parameters=[*others, *options.values()])
    run.__signature__ = shown  # pyright: ignore[reportAttributeAccessIssue]
    return run


def words(said: str) -> str:
    """Something to read.

    Raises:
        ValueError: it steers a terminal.
    """
    if not said or not said.isprintable():
        raise ValueError("letters, digits and signs, please: something there cannot be printed")
    return said


def kind(said: str) -> str:
    """Whose likeness it is.

    Raises:
        ValueError: it is none of the KINDS.
    """
    if said not in KINDS:
        raise ValueError(f"one of {', '.join(KINDS)}")
    return said


def adult_age(said: str) -> int:
    """Years, of an adult.

    Raises:
        ValueError: it is no number, or none of an adult.
    """
    if not said.isdecimal() or not ADULT_YEARS <= int(said) <= OLDEST_YEARS:
        raise ValueError(f"a number from {ADULT_YEARS} to {OLDEST_YEARS}")
    return int(said)


def file(said: str) -> Path:
    """A file that is there.

    Raises:
        ValueError: it is none, or is empty.
    """
    path = Path(said).expanduser()
    if path.is_symlink() or not path.is_file() or path.stat().st_size == 0:
        raise ValueError(f"{words(said)} is not a file, or is empty")
    return path


class Asker:
    """Asks on a terminal for what no option gave; elsewhere names all that is missing at once."""

    def __init__(self) -> None:
        self._missing: list[str] = []

    def ask(self, option: str, given: Any, question: str, read: Callable[[str], Any] = words) -> Any:
        """The answer, or None where nobody can be asked; on a terminal what `read` refuses is asked again."""
        if given is not None:
            return given
        if not sys.stdin.isatty():
            self._missing.append(option)
            return None
        while True:
            try:
                return read(typer.prompt(question).strip())
            except ValueError as error:
                typer.echo(f"  {error}")

    def end(self) -> None:
        """Raises ConfigError when an answer is missing."""
        if self._missing:
            raise ConfigError(
                f"these answers are missing: {', '.join(self._missing)}",
                reason="answers-missing",
                remedy="give these options, or run the command on a terminal, where it asks",
            )


def asked(asker: Asker, given: Answers) -> Answers:
    """The answers, with those that were missing asked for."""
    return replace(
        given,
        kind=asker.ask("--kind", given.kind, "self, release or synthetic", kind),
        subject=asker.ask("--subject", given.subject, "Who is it? (Mia Example)"),
        attested_by=asker.ask("--attested-by", given.attested_by, "Who saw that it is an adult, and how?"),
        age_years=asker.ask("--age", given.age_years, "Age in years", adult_age),
        evidence=asker.ask("--evidence", given.evidence, "The signed release (a file)", file),
        scope=given.scope or ALL_SCOPES,
    )
