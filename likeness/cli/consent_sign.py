"""Sign consent records, as they are and as a whole; and revoke them."""

import contextlib
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from likeness.cli.arguments import Persona, Yes, agree
from likeness.cli.consent import show_record
from likeness.cli.consent_records import as_it_was, listed_photographs
from likeness.config import load_config
from likeness.errors import ConfigError, ConsentError, LikenessError
from likeness.ingest.listing import printable
from likeness.key_files import public_text, settings_folder
from likeness.paths import PARAMS, RepositoryPaths
from likeness.safety.consent.evidence import check_evidence
from likeness.safety.consent.history import learn_from_git
from likeness.safety.consent.load import read_consent
from likeness.safety.consent.revocations import Revocation, check_not_revoked, revoke, share, today
from likeness.safety.consent.signing import ALLOWED, allowed_signers, own_key
from likeness.safety.consent.write import set_field, sign_file
from likeness.store import team_store


def sign_record(
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
    repository = RepositoryPaths.here()
    folder, key = repository.consent, own_key()
    learn_from_git(repository.root)
    with as_it_was(folder / f"{persona}.yaml"):
        if photographs:
            _list_photographs(folder, persona)
        record = read_consent(folder, persona)
        for field, evidence in record.evidence_files().items():
            check_evidence(folder, persona, field, evidence)
        check_not_revoked(record, repository.root)
        sys.stdout.write(show_record(record))
        agree("Is that what was agreed, and do you sign it?", yes=yes)
        by = allowed_signers(repository.root).get(public_text(key))
        if by is None:
            raise ConfigError(
                f"your own key is not in {settings_folder() / ALLOWED}",
                reason="keys-invalid",
                remedy=f"likeness consent allow {public_text(key)} --name NAME",
            )
        sign_file(folder, persona, key, by)
    sys.stderr.write(f"consent/{persona}.yaml is signed by {by}\n")


def _list_photographs(folder: Path, persona: str) -> None:
    """Bring the list of photographs up to date, and say what changes; ages that were attested for the same bytes stay."""
    path = folder / f"{persona}.yaml"
    if not path.is_file():
        return  # reading it says so
    listed = listed_photographs(persona)
    try:
        photos = read_consent(folder, persona).photos
    except ConsentError:
        photos = {}  # a synthetic person's record is not whole without a list
    before = {photo.sha256: photo for photo in photos.values()}
    named = {photo.sha256: name for name, photo in photos.items()}
    for one in listed.values():
        if (known := before.get(one["sha256"])) and known.age_years is not None:
            one["age_years"] = known.age_years
    now = {one["sha256"] for one in listed.values()}
    for word, names in (
        ("new", [name for name, one in listed.items() if one["sha256"] not in before]),
        ("no longer there", [name for sha256, name in named.items() if sha256 not in now]),
    ):
        if names:
            sys.stdout.write(f"  {word}: {', '.join(map(printable, names))}\n")
    set_field(folder, persona, "photos", listed)


def revoke_command(
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
    repository = RepositoryPaths.here()
    folder, day = repository.consent, today(repository.root)
    whole: dict[str, Any] = {}
    with contextlib.suppress(LikenessError):
        read = read_consent(folder, persona)
        whole = {"id": read.id, "kind": read.kind, "evidence": read.evidence.sha256}
    if not (name := record_id or whole.get("id") or _id_line(folder / f"{persona}.yaml")):
        raise ConsentError(
            f"consent/{persona}.yaml names no id",
            reason="consent-missing",
            remedy=f"likeness consent revoke {persona} --id ID",
        )
    agree(f"End consent {name} for good?", yes=yes)
    # The record that stands there rests on its own release, whatever an older id rested on.
    rests_on = whole if name == whole.get("id") else {}
    line = Revocation(id=name, persona=persona, date=day, why=why).model_copy(update=rests_on)
    new_line = revoke(repository.root, line)
    if name == (whole.get("id") or _id_line(folder / f"{persona}.yaml")):
        set_field(folder, persona, "revoked", day)
    sys.stderr.write(
        f"{persona}: consent {name} {'is revoked' if new_line else 'was revoked already'}; no stage runs, and a training "
        f"under way stops at its next checkpoint\n  next: likeness consent purge {persona}; then commit consent/, and tell "
        "everybody who works with a copy\n"
    )
    try:
        place = team_store(load_config(PARAMS))
    except (ConfigError, OSError) as error:
        sys.stderr.write(f"the team was not told, since params.yaml cannot be read: {error}\n")
        return
    if place is not None:
        share(place, line)
        sys.stderr.write(f"the team's store {place.url} knows it\n")


def _id_line(path: Path) -> str | None:
    with contextlib.suppress(OSError, UnicodeDecodeError):
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith("id:"):
                return line.removeprefix("id:").strip().strip("'\"")
    return None
