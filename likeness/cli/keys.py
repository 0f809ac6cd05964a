"""Keys: this user's own, whose records count here, and who belongs to the team."""

import sys

from likeness.errors import ConfigError
from likeness.key_files import settings_folder
from likeness.safety.consent.signing import allow as allow_key
from likeness.safety.consent.signing import new_key
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


def keygen(name: str) -> None:
    """Make this user's key."""
    key = new_key(name)
    sys.stdout.write(f"{key}\n")
    sys.stderr.write(
        f"your key is in {settings_folder()}; keep a copy, and let nobody else read it. Others accept your records with\n"
        f'  likeness consent allow {key} --name "{name}"\n'
    )


def allow_signer(key: str, name: str) -> None:
    """Accept a signer."""
    sys.stderr.write(f"{allow_key(key, name)}: records signed by {name} count on this machine\n")
