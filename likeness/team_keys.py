"""The team's keys: this machine's key, which signs what it shares and keeps, and the keys that it trusts.

They lie in this user's settings, where no checkout, pull or bucket puts anything; the key is made when it is first needed:

    team-key     the private key (Ed25519, base64), readable by this user only
    team         a line `KEY NAME` for each member, this machine first

A bucket that others can write to, or a folder of checkpoints, is not believed: what no member signed is not there.
"""

import base64
import platform
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, cast

from likeness.key_files import (
    add_to_key_list,
    base64_text,
    new_private_key,
    public_text,
    read_key_list,
    read_private_key,
    settings_folder,
    verified,
)
from likeness.paths import PARAMS, RepositoryPaths

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
        key = self.key_of(data, signature)
        return None if key is None else self.members.get(key)

    def key_of(self, data: bytes, signature: object) -> str | None:
        """The public key that signed exactly `data`, a member's or not; None where none did."""
        key = _said(signature, "key")
        return key if self.is_signed_by(key, data, signature) else None

    def is_signed_by(self, key: str, data: bytes, signature: object) -> bool:
        """Whether the owner of this public key signed exactly `data`."""
        try:
            public, signed = base64.b64decode(key), base64.b64decode(_said(signature, "value"))
        except ValueError:
            return False
        return _said(signature, "key") == key and verified(public, signed, self._purpose + data)

    @cached_property
    def public(self) -> str:
        """This machine's public key."""
        return public_text(self._own)

    @cached_property
    def members(self) -> dict[str, str]:
        """Names by public key, this machine's among them.

        Raises:
            ConfigError: see `read_key_list`.
        """
        own = {self.public: platform.node() or "this machine"}
        root = RepositoryPaths.here().root
        # A command may run anywhere, in this user's home, too.
        here = root if (root / PARAMS).is_file() else None
        return own | read_key_list(self.folder / MEMBERS, repository=here)

    def allow(self, key: str, name: str) -> None:
        """Let a member's signatures count here.

        Raises:
            ConfigError: see `add_to_key_list`.
        """
        if key not in self.members:
            add_to_key_list(self.folder / MEMBERS, key, name)
            del self.members

    @cached_property
    def _own(self) -> "Ed25519PrivateKey":
        path = self.folder / PRIVATE_KEY
        try:
            return new_private_key(path)
        except FileExistsError:
            return read_private_key(path, remedy="put the key back, or move it away: a new one is made")


def _said(signature: object, name: str) -> str:
    """A part of what may be a signature; nothing where it has none."""
    value = cast("dict[str, object]", signature).get(name) if isinstance(signature, dict) else None
    return value if isinstance(value, str) else ""
