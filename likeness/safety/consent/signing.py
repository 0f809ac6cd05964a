"""Signatures of records: Ed25519 over the whole record, and who may sign.

Keys lie in this user's settings (`$LIKENESS_HOME`, else `$XDG_CONFIG_HOME/likeness`, else ~/.config/likeness), where no
experiment, checkout or pull puts anything:

    consent-key        the private key, readable by this user only
    allowed_signers    a line `KEY NAME` for each signer whose records count on this machine
"""

import base64
from pathlib import Path
from typing import TYPE_CHECKING

from likeness.digests import canonical_json, sha256_bytes
from likeness.errors import ConfigError, ConsentError
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
from likeness.safety.consent.generator_key import GENERATOR_KEY
from likeness.safety.consent.parts import Signature
from likeness.safety.consent.record import Consent, content

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

CONTEXT = b"likeness consent record 1\n"  # so that no signature of anything else fits a record
PRIVATE_KEY = "consent-key"
ALLOWED = "allowed_signers"


def canonical(consent: Consent) -> bytes:
    """The bytes that a signature covers: JSON of the record and its targets, keys sorted, without spaces."""
    return CONTEXT + canonical_json(content(consent))


def digest(consent: Consent) -> str:
    """Hex sha256 that names exactly this record."""
    return sha256_bytes(canonical(consent))


def check_signature(consent: Consent, repository: Path) -> Signature:
    """Refuse a record that nobody signed, that changed after it was signed, or that a stranger signed. Returns the signature with
    the signer's name as this machine knows the key: the one in the record is covered by no signature.

    Raises:
        ConsentError: `consent-unsigned`, `consent-signature`, `consent-stranger`.
    """
    name, signature = consent.persona, consent.signature
    if signature is None:
        raise ConsentError(
            f"{name}: consent/{name}.yaml is not signed",
            reason="consent-unsigned",
            remedy=f"read it with whoever is portrayed, then `likeness consent sign {name}`",
        )
    # The key first: whether a stranger's signature is a good one says nothing.
    trusted = allowed_signers(repository)
    if consent.kind == "synthetic":
        trusted = {GENERATOR_KEY: "likeness", **trusted}
    if signature.key not in trusted:
        raise ConsentError(
            f"{name}: consent/{name}.yaml is signed by {signature.by!r} with the key {signature.key}, which is not "
            "among the allowed signers of this machine",
            reason="consent-stranger",
            remedy="sign it yourself if you hold the evidence (`likeness consent sign`), or, if you know that the key is "
            f"this person's, `likeness consent allow {signature.key} --name NAME`",
        )
    if not _fits(signature, canonical(consent)):
        raise ConsentError(
            f"{name}: {_changed(consent, signature)}",
            reason="consent-signature",
            remedy=f"put back what was signed, or have the change agreed and `likeness consent sign {name}` again",
        )
    return signature.model_copy(update={"by": trusted[signature.key]})


def _changed(consent: Consent, signature: Signature) -> str:
    """Which of the two files that one signature covers is not as it was."""
    record = f"consent/{consent.persona}.yaml"
    targets = f"consent/{consent.persona}.targets.yaml"
    if consent.targets is None:
        return f"{record} changed after {signature.by} signed, or {targets} is gone, which was signed with it"
    if _fits(signature, canonical(consent.model_copy(update={"targets": None}))):
        return f"{targets} was added after {signature.by} signed {record}, which says nothing of targets"
    return f"{record} or {targets} changed after {signature.by} signed"


def sign(consent: Consent, key: "Ed25519PrivateKey", by: str) -> Signature:
    """The signature of a record."""
    return Signature(by=by, key=public_text(key), value=base64_text(key.sign(canonical(consent))))


def allowed_signers(repository: Path) -> dict[str, str]:
    """Names by public key.

    Raises:
        ConfigError: see `read_key_list`.
    """
    return read_key_list(settings_folder() / ALLOWED, repository=repository)


def allow(key: str, name: str) -> Path:
    """Add a signer; returns the list's path.

    Raises:
        ConfigError: see `add_to_key_list`.
    """
    path = settings_folder() / ALLOWED
    add_to_key_list(path, key, name)
    return path


def new_key(name: str) -> str:
    """Make this user's key, which then may sign; returns its public half.

    Raises:
        ConfigError: there is one, with which records are signed already.
    """
    path = settings_folder() / PRIVATE_KEY
    try:
        key = new_private_key(path)
    except FileExistsError as error:
        raise ConfigError(
            f"{path} is there already",
            reason="key-exists",
            remedy="keep it: records are signed with it; move it away first if it is to be replaced",
        ) from error
    allow(public_text(key), name)
    return public_text(key)


def own_key() -> "Ed25519PrivateKey":
    """This user's key.

    Raises:
        ConfigError: there is none, it is no key, or others may read it.
    """
    path = settings_folder() / PRIVATE_KEY
    try:
        return read_private_key(
            path, remedy="put the key back, or move it away and run `likeness consent keygen`"
        )
    except FileNotFoundError as error:
        raise ConfigError(
            f"there is no key at {path}",
            reason="no-key",
            remedy="make one: `likeness consent keygen --name NAME`",
        ) from error


def _fits(signature: Signature, signed: bytes) -> bool:
    try:
        key, value = base64.b64decode(signature.key), base64.b64decode(signature.value)
    except ValueError:
        return False
    return verified(key, value, signed)
