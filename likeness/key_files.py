"""Ed25519 keys of this machine's user and those whose signatures count here: where they lie, how they are read and written.

They lie in this user's settings, where no checkout, pull, experiment or bucket puts anything; a private key is readable by
this user only. cryptography is imported where it is needed: 20 ms that few commands need.
"""

import base64
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from likeness.digests import sha256_bytes
from likeness.disk import write_private
from likeness.errors import ConfigError
from likeness.git import may_commit, work_tree
from likeness.git_history import was_committed

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

KEY_BYTES = 32
MAX_BYTES = 2**20  # of a key, or a list of them


def settings_folder() -> Path:
    """This user's settings of likeness: `$LIKENESS_HOME`, else `$XDG_CONFIG_HOME/likeness`, else ~/.config/likeness."""
    if own := os.environ.get("LIKENESS_HOME"):
        return Path(own).absolute()
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config").absolute() / "likeness"


def key_name(public: bytes) -> str:
    """What a public key is called: sha256 of its 32 bytes, in hex."""
    return sha256_bytes(public)


def base64_text(data: bytes) -> str:
    """Bytes of a key or a signature as text."""
    return base64.b64encode(data).decode()


def public_text(key: "Ed25519PrivateKey") -> str:
    """A private key's public half, in base64."""
    return base64_text(key.public_key().public_bytes_raw())


def is_public_key(text: str) -> bool:
    """Whether it is the base64 of a public key."""
    try:
        return len(base64.b64decode(text, validate=True)) == KEY_BYTES
    except ValueError:
        return False


def new_private_key(path: Path) -> "Ed25519PrivateKey":
    """Make a key and write it.

    Raises:
        FileExistsError: there is one.
        ConfigError: see `refuse_in_git`.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    refuse_in_git(path)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    key = Ed25519PrivateKey.generate()
    write_private(path, f"{base64_text(key.private_bytes_raw())}\n".encode())
    return key


def read_private_key(path: Path, *, remedy: str) -> "Ed25519PrivateKey":
    """The key in a file; `remedy` says what helps where it is none.

    Raises:
        FileNotFoundError: there is no file.
        ConfigError: `key-open`: others may read it; `no-key`: it is no key; see `refuse_in_git`.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    _refuse_no_file(path, reason="no-key", remedy=remedy)
    refuse_in_git(path)
    if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ConfigError(f"{path} may be read by others", reason="key-open", remedy=f"chmod 600 {path}")
    try:
        text = path.read_text(encoding="ascii").strip()
        return Ed25519PrivateKey.from_private_bytes(base64.b64decode(text, validate=True))
    except ValueError as error:
        raise ConfigError(f"{path} is not a private key", reason="no-key", remedy=remedy) from error


def refuse_in_git(path: Path) -> None:
    """Refuse a private key that git keeps or is about to: whoever gets the repository would sign with it.

    Raises:
        ConfigError: `key-in-repository`; `key-in-history`: a commit of the repository that it lies in, or that this program works
            in, has it; `git`: git does not say.
    """
    if may_commit(path):
        raise ConfigError(
            f"{path} is a private key in a git repository that does not ignore it",
            reason="key-in-repository",
            remedy="move it out of the repository (set LIKENESS_HOME, marks.key_file or --out to a place outside) or ignore it "
            "in .gitignore; if it was ever committed, make a new one: everybody who has the repository has this one",
        )
    if not path.is_file():  # there is none yet, or a pipe lies there, which keeps who opens it waiting
        return
    with path.open("rb") as file:
        text = file.read(MAX_BYTES).strip()
    lines, ends = text.replace(b"\r\n", b"\n"), (b"\n", b"\r\n")
    forms = {lines.replace(b"\n", end) + last for end in ends for last in (b"", *ends)}
    for root in {work_tree(path.resolve().parent), work_tree(Path())}:
        if root is not None and text and was_committed(root, forms):
            raise ConfigError(
                f"{path} is a private key that the history of the git repository {root} has",
                reason="key-in-history",
                remedy="make a new key and have the old one's public half taken off the lists that name it: everybody who has "
                "the repository has this one, and no commit takes it back",
            )


def read_key_list(path: Path, *, repository: Path | None = None) -> dict[str, str]:
    """Whose signatures count: names by public key, a line `KEY NAME` each, `#` before remarks. Empty without a file.

    Raises:
        ConfigError: `keys-in-repository`: it lies in there; `keys-open`: others may write it or its folder; `keys-invalid`: a
            line is none.
    """
    if not os.path.lexists(path):
        return {}
    if repository is not None and path.resolve().is_relative_to(repository.resolve()):
        raise ConfigError(
            f"{path} lies in the repository, whose files others write",
            reason="keys-in-repository",
            remedy="set LIKENESS_HOME to a folder outside it",
        )
    _refuse_no_file(path, reason="keys-invalid", remedy="move it away, and allow each key again")
    for place in (path, path.parent):
        if place.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise ConfigError(
                f"{place} may be written by others",
                reason="keys-open",
                remedy=f"look through {path}, then chmod go-w {place}",
            )
    named: dict[str, str] = {}
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        key, _, name = line.strip().partition(" ")
        if key and not key.startswith("#"):
            if not is_public_key(key) or not name.strip():
                raise ConfigError(
                    f"{path}: {line[:80]!r} is not a line `KEY NAME`",
                    reason="keys-invalid",
                    remedy="correct the line, or delete it",
                )
            named[key] = name.strip()
    return named


def _refuse_no_file(path: Path, *, reason: str, remedy: str) -> None:
    """A pipe or a device would never end, and a link to nothing is neither there nor free."""
    if os.path.lexists(path) and not (path.is_file() and path.stat().st_size <= MAX_BYTES):
        raise ConfigError(f"{path} is not a file of at most {MAX_BYTES} bytes", reason=reason, remedy=remedy)


def add_to_key_list(path: Path, key: str, name: str) -> None:
    """Add a line to the list, unless the key has one.

    Raises:
        ConfigError: `keys-invalid`: it is no public key, or no name; see `read_key_list`.
    """
    if not is_public_key(key) or not name.strip() or not name.isprintable():
        raise ConfigError(
            f"{key[:80]!r} {name[:80]!r} is not a public key with a name",
            reason="keys-invalid",
            remedy="give a key as the machine that has it prints it, and whose it is",
        )
    if key in read_key_list(path):
        return
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    before = "# KEY NAME: whose signatures count here"
    if path.exists():
        before = path.read_text(encoding="utf-8").rstrip()
    written = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    with open(os.open(written, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(f"{before}\n{key} {name.strip()}\n")
    written.replace(path)


def verified(public: bytes, signature: bytes, data: bytes) -> bool:
    """Whether the owner of a public key signed exactly these bytes."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, data)
    except (InvalidSignature, ValueError):
        return False
    return True
