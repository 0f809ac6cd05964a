"""The commands `likeness consent` and `likeness persona`. What an option leaves out is asked for on a terminal."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from likeness.cli.arguments import PLAIN, Json, Persona

consent = typer.Typer(help="Write, sign, show, revoke and purge consent records.", **PLAIN)
persona = typer.Typer(help="Add a person.", **PLAIN)

Kind = Annotated[
    Literal["self", "release", "synthetic"] | None,
    typer.Option(help="self: you; release: somebody who signed; synthetic: nobody real."),
]
Subject = Annotated[str | None, typer.Option(help="Who it is: Mia Example.")]
AttestedBy = Annotated[str | None, typer.Option(help="Who saw what: passport seen by the studio.")]
Age = Annotated[int | None, typer.Option("--age", help="Years, 18 at least.")]
Evidence = Annotated[
    Path | None, typer.Option(help="The signed release, or how a synthetic person was made; it is copied.")
]
Scope = Annotated[
    list[str] | None, typer.Option(help="swap, train, generate; once for each. All three by default.")
]
Signed = Annotated[str | None, typer.Option(help="The day of the signature, 2026-11-22. Today by default.")]
Expires = Annotated[str | None, typer.Option(help="The last day, within 24 months. 12 months by default.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


@consent.command("keygen")
def consent_keygen(
    name: Annotated[str, typer.Option(help="Whose key it is, as records will name the signer.")],
) -> None:
    """Make your key for signing records.

    It lies in ~/.config/likeness, and its public half is printed: who is to accept your records allows it.

    \b
    Example:
      likeness consent keygen --name "J. Doe"
    """
    from likeness.cli.keys import keygen

    keygen(name)


@consent.command("allow")
def consent_allow(
    key: Annotated[str, typer.Argument(metavar="KEY")], name: Annotated[str, typer.Option(help="Whose key.")]
) -> None:
    """Accept another person's signatures on this machine.

    \b
    Example:
      likeness consent allow 11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo= --name "J. Doe"
    """
    from likeness.cli.keys import allow_signer

    allow_signer(key, name)


@consent.command("new")
def consent_new(
    persona: Persona,
    kind: Kind = None,
    subject: Subject = None,
    attested_by: AttestedBy = None,
    age: Age = None,
    evidence: Evidence = None,
    scope: Scope = None,
    signed: Signed = None,
    expires: Expires = None,
) -> None:
    """Write a record from the photographs in data/PERSONA/raw/sources.

    Evidence, photographs and the face are entered with their digests; sign it next.

    \b
    Example:
      likeness consent new mia --kind release --evidence release.pdf
    """
    from likeness.cli.consent_answers import Answers
    from likeness.cli.consent_records import new

    new(persona, Answers(kind=kind, subject=subject, attested_by=attested_by, age_years=age, evidence=evidence,
                         scope=scope, signed=signed, expires=expires))  # fmt: skip


@consent.command("sign")
def consent_sign(
    persona: Persona,
    photographs: Annotated[
        bool, typer.Option("--photographs", help="First list the photographs as they are now.")
    ] = False,
    yes: Yes = False,
) -> None:
    """Sign a record with your key, as it is and as a whole.

    It is shown first. Each later change needs another signature.

    \b
    Examples:
      likeness consent sign mia
      likeness consent sign mia --photographs --yes
    """
    from likeness.cli.consent_records import sign_record

    sign_record(persona, photographs=photographs, yes=yes)


@consent.command("show")
def consent_show(persona: Persona, as_json: Json = False) -> None:
    """Show a record and whether it is in force.

    Exit status 1 when it is not.

    \b
    Examples:
      likeness consent show jade
      likeness consent show jade --json
    """
    from likeness.cli.consent import show

    raise typer.Exit(show(persona, as_json=as_json))


@consent.command("revoke")
def consent_revoke(
    persona: Persona,
    why: Annotated[str, typer.Option(help="For the list of revocations.")] = "",
    record_id: Annotated[
        str | None, typer.Option("--id", help="The id, where the record itself is gone or broken.")
    ] = None,
    yes: Yes = False,
) -> None:
    """End a consent: its id never comes back, whatever is checked out.

    No key is needed. `likeness consent purge` deletes what was made.

    \b
    Example:
      likeness consent revoke mia --why "asked by Mia on the phone" --yes
    """
    from likeness.cli.consent_records import revoke_record

    revoke_record(persona, why=why, record_id=record_id, yes=yes)


@consent.command("renew")
def consent_renew(
    persona: Persona,
    evidence: Evidence = None,
    signed: Signed = None,
    expires: Expires = None,
) -> None:
    """Write the record of a new term, with a new id; sign it next.

    \b
    Example:
      likeness consent renew mia --evidence release-2027.pdf --expires 2028-11-22
    """
    from likeness.cli.consent_records import renew

    renew(persona, evidence=evidence, signed=signed, expires=expires)


@consent.command("export")
def consent_export(persona: Persona) -> None:
    """Print a consent receipt as JSON-LD.

    ISO/IEC TS 27560 in the words of the Data Privacy Vocabulary (DPV).

    \b
    Example:
      likeness consent export jade
    """
    from likeness.cli.consent import export

    export(persona)


@consent.command("bind")
def consent_bind(persona: Persona) -> None:
    """Print the `face:` lines of a record.

    They are the mean face of the photographs in data/PERSONA/raw/sources.

    \b
    Example:
      likeness consent bind jade
    """
    from likeness.cli.consent import bind

    bind(persona)


@consent.command("artefacts")
def consent_artefacts(persona: Persona) -> None:
    """List every file made from a persona's likeness.

    With its sha256, for a revocation; a persona whose consent is revoked is listed too.

    \b
    Example:
      likeness consent artefacts jade
    """
    from likeness.cli.consent import artefacts

    artefacts(persona)


@consent.command("purge")
def consent_purge(
    persona: Persona,
    photographs: Annotated[
        bool, typer.Option("--photographs", help="Also data/PERSONA/raw and captions_override.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would go, and delete nothing.")
    ] = False,
    yes: Yes = False,
) -> None:
    """Delete what was made from a likeness, wherever it is kept.

    Outputs, items here and with the team, DVC's caches, lock and remotes, checkpoints, MLflow runs, what was lent to
    providers and what was published. The report says what could not be reached. Run no stage meanwhile.

    \b
    Examples:
      likeness consent purge mia --dry-run
      likeness consent purge mia --yes
    """
    from likeness.cli.consent import known
    from likeness.cli.purge import purge_command

    if not (yes or dry_run):
        typer.confirm(f"Delete everything that was made from {persona}?", abort=True)
    purge_command(known(persona), dry_run=dry_run, photographs=photographs)


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
