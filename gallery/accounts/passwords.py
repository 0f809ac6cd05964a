"""Passwords, as argon2id keeps them; a password nobody has takes as long to check as somebody's.

Source: argon2-cffi 25.1, RFC 9106.
"""

import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from gallery.errors import invalid

LEAST, MOST = 10, 200
"""Letters of a password."""


class Passwords:
    """Makes and checks hashes."""

    def __init__(self, *, memory_kib: int, passes: int) -> None:
        self._hasher = PasswordHasher(memory_cost=memory_kib, time_cost=passes, parallelism=1)
        self._nobodys = self._hasher.hash(secrets.token_hex(16))

    def hash(self, password: str, *, email: str) -> str:
        """What is kept of a new password.

        Raises:
            RequestError: it is too short, too long, the address, or one letter again and again.
        """
        if not LEAST <= len(password) <= MOST:
            raise invalid(f"A password has {LEAST} to {MOST} letters.")
        if password.lower() in (email, email.partition("@")[0]) or len(set(password)) < 4:
            raise invalid("This password is too easy to guess.")
        return self._hasher.hash(password)

    def is_right(self, kept: str | None, password: str) -> bool:
        """Whether it is the password that was kept; of nobody (None) it never is, after the same work."""
        try:
            return self._hasher.verify(kept or self._nobodys, password[:MOST]) and kept is not None
        except (VerificationError, InvalidHashError):
            return False
