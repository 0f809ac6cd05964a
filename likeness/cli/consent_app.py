"""The commands `likeness consent`. What an option leaves out is asked for on a terminal."""

from typing import Annotated

import typer

from likeness.cli.answer_options import Age, AttestedBy, Evidence, Expires, Kind, Scope, Signed, Subject, Yes
from likeness.cli.arguments import PLAIN, Json, Persona

consent = typer.Typer(help="Write, sign, show, revoke and purge consent records.", **PLAIN)


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
