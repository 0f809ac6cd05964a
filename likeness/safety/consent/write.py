"""Change a record's file: one field at a time, the rest of it and its comments as they are."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from likeness.disk import write_atomic
from likeness.safety.consent.load import read_consent
from likeness.safety.consent.record import Consent
from likeness.safety.consent.signing import sign

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


def with_block(text: str, field: str, new: str) -> str:
    """The text of a record with the lines of a top-level field replaced, or added at the end."""
    lines = re.compile(rf"^{field}:.*\n(?:[ \t-].*\n)*", re.MULTILINE)
    text = text if text.endswith("\n") else text + "\n"
    if lines.search(text):
        return lines.sub(lambda _: new, text, count=1)
    return text + new


def dumped(fields: dict[str, Any]) -> str:
    """YAML in the order of the fields, a line a value."""
    return yaml.safe_dump(fields, sort_keys=False, width=10**6, allow_unicode=True)  # pyright: ignore[reportUnknownMemberType]


def set_field(folder: Path, persona: str, field: str, value: Any, *, keep_null: bool = False) -> None:
    """Set a top-level field of consent/PERSONA.yaml; None takes it away, unless `keep_null`."""
    path = folder / f"{persona}.yaml"
    new = "" if value is None and not keep_null else dumped({field: value})
    write_atomic(path, with_block(path.read_text(encoding="utf-8"), field, new).encode())


def sign_file(folder: Path, persona: str, key: "Ed25519PrivateKey", by: str) -> Consent:
    """Sign the record as its files say it, and write the signature into it.

    Raises:
        ConsentError: it is not whole.
    """
    signature = sign(read_consent(folder, persona), key, by)
    set_field(folder, persona, "signature", signature.model_dump())
    return read_consent(folder, persona)
