"""A signing key in a PKCS#11 token: the token signs, nothing reads the key. The token is a stand-in with the calls of python-pkcs11;
docs/marks.md says with which real one it was tried."""

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from pydantic import ValidationError

from likeness.errors import ConfigError
from likeness.images import JPEG, encode_jpeg
from likeness.marks import claims
from likeness.marks.claims import Claim
from likeness.marks.config import MarksConfig
from likeness.marks.keys import make_development_ca, signing_key
from likeness.marks.xmp import SourceType

URI = "pkcs11:token=studio;object=sign%20ing?module-path=/lib/token.so"
PIN = "4711-of-the-test"


class TokenError(Exception):
    """As python-pkcs11's."""


class Token:
    """Has one key pair, and gives the public half only."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private, self.signed = private, 0

    def get_token(self, *, token_label: str) -> "Token":
        if token_label != "studio":
            raise TokenError
        return self

    def open(self, *, user_pin: str) -> "Token":
        if user_pin != PIN:
            raise TokenError
        return self

    def get_key(self, *, object_class: str, label: str) -> object:
        if label != "sign ing":
            raise TokenError
        raw = self._private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return self if object_class == "private" else {"point": b"\x04\x20" + raw}

    def sign(self, data: bytes, *, mechanism: str) -> bytes:
        assert mechanism == "eddsa"
        self.signed += 1
        return self._private.sign(data)


@pytest.fixture
def token(tmp_path, monkeypatch) -> Token:
    make_development_ca(tmp_path)
    private = load_pem_private_key((tmp_path / "signing.pem").read_bytes(), password=None)
    (tmp_path / "signing.pem").unlink()
    assert isinstance(private, Ed25519PrivateKey)
    made = Token(private)
    module = SimpleNamespace(
        lib=lambda path: made, PKCS11Error=TokenError, Mechanism=SimpleNamespace(EDDSA="eddsa"),
        ObjectClass=SimpleNamespace(PRIVATE_KEY="private", PUBLIC_KEY="public"), Attribute=SimpleNamespace(EC_POINT="point"),
    )  # fmt: skip
    monkeypatch.setitem(sys.modules, "pkcs11", module)
    return made


def settings(tmp_path: Path, **changes: object) -> MarksConfig:
    values = {
        "key_file": URI,
        "key_env": "SIGNING_PIN",
        "certificate_file": str(tmp_path / "chain.pem"),
        "label": None,
    }
    return MarksConfig.model_validate(values | changes)


def test_a_picture_is_signed_by_the_token_and_nothing_reads_the_key(token, tmp_path):
    key = signing_key(settings(tmp_path), tmp_path, {"SIGNING_PIN": PIN})
    picture = encode_jpeg(np.full((64, 64, 3), 90, np.uint8))
    signed = claims.sign(picture, JPEG, Claim(title="a.jpg", code=SourceType.TRAINED, publication={}), key)
    found = claims.read(signed, JPEG)
    assert found is not None
    assert found.valid
    assert token.signed
    with pytest.raises(TypeError, match="stays there"):
        key.private.private_bytes_raw()


@pytest.mark.parametrize(
    ("uri", "pin", "why"),
    [
        (URI, "wrong", "TokenError"), (URI.replace("studio", "other"), PIN, "TokenError"),
        (URI.replace("sign%20ing", "x"), PIN, "TokenError"), ("pkcs11:token=studio", PIN, "of the form"), (URI, "", "TokenError"),
    ],
)  # fmt: skip
def test_a_token_that_does_not_give_it_is_told_without_the_pin(token, tmp_path, uri, pin, why):
    with pytest.raises(ConfigError, match=why) as caught:
        signing_key(settings(tmp_path, key_file=uri), tmp_path, {"SIGNING_PIN": pin})
    assert caught.value.reason == "signing-key"
    assert PIN not in str(caught.value)


def test_a_certificate_of_another_key_is_refused(token, tmp_path):
    make_development_ca(tmp_path / "other")
    with pytest.raises(ConfigError, match="another key's"):
        signing_key(
            settings(tmp_path, certificate_file=str(tmp_path / "other/chain.pem")),
            tmp_path,
            {"SIGNING_PIN": PIN},
        )


def test_without_the_extra_its_name_is_told(token, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pkcs11", None)
    with pytest.raises(ConfigError, match="pkcs11"):
        signing_key(settings(tmp_path), tmp_path, {"SIGNING_PIN": PIN})


@pytest.mark.parametrize(
    "changes", [{"key_env": None}, {"key_file": f"{URI}&pin-value={PIN}"}, {"certificate_file": None}]
)
def test_settings_name_the_pins_variable_and_hold_no_pin(tmp_path, changes):
    with pytest.raises(ValidationError):
        settings(tmp_path, **changes)
