"""Who may ask the desk: the browser that opened the link of the terminal, from the desk's own pages."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie

HOSTS = ("127.0.0.1", "localhost")


@dataclass(frozen=True, kw_only=True)
class Guard:
    """`link` is the token of the address that the terminal prints, `visitor` that of the cookie which it is exchanged for, and
    `form` that of every form."""

    port: int
    link: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    visitor: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    form: str = field(default_factory=lambda: secrets.token_urlsafe(32))

    @property
    def cookie(self) -> str:
        """Browsers keep one jar for all ports of a host."""
        return f"likeness-desk-{self.port}"

    def set_cookie(self) -> str:
        """What the browser keeps: no script reads it, and no other site's page sends it."""
        return f"{self.cookie}={self.visitor}; Path=/; HttpOnly; SameSite=Strict"

    def opens(self, token: str) -> bool:
        """Whether it is the link's token."""
        return _same(token, self.link)

    def refuses(self, headers: Mapping[str, str]) -> str | None:
        """Why a request is not for this desk: a name that resolves to 127.0.0.1 is not its name (DNS rebinding)."""
        if headers.get("host", "") not in self._hosts():
            return "This address is not the desk's."
        return None

    def knows(self, headers: Mapping[str, str]) -> bool:
        """Whether the browser opened the link."""
        try:
            kept = SimpleCookie(headers.get("cookie", "")).get(self.cookie)
        except CookieError:
            return False
        return kept is not None and _same(kept.value, self.visitor)

    def forged(self, headers: Mapping[str, str], form: str) -> str | None:
        """Why an act was not asked for on the desk's own pages."""
        if headers.get("origin", "") not in {f"http://{host}" for host in self._hosts()}:
            return "This form is not the desk's."
        if headers.get("origin") != f"http://{headers.get('host')}":
            return "This form is another desk's."
        if headers.get("sec-fetch-site", "same-origin") != "same-origin":
            return "Another site sent this form."
        if not _same(form, self.form):
            return "This form is of an earlier desk: load the page again."
        return None

    def _hosts(self) -> set[str]:
        return {f"{host}:{self.port}" for host in HOSTS}


def _same(one: str, other: str) -> bool:
    return secrets.compare_digest(one.encode("utf-8", "surrogateescape"), other.encode())
