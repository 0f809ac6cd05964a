"""What several commands take, ask and print, and how every group of commands prints its help."""

import contextlib
import json
import os
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Annotated, Any

import typer

from likeness.errors import ConfigError, LikenessError
from likeness.paths import persona_name


def complete_persona(incomplete: str) -> list[str]:
    """Names for the shell's completion: whoever has a consent record."""
    names = (path.stem for path in Path("consent").glob(f"{incomplete}*.yaml"))
    return sorted(name for name in names if "." not in name)  # not jade.targets


PLAIN: dict[str, Any] = {"no_args_is_help": True, "rich_markup_mode": None}

Persona = Annotated[
    str,
    typer.Argument(
        metavar="PERSONA",
        autocompletion=complete_persona,
        callback=persona_name,
        help="The person's name in consent/ and conf/persona/.",
    ),
]
Personas = Annotated[
    list[str] | None,
    typer.Argument(metavar="PERSONA", autocompletion=complete_persona, help="All of params.yaml by default."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def print_json(values: Any) -> None:
    """What `--json` shows."""
    sys.stdout.write(json.dumps(values, indent=2, default=str) + "\n")


@contextlib.contextmanager
def to_stderr() -> Generator[None]:
    """What is printed inside, by programs that are started there too, goes to stderr: stdout may be read as JSON."""
    sys.stdout.flush()
    saved = os.dup(1)
    os.dup2(2, 1)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        sys.stdout.flush()
        os.dup2(saved, 1)
        os.close(saved)


@contextlib.contextmanager
def kept(problems: list[LikenessError]) -> Generator[None]:
    """An error is one more of the problems: what comes after is done all the same."""
    try:
        yield
    except LikenessError as error:
        problems.append(error)


def agree(question: str, *, yes: bool) -> None:
    """Asks before what costs or cannot be taken back.

    Raises:
        ConfigError: where nobody can be asked.
        click.exceptions.Abort: the answer is no.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise ConfigError(
            f"nobody answered {question!r}, so nothing was done",
            reason="not-agreed",
            remedy="run it on a terminal, or add --yes",
        )
    typer.confirm(question, abort=True, err=True)
