"""What the environment decides: variables that begin with GALLERY_ (docs/gallery.md lists them)."""

import os
import secrets
import uuid
from contextlib import suppress
from ipaddress import ip_network
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from likeness.disk import discard, write_private
from likeness.errors import ConfigError

LOOPBACK = ("127.0.0.1", "localhost", "::1")
LEAST_SECRET = 32


class Settings(BaseSettings):
    """The gallery's settings; secrets are never printed."""

    model_config = SettingsConfigDict(env_prefix="GALLERY_", frozen=True, extra="forbid")

    folder: Path = Field(
        default=Path(".cache/gallery"), description="pictures, mail and the embedded database"
    )
    database_url: SecretStr | None = Field(
        default=None, description="postgresql://...; None: the embedded one"
    )
    store_url: str | None = Field(default=None, description="s3://bucket/prefix; None: a folder")
    repository: Path = Field(default=Path("."), description="where consent/ and params.yaml lie")
    secret: SecretStr | None = Field(
        default=None, min_length=LEAST_SECRET, description="None: made once, kept in folder"
    )
    public_url: str = Field(default="http://127.0.0.1:8700", description="what links in mails begin with")
    trusted_proxies: str = Field(
        default="", description="addresses, with commas, whose X-Forwarded-For says who asks; none: nobody's"
    )
    open_sign_up: bool = False
    money: bool = False
    smtp_url: SecretStr | None = Field(
        default=None, description="smtps://user:password@host; None: a mail folder"
    )
    mail_from: str = "gallery@localhost"
    session_days: int = Field(default=14, ge=1, le=90)
    argon2_memory_kib: int = Field(default=65536, ge=8)
    argon2_passes: int = Field(default=3, ge=1)
    max_body_bytes: int = Field(default=64 * 1024, ge=1024)
    events_seconds: float = Field(default=300, gt=0, description="how long one event stream lives")
    least_likeness: float = Field(
        default=0,
        ge=0,
        le=1,
        description="SFace's cosine; the floors of likeness/safety/floors.py always hold",
    )
    free_below: float = Field(
        default=0,
        ge=0,
        le=1,
        description="SFace's cosine: a picture that is less like the person costs no credits",
    )
    price_cents: int = Field(default=50, ge=0, description="of one picture, where money is on")
    stripe_url: str = Field(default="https://api.stripe.com", description="of Stripe's API")
    stripe_secret: SecretStr | None = Field(default=None, description="the key that begins payments")
    stripe_webhook_secret: SecretStr | None = None

    @field_validator("trusted_proxies")
    @classmethod
    def _addresses(cls, value: str) -> str:
        for one in filter(None, value.split(",")):
            ip_network(one.strip())
        return value

    @property
    def sells(self) -> bool:
        """Whether people can pay here."""
        return self.money and self.stripe_secret is not None

    @property
    def is_local(self) -> bool:
        """Whether only this machine reads the pages: cookies then go without TLS."""
        return urlsplit(self.public_url).hostname in LOOPBACK

    @property
    def passkeys(self) -> bool:
        """Whether browsers make passkeys for this address: they do for names, over TLS or on this machine, and for no IP address."""
        address = urlsplit(self.public_url)
        name = address.hostname or ""
        is_number = ":" in name or name.replace(".", "").isdigit()
        return not is_number and (address.scheme == "https" or name == "localhost")

    def key(self) -> bytes:
        """The key of CSRF tokens and signed links."""
        if self.secret is not None:
            return self.secret.get_secret_value().encode()
        path = self.folder / "secret"
        if not path.exists():
            self._make_key(path)
        key = path.read_text().strip().encode()
        if len(key) < LEAST_SECRET:
            raise ConfigError(
                f"{path} holds no key: {LEAST_SECRET} letters at least, {len(key)} are there",
                reason="no-key",
                remedy="bring it back from a backup; or delete it, and links signed with another key end",
            )
        return key

    def _make_key(self, path: Path) -> None:
        """Whole or not at all, and of two programs that begin at once one: an empty key would sign as anybody."""
        self.folder.mkdir(parents=True, exist_ok=True)
        new = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
        try:
            write_private(new, secrets.token_hex(LEAST_SECRET).encode())
            with suppress(FileExistsError):  # another program was faster
                os.link(new, path)
        finally:
            discard(new)
