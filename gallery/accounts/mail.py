"""Mail: by SMTP, or into a folder of this machine while nobody sends any."""

import logging
import smtplib
import ssl
import time
import uuid
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from gallery.settings import Settings
from likeness.errors import ConfigError, LikenessError

SMTP_SECONDS = 20
log = logging.getLogger("gallery")


class Mailer(Protocol):
    """Sends a message."""

    def send(self, to: str, subject: str, text: str) -> None: ...


def _message(sender: str, to: str, subject: str, text: str) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, to, subject
    message.set_content(text)
    return message


@dataclass(frozen=True, kw_only=True)
class FolderMailer:
    """Writes each message to a file that only this user reads."""

    folder: Path
    sender: str

    def send(self, to: str, subject: str, text: str) -> None:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self.folder / f"{time.time_ns()}-{uuid.uuid4().hex[:8]}.eml"
        path.write_bytes(bytes(_message(self.sender, to, subject, text)))


@dataclass(frozen=True, kw_only=True)
class SmtpMailer:
    """Sends by a server whose certificate holds; `smtps://` from the first byte over TLS, `smtp://` after STARTTLS."""

    url: str
    sender: str

    def send(self, to: str, subject: str, text: str) -> None:
        place = urlsplit(self.url)
        if place.scheme not in ("smtp", "smtps") or not place.hostname:
            raise ConfigError("GALLERY_SMTP_URL is no smtp:// or smtps:// URL", remedy="correct it")
        trusted = ssl.create_default_context()  # smtplib's own trusts anybody
        with (
            smtplib.SMTP_SSL(place.hostname, place.port or 0, timeout=SMTP_SECONDS, context=trusted)
            if place.scheme == "smtps"
            else smtplib.SMTP(place.hostname, place.port or 0, timeout=SMTP_SECONDS)
        ) as server:
            if place.scheme == "smtp":
                server.starttls(context=trusted)
            if place.username:
                server.login(unquote(place.username), unquote(place.password or ""))
            server.send_message(_message(self.sender, to, subject, text))


def send_mail(mailer: Mailer, to: str, subject: str, text: str) -> bool:
    """Send a message, and say whether it went: what it tells of is done already, and stays so. The log names neither the text, which
    may hold a link, nor what the server said, which may hold the address."""
    try:
        mailer.send(to, subject, text)
    except (OSError, ValueError, LikenessError) as error:
        log.error("the mail %r was not sent: %s", subject, type(error).__name__)
        return False
    return True


def open_mailer(settings: Settings) -> Mailer:
    """The mailer of the settings."""
    if settings.smtp_url is None:
        return FolderMailer(folder=settings.folder / "mail", sender=settings.mail_from)
    return SmtpMailer(url=settings.smtp_url.get_secret_value(), sender=settings.mail_from)
