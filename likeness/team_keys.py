"""Who belongs to the team: a key of this machine that signs what it shares and keeps, and the keys whose signatures count here.

They lie in this user's settings, where no checkout, pull or bucket puts anything; the key is made when it is first needed:

    team-key     the private key (Ed25519, base64), readable by this user only
    team         a line `KEY NAME` for each member, this machine first

A bucket that others can write to, or a folder of checkpoints, is not believed: what no member signed is not there.
"""

import base64
import os
import platform
import stat
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from likeness.errors import ConfigError
from likeness.key_files import (
    base64_text,
    is_public_key,
    new_private_key,
    public_text,
    read_private_key,
    settings_folder,
    verified,
)

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

PRIVATE_KEY, MEMBERS = "team-key", "team"


class TeamKeys:
    """The keys in `folder`; `purpose` is part of what is signed, so that no signature serves for anything else."""

    def __init__(self, purpose: str, folder: Path | None = None) -> None:
        self._purpose, self.folder = f"likeness {purpose} 1\n".encode(), folder or settings_folder()

    def sign(self, data: bytes) -> dict[str, str]:
        """This machine's signature of `data`."""
        return {"key": self.public, "value": base64_text(self._own.sign(self._purpose + data))}

    def signer(self, data: bytes, signature: object) -> str | None:
        """The member who signed exactly `data`; None where none did."""
        if not isinstance(signature, dict):
            return None
        key, value = signature.get("key"), signature.get("value")  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        if not isinstance(key, str) or not isinstance(value, str) or key not in self.members:
            return None
        try:
            public, signed = base64.b64decode(key), base64.b64decode(value)
        except ValueError:
            return None
        return self.members[key] if verified(public, signed, self._purpose + data) else None

    @cached_property
    def public(self) -> str:
        """This machine's public key."""
        return public_text(self._own)

    @cached_property
    def members(self) -> dict[str, str]:
        """Names by public key, this machine's among them.

        Raises:
            ConfigError: the list may be written by others, or has a line that is none.
        """
        path = self.folder / MEMBERS
        named = {self.public: platform.node() or "this machine"}
        if not path.is_file():
            return named
        if path.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise ConfigError(
                f"{path} may be written by others", reason="team-open", remedy=f"chmod go-w {path}"
            )
        for line in path.read_text(encoding="utf-8").splitlines():
            key, _, name = line.strip().partition(" ")
            if key and not key.startswith("#"):
                if not is_public_key(key) or not name.strip():
                    raise ConfigError(f"{path}: {line[:80]!r} is no line `KEY NAME`", reason="team-invalid",
                                      remedy="write it anew with `likeness keys team --allow KEY --name NAME`")  # fmt: skip
                named[key] = name.strip()
        return named

    def allow(self, key: str, name: str) -> None:
        """Let a member's signatures count here.

        Raises:
            ConfigError: it is no public key, or no name.
        """
        if not is_public_key(key) or not name.strip() or not name.isprintable():
            raise ConfigError(f"{key[:80]!r} {name[:80]!r} is no public key with a name", reason="team-invalid",
                              remedy="`likeness keys team` prints the key of the machine that it runs on")  # fmt: skip
        if key in self.members:
            return
        path = self.folder / MEMBERS
        before = path.read_text(encoding="utf-8") if path.is_file() else ""
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(f"{before}{key} {name.strip()}\n")
        del self.members

    @cached_property
    def _own(self) -> "Ed25519PrivateKey":
        path = self.folder / PRIVATE_KEY
        try:
            return new_private_key(path)
        except FileExistsError:
            return read_private_key(path, remedy="put the key back, or move it away: a new one is made")
