"""Sign consent records, as they are and as a whole."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from likeness.cli.arguments import Persona, Yes, agree
from likeness.cli.consent import show_record
from likeness.cli.consent_records import as_it_was, listed_photographs
from likeness.errors import ConfigError, ConsentError
from likeness.ingest.listing import printable
from likeness.key_files import public_text, settings_folder
from likeness.paths import RepositoryPaths
from likeness.safety.consent.evidence import check_evidence
from likeness.safety.consent.history import learn_from_git
from likeness.safety.consent.load import read_consent
from likeness.safety.consent.revocations import check_not_revoked
from likeness.safety.consent.signing import ALLOWED, allowed_signers, own_key
from likeness.safety.consent.write import set_field, sign_file


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
