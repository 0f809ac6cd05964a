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

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

PRIVATE_KEY, MEMBERS = "team-key", "team"
KEY_BYTES = 32


def settings_folder() -> Path:
    """This user's settings of likeness: `$LIKENESS_HOME`, else `$XDG_CONFIG_HOME/likeness`, else ~/.config/likeness."""
    if own := os.environ.get("LIKENESS_HOME"):
        return Path(own).absolute()
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config").absolute() / "likeness"


class TeamKeys:
    """The keys in `folder`; `purpose` is part of what is signed, so that no signature serves for anything else."""

    def __init__(self, purpose: str, folder: Path | None = None) -> None:
        self._purpose, self.folder = f"likeness {purpose} 1\n".encode(), folder or settings_folder()

    def sign(self, data: bytes) -> dict[str, str]:
        """This machine's signature of `data`."""
        return {"key": self.public, "value": _text(self._own.sign(self._purpose + data))}

    def signer(self, data: bytes, signature: object) -> str | None:
        """The member who signed exactly `data`; None where none did."""
        from cryptography.exceptions import InvalidSignature  # here: 20 ms that few commands need
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        if not isinstance(signature, dict):
            return None
        key, value = signature.get("key"), signature.get("value")  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        if not isinstance(key, str) or not isinstance(value, str) or key not in self.members:
            return None
        try:
            public = Ed25519PublicKey.from_public_bytes(base64.b64decode(key))
            public.verify(base64.b64decode(value), self._purpose + data)
        except (InvalidSignature, ValueError):
            return None
        return self.members[key]

    @cached_property
    def public(self) -> str:
        """This machine's public key."""
        return _text(self._own.public_key().public_bytes_raw())

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
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        path = self.folder / PRIVATE_KEY
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                key = Ed25519PrivateKey.generate()
                file.write(_text(key.private_bytes_raw()) + "\n")
                return key
        except FileExistsError:
            pass
        if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise ConfigError(f"{path} may be read by others", reason="key-open", remedy=f"chmod 600 {path}")
        try:
            return Ed25519PrivateKey.from_private_bytes(
                base64.b64decode(path.read_text().strip(), validate=True)
            )
        except ValueError as error:
            raise ConfigError(f"{path} is no private key", reason="no-key",
                              remedy="put the key back, or move it away: a new one is made") from error  # fmt: skip


def is_public_key(text: str) -> bool:
    """Whether it is the base64 of a public key."""
    try:
        return len(base64.b64decode(text, validate=True)) == KEY_BYTES
    except ValueError:
        return False


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
