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
        str | None, typer.Option(metavar="KEY", help="Trust what this key signs, on this machine.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Whose key that is.")] = None,
) -> None:
    """Show this machine's team key and the keys that it trusts.

    The first use makes the key. A machine takes items and checkpoints from the team's store (items.remote) only where a
    trusted key signed them.

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
        f"this machine's key is in {keys.folder}; its public half, for the others' `likeness keys team --allow`:\n"
    )
    sys.stdout.write(f"{keys.public}\n")
    sys.stderr.writelines(f"  {key} {name}\n" for key, name in keys.members.items())


def keygen(
    name: Annotated[str, typer.Option(help="Your name, as records will show it.")],
) -> None:
    """Make your key for signing records.

    The key lies in ~/.config/likeness. The command prints its public half: others need it to accept your records.

    \b
    Example:
      likeness consent keygen --name "J. Doe"
    """
    key = new_key(name)
    sys.stdout.write(f"{key}\n")
    sys.stderr.write(
        f"your key is in {settings_folder()}; keep a copy, and let nobody else read it. Others accept your records by\n"
        f'  likeness consent allow {key} --name "{name}"\n'
    )


def allow_signer(
    key: Annotated[str, typer.Argument(metavar="KEY", help="The public half, as keygen prints it.")],
    name: Annotated[str, typer.Option(help="Whose key it is.")],
) -> None:
    """Accept another person's signatures on this machine.

    \b
    Example:
      likeness consent allow 11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo= --name "J. Doe"
    """
    sys.stderr.write(f"{allow_key(key, name)}: records signed by {name} count on this machine\n")
