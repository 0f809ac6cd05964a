"""Keys: this user's own, whose records count here, and who belongs to the team."""

import sys
from typing import Annotated

import typer

from likeness.errors import ConfigError
from likeness.key_files import settings_folder
from likeness.safety.consent.signing import allow as allow_key
from likeness.safety.consent.signing import new_key
from likeness.team_keys import TeamKeys


def team_command(
    allow: Annotated[
        str | None, typer.Option(metavar="KEY", help="Let what this key signed count on this machine.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Whose key that is.")] = None,
) -> None:
    """Show this machine's key for the team's store, and whose signatures count here.

    The key is made when it is first needed. What no member signed is not taken from items.remote, and no checkpoint of
    training/ is gone on from.

    \b
    Examples:
      likeness keys team
      likeness keys team --allow KEY --name "Ann's laptop"
    """
    keys = TeamKeys("record of an item")
    if (allow is None) != (name is None):
        raise ConfigError(
            "--allow and --name belong together", remedy="likeness keys team --allow KEY --name NAME"
        )
    if allow is not None and name is not None:
        keys.allow(allow, name)
    sys.stderr.write(
        f"this machine signs with {keys.folder}; its key, for the others' `likeness keys team --allow`:\n"
    )
    sys.stdout.write(f"{keys.public}\n")
    sys.stderr.writelines(f"  {key} {name}\n" for key, name in keys.members.items())


def keygen(
    name: Annotated[str, typer.Option(help="Whose key it is, as records will name the signer.")],
) -> None:
    """Make your key for signing records.

    It lies in ~/.config/likeness, and its public half is printed: who is to accept your records allows it.

    \b
    Example:
      likeness consent keygen --name "J. Doe"
    """
    key = new_key(name)
    sys.stdout.write(f"{key}\n")
    sys.stderr.write(
        f"your key is in {settings_folder()}; keep a copy, and let nobody else read it. Others accept your records with\n"
        f'  likeness consent allow {key} --name "{name}"\n'
    )


def allow_signer(
    key: Annotated[str, typer.Argument(metavar="KEY")], name: Annotated[str, typer.Option(help="Whose key.")]
) -> None:
    """Accept another person's signatures on this machine.

    \b
    Example:
      likeness consent allow 11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo= --name "J. Doe"
    """
    sys.stderr.write(f"{allow_key(key, name)}: records signed by {name} count on this machine\n")
