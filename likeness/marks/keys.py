"""The key that signs published files, and a development certificate authority for those who have none yet.

One Ed25519 key signs pictures (C2PA, with its certificate chain) and weights and manifests (the bare key). Its name is
the sha256 of its public half.
"""

import datetime
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from likeness.errors import ConfigError
from likeness.key_files import key_name, refuse_in_git
from likeness.marks.config import MarksConfig
from likeness.marks.token import token_key

KEY, CHAIN, ROOT = "signing.pem", "chain.pem", "ca.pem"
DEVELOPMENT = "likeness development key, self-issued: proves no identity"
DEVELOPMENT_DAYS = 730
MAX_PEM_BYTES = 2**16


@dataclass(frozen=True, kw_only=True)
class SigningKey:
    """A private key with its certificates in PEM, its own first."""

    private: Ed25519PrivateKey = field(repr=False)
    chain: bytes

    @property
    def public(self) -> bytes:
        """The 32 bytes of the public key."""
        return self.private.public_key().public_bytes_raw()

    @property
    def name(self) -> str:
        """sha256 of the public key, in hex."""
        return key_name(self.public)


def signing_key(cfg: MarksConfig, folder: Path, environment: Mapping[str, str] = os.environ) -> SigningKey:
    """The key of the settings; where they name none, the development key in `folder`, made when it is first needed.

    Raises:
        ConfigError: `signing-key`: a file or variable is missing, is no Ed25519 key, or the certificate is not its own or
            has expired; see `refuse_in_git`.
    """
    if cfg.certificate_file is None:
        return development_key(folder)
    chain, secret = Path(cfg.certificate_file), environment.get(cfg.key_env or "", "")
    if cfg.in_token:
        return _of_token(cfg.key_file or "", secret, _read(chain))
    if cfg.key_env is None:
        return _joined(_read_key(Path(cfg.key_file or "")), _read(chain), cfg.key_file or "")
    if not secret:
        remedy = f"set {cfg.key_env} to the key's text, in PEM"
        raise _unusable(f"${cfg.key_env}", "the variable is not set", remedy)
    return _joined(secret.encode(), _read(chain), f"${cfg.key_env}")


def _of_token(uri: str, pin: str, chain: bytes) -> SigningKey:
    try:
        private = token_key(uri, pin)
    except ValueError as error:
        remedy = "correct marks.key_file, and set the PIN in the variable that marks.key_env names"
        raise _unusable(uri, str(error), remedy) from error
    return _with_chain(private, chain, uri)


def development_key(folder: Path) -> SigningKey:
    """The development key in this folder; made, with its own certificate authority, where there is none."""
    if not (folder / KEY).exists():
        make_development_ca(folder)
    return _joined(_read_key(folder / KEY), _read(folder / CHAIN), str(folder / KEY), development=True)


def make_development_ca(folder: Path) -> None:
    """Write a development key, its chain and the authority's certificate; the authority's key is thrown away.

    Raises:
        ConfigError: `signing-key`: there is a key already; nothing is overwritten; see `refuse_in_git`.
    """
    refuse_in_git(folder / KEY)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    authority, key = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    root = _certificate("likeness development authority", authority, authority)
    leaf = _certificate(DEVELOPMENT, authority, key)
    try:
        written = os.open(folder / KEY, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise _unusable(
            str(folder / KEY),
            "there is a key already, and it is not overwritten",
            "move it away first, or give another folder",
        ) from error
    form, whole = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    pem = key.private_bytes(form, whole, serialization.NoEncryption())
    # The chain first: a key without one would be found half made.
    (folder / CHAIN).write_bytes(leaf.public_bytes(form) + root.public_bytes(form))
    (folder / ROOT).write_bytes(root.public_bytes(form))
    with os.fdopen(written, "wb") as file:
        file.write(pem)


def _certificate(name: str, authority: Ed25519PrivateKey, key: Ed25519PrivateKey) -> x509.Certificate:
    """The profile that C2PA 2.4 asks for (section 14.5): key usage, an extended one for leaves, both key identifiers."""
    is_root, now = key is authority, datetime.datetime.now(datetime.UTC)
    issuer = "likeness development authority"
    builder = (
        x509.CertificateBuilder()
        .subject_name(_named(name))
        .issuer_name(_named(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))  # clocks differ
        .not_valid_after(now + datetime.timedelta(days=DEVELOPMENT_DAYS))
        .add_extension(x509.BasicConstraints(ca=is_root, path_length=0 if is_root else None), critical=True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=not is_root,
                key_cert_sign=is_root,
                crl_sign=is_root,
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key()), critical=False
        )
    )
    if not is_root:
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
        builder = builder.add_extension(usage, critical=False)
    return builder.sign(authority, None)


def _named(common_name: str) -> x509.Name:
    parts = {NameOID.ORGANIZATION_NAME: "likeness", NameOID.COMMON_NAME: common_name}
    return x509.Name([x509.NameAttribute(kind, text) for kind, text in parts.items()])


def _joined(pem: bytes, chain: bytes, place: str, *, development: bool = False) -> SigningKey:
    try:
        private = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError) as error:
        why = "it is empty, encrypted, or no private key in PEM"
        raise _unusable(place, why, "give an Ed25519 key in PEM") from error
    if not isinstance(private, Ed25519PrivateKey):
        raise _unusable(place, "it is no Ed25519 key", "make one: openssl genpkey -algorithm ed25519")
    return _with_chain(private, chain, place, development=development)


def _with_chain(
    private: Ed25519PrivateKey, chain: bytes, place: str, *, development: bool = False
) -> SigningKey:
    try:
        own = x509.load_pem_x509_certificates(chain)[0]
    except (ValueError, IndexError) as error:
        why = "its certificate_file is not a chain of certificates in PEM"
        raise _unusable(place, why, "give its chain") from error
    if own.public_key() != private.public_key():
        why = "the first certificate of certificate_file is another key's"
        raise _unusable(place, why, "give its own chain")
    if own.not_valid_after_utc < datetime.datetime.now(datetime.UTC):
        again = f"delete {Path(place).parent}" if development else "have it renewed"
        raise _unusable(place, f"its certificate expired on {own.not_valid_after_utc:%Y-%m-%d}", again)
    return SigningKey(private=private, chain=chain)


def _read_key(path: Path) -> bytes:
    refuse_in_git(path)
    return _read(path)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_PEM_BYTES)
    except OSError as error:
        raise _unusable(str(path), error.strerror or str(error), "correct conf/marks/default.yaml") from error


def _unusable(place: str, why: str, remedy: str) -> ConfigError:
    return ConfigError(f"the signing key {place} cannot be used: {why}", reason="signing-key", remedy=remedy)
