"""A provider's key: named in the settings, read from the environment at each use, kept nowhere."""

import os
from dataclasses import dataclass

from likeness.errors import AuthError


@dataclass(frozen=True, kw_only=True)
class Auth:
    """A key that goes out as `header: {scheme}{$env}`; `hosts` are those of a provider that keys.py does not know."""

    header: str
    scheme: str
    env: str
    hosts: tuple[str, ...] = ()

    def line(self, name: str) -> tuple[bytes, bytes]:
        """The header line for the provider `name`. Don't keep it in a variable: a traceback shows those.

        Raises:
            AuthError: there is no key, or it cannot be one.
        """
        self.check(name)
        return self.header.lower().encode(), (self.scheme + _value(self.env)).encode()

    def check(self, name: str) -> None:
        """See that there is a key that fits into a header.

        Raises:
            AuthError: there is none, or it cannot be one.
        """
        problem = _problem(self.env)
        if problem:
            raise AuthError(
                f"{name}: the variable {self.env} {problem}",
                reason="no-key",
                remedy=f"export {self.env}=... with the key of your account",
            )

    def hide(self, text: str) -> str:
        """`text` without the key, should a vendor repeat it."""
        key = _value(self.env)
        return text.replace(key, "***") if key else text


def _value(env: str) -> str:
    # A key read from a file often brings its line end.
    return os.environ.get(env, "").strip()


def _problem(env: str) -> str:
    key = _value(env)
    if not key:
        return "is not set"
    if not key.isascii() or not key.isprintable() or " " in key:
        return "holds spaces, line ends or letters that no key has"
    return ""
