"""The commands `likeness items` and `likeness keys`: what lies in the stores, whose word counts there, and who signs."""

from pathlib import Path
from typing import Annotated

import typer

from likeness.cli.arguments import PLAIN, Json

items = typer.Typer(help="Look after the store of finished items.", **PLAIN)
keys = typer.Typer(help="Keys: who belongs to the team, and what signs what leaves.", **PLAIN)


@items.command("list")
def items_list(as_json: Json = False) -> None:
    """List what is stored.

    \b
    Examples:
      likeness items list
      likeness items list --json
    """
    from likeness.cli.items import list_items

    list_items(as_json=as_json)


@items.command("verify")
def items_verify() -> None:
    """Check every file against its sha256.

    Exit status 1 when a file is damaged; the item is made again when it is needed.

    \b
    Example:
      likeness items verify
    """
    from likeness.cli.items import verify_items

    raise typer.Exit(verify_items())


@items.command("prune")
def items_prune(
    unused_days: Annotated[float, typer.Option(help="Remove what no run has used for so many days.")],
) -> None:
    """Remove what no run has used for some days.

    Items and working checkpoints; purchases stay.

    \b
    Example:
      likeness items prune --unused-days 30
    """
    from likeness.cli.items import prune_items

    prune_items(unused_days)


@keys.command("team")
def keys_team(
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
    from likeness.cli.keys import team_command

    team_command(allow, name)


@keys.command("dev-ca")
def keys_dev_ca(
    folder: Annotated[Path, typer.Option("--out", help="Where the files go; nothing is overwritten.")] = Path(
        ".cache/keys"
    ),
) -> None:
    """Make a development key and its certificates.

    For tests and trials: it is issued by itself and proves nobody's identity.

    \b
    Examples:
      likeness keys dev-ca
      likeness keys dev-ca --out ~/likeness-key
    """
    from likeness.cli.marks import dev_ca_command

    dev_ca_command(folder)
