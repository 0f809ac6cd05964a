"""End a consent."""

import contextlib
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from likeness.cli.arguments import Persona, Yes, agree
from likeness.config import load_config
from likeness.errors import ConfigError, ConsentError, LikenessError
from likeness.paths import PARAMS, RepositoryPaths
from likeness.safety.consent.load import read_consent
from likeness.safety.consent.revocations import Revocation, revoke, share, today
from likeness.safety.consent.write import set_field
from likeness.store import team_store


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
