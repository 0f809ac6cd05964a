"""A key that signs the records of tests, and a folder of settings in which it may."""

import base64
import tempfile
from pathlib import Path

import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from likeness.key_files import public_text
from likeness.safety.consent.signing import ALLOWED, PRIVATE_KEY
from likeness.safety.consent.write import sign_file

SEED = b"likeness signs tests with this.."
KEY = Ed25519PrivateKey.from_private_bytes(SEED)
STRANGER = Ed25519PrivateKey.from_private_bytes(b"nobody knows who holds this key.")


def signers_of_the_tests() -> str:
    """A new folder with KEY as this user's key, the only allowed one."""
    folder = Path(tempfile.mkdtemp(prefix="likeness-home-"))
    (folder / ALLOWED).write_text(f"{public_text(KEY)} the tests\n")
    private = folder / PRIVATE_KEY
    private.touch(mode=0o600)
    private.write_text(base64.b64encode(SEED).decode())
    return str(folder)


def sign_as_test(folder: Path, persona: str, key: Ed25519PrivateKey = KEY) -> None:
    """Sign consent/PERSONA.yaml as it is."""
    sign_file(folder, persona, key, "the tests")


def edit_and_sign(folder: Path, persona: str, **changes: object) -> None:
    """Change fields of a record and sign it again, as its signer would."""
    path = folder / f"{persona}.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | changes))
    sign_as_test(folder, persona)
