# pyright: basic
# python-pkcs11 is an extra, and untyped here.
"""A signing key that stays in a PKCS#11 token: the token signs, and nothing reads the key.

It is named by a URI of RFC 7512: `pkcs11:token=NAME;object=LABEL?module-path=/usr/lib/softhsm/libsofthsm2.so`.
"""

import importlib
import threading
from typing import Any, NoReturn
from urllib.parse import parse_qs, unquote, urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

PUBLIC_BYTES = 32
NEEDS = "pkcs11:token=NAME;object=LABEL?module-path=FILE"


class TokenKey(Ed25519PrivateKey):
    """An Ed25519 key of a token; one thread signs at a time, as a token's session wants it."""

    def __init__(self, key: Any, mechanism: Any, public: bytes) -> None:
        self._key, self._mechanism, self._public = key, mechanism, public
        self._alone = threading.Lock()

    def sign(self, data: Any) -> bytes:
        with self._alone:
            return bytes(self._key.sign(bytes(data), mechanism=self._mechanism))

    def public_key(self) -> Ed25519PublicKey:
        return Ed25519PublicKey.from_public_bytes(self._public)

    def private_bytes_raw(self) -> NoReturn:
        raise TypeError("the key is in a token, and stays there")

    def private_bytes(self, encoding: Any, format: Any, encryption_algorithm: Any) -> NoReturn:
        self.private_bytes_raw()

    def __copy__(self) -> "TokenKey":
        return self

    def __deepcopy__(self, memo: Any) -> "TokenKey":
        return self


def token_key(uri: str, pin: str) -> TokenKey:
    """Open the token and find the key; the session stays open as long as the process.

    Raises:
        ValueError: why it cannot be used, in words that follow "it cannot be used:"; the PIN is not among them.
    """
    parts = urlsplit(uri)
    place = {name: unquote(value) for name, _, value in (one.partition("=") for one in parts.path.split(";"))}
    module = parse_qs(parts.query).get("module-path", [""])[0]
    if not (module and place.get("token") and place.get("object")):
        raise ValueError(f"it is not of the form {NEEDS}")
    try:
        pkcs11 = importlib.import_module("pkcs11")
    except ImportError as error:
        raise ValueError("python-pkcs11 is not installed: pip install -e '.[pkcs11]'") from error
    try:
        token = pkcs11.lib(module).get_token(token_label=place["token"])
        session = token.open(user_pin=pin)
        named = {"label": place["object"]}
        private = session.get_key(object_class=pkcs11.ObjectClass.PRIVATE_KEY, **named)
        public = session.get_key(object_class=pkcs11.ObjectClass.PUBLIC_KEY, **named)
        point = bytes(public[pkcs11.Attribute.EC_POINT])[-PUBLIC_BYTES:]
    # Its own exceptions, and what a module that is none raises; many have no words.
    except (pkcs11.PKCS11Error, RuntimeError, OSError) as error:
        raise ValueError(f"the token does not give it: {type(error).__name__}") from error
    return TokenKey(private, pkcs11.Mechanism.EDDSA, point)
