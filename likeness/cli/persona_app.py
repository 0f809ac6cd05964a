"""The command `likeness persona new`."""

from pathlib import Path
from typing import Annotated

import typer

from likeness.cli.answer_options import Age, AttestedBy, Evidence, Expires, Kind, Scope, Signed, Subject, Yes
from likeness.cli.arguments import PLAIN

persona = typer.Typer(help="Add a person.", **PLAIN)


@persona.command("new")
def persona_new(
    name: Annotated[str, typer.Argument(metavar="PERSONA")],
    sources: Annotated[Path, typer.Option(help="A folder with 8 to 30 photographs of one adult.")],
    targets: Annotated[Path | None, typer.Option(help="Photographs to put her or him into.")] = None,
    kind: Kind = None,
    subject: Subject = None,
    attested_by: AttestedBy = None,
    age: Age = None,
    evidence: Evidence = None,
    scope: Scope = None,
    signed: Signed = None,
    expires: Expires = None,
    trigger: Annotated[str | None, typer.Option(help="The word that calls the person; the name.")] = None,
    class_word: Annotated[str | None, typer.Option(help="woman, man or person.")] = None,
    held_out: Annotated[
        list[str] | None, typer.Option(help="A file kept for the evaluation; once for each.")
    ] = None,
    shows: Annotated[
        list[str] | None,
        typer.Option(help="Who a target shows: FILE=NAME, or NAME for all; NAME, AGE attests an age."),
    ] = None,
    licence: Annotated[
        str | None, typer.Option(help="The targets' licence: CC0-1.0, CC-BY-4.0, or `release`.")
    ] = None,
    origin: Annotated[str | None, typer.Option(help="Where the targets come from.")] = None,
    release: Annotated[
        Path | None, typer.Option(help="What those who are shown signed; it is copied.")
    ] = None,
    yes: Yes = False,
) -> None:
    """Add a person: photographs, record, targets' licences, settings.

    Copies the photographs, writes consent/, conf/ and params.yaml, signs the record with your key, and shows what
    ingest refuses and why. Without --targets the photographs alone make the dataset.

    \b
    Example:
      likeness persona new mia --sources ~/photos/mia --evidence release.pdf
    """
    from likeness.cli.consent_answers import Answers
    from likeness.cli.persona import TargetAnswers, new_persona

    new_persona(
        name,
        sources,
        targets,
        Answers(kind=kind, subject=subject, attested_by=attested_by, age_years=age, evidence=evidence,
                scope=scope, signed=signed, expires=expires),
        TargetAnswers(shows=shows or [], licence=licence, origin=origin, release=release),
        trigger=trigger,
        class_word=class_word,
        held_out=held_out or [],
        yes=yes,
    )  # fmt: skip
