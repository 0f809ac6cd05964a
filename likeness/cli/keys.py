"""Keys: who belongs to the team."""

import sys

from likeness.errors import ConfigError
from likeness.team_keys import TeamKeys


def team_command(allow: str | None, name: str | None) -> None:
    """Print this machine's key and the members; add one with `allow` and `name`.

    Raises:
        ConfigError: one of the two is missing, or no key or name.
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
