# pyright: basic
# (a stranger's JSON is not typed)
"""The signature in a published LoRA file: who states what about these tensors.

Training writes no signature: a key is no input of the graph, and equal training gives an equal file. A published copy
carries two entries more in its metadata, `likeness.statement` (JSON) and `likeness.signature` (Ed25519 over those bytes,
hex). The statement names the sha256 of the tensors with their names, shapes and types, and of every other entry of the
metadata, so that nothing in the file can change behind it. Readers of LoRA files skip entries that they do not know.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from likeness.digests import canonical_json, sha256_bytes
from likeness.errors import InputError
from likeness.key_files import key_name, verified
from likeness.lora.safetensors_io import header_bytes, read_header

if TYPE_CHECKING:  # it imports cryptography.x509, and most readers of weights need no private key
    from likeness.marks.keys import SigningKey

STATEMENT, SIGNATURE = "likeness.statement", "likeness.signature"
PIECE_BYTES = 2**22


@dataclass(frozen=True, kw_only=True)
class Statement:
    """What a file's signature says. `problems` are empty where it holds; None of it is there in an unsigned file."""

    key: str
    says: Mapping[str, Any]
    problems: tuple[str, ...]


def sign_weights(source: Path, target: Path, says: Mapping[str, str], key: "SigningKey") -> None:
    """Write a signed copy of a .safetensors file; `says` joins the statement. Equal inputs give equal bytes.

    Raises:
        InputError: see `read_header`.
    """
    header = read_header(source)
    metadata = {name: text for name, text in header.metadata.items() if name not in (STATEMENT, SIGNATURE)}
    statement = {
        **says,
        "key": key.public.hex(),
        "tensors_sha256": _tensors_sha256(source),
        "metadata_sha256": _sha256(metadata),
    }
    text = canonical_json(statement)
    metadata |= {STATEMENT: text.decode(), SIGNATURE: key.private.sign(text).hex()}
    with source.open("rb") as data, target.open("wb") as out:
        out.write(header_bytes(metadata, header.entries))
        data.seek(header.start)
        while piece := data.read(PIECE_BYTES):
            out.write(piece)


def read_statement(path: Path) -> Statement | None:
    """The statement of a file and what of it does not hold; None where there is none.

    Raises:
        InputError: see `read_header`.
    """
    header = read_header(path)
    metadata = dict(header.metadata)
    if STATEMENT not in metadata and SIGNATURE not in metadata:
        return None
    text = metadata.pop(STATEMENT, "")
    try:
        says = json.loads(text)
        public, signature = bytes.fromhex(says["key"]), bytes.fromhex(metadata.pop(SIGNATURE, ""))
    except (ValueError, KeyError, TypeError, RecursionError):
        return Statement(key="?", says={}, problems=("the signed statement cannot be read",))
    if not verified(public, signature, text.encode()):
        wrong = "the signature is not that of the key it names"
        return Statement(key=key_name(public), says=says, problems=(wrong,))
    problems: list[str] = []
    if says.get("tensors_sha256") != _tensors_sha256(path):
        problems.append("the tensors are not those that were signed")
    with path.open("rb") as file:
        if file.read(header.start) != header_bytes(header.metadata, header.entries):
            problems.append("the header is not written as it was signed")
    if says.get("metadata_sha256") != _sha256(metadata):
        problems.append("the metadata are not those that were signed")
    return Statement(key=key_name(public), says=says, problems=tuple(problems))


def refuse_changed(path: Path) -> None:
    """Refuse weights that were changed after they were signed: a tool that merged another LoRA into them, or kept their metadata
    for other tensors, makes them somebody else's.

    Raises:
        InputError: `changed-after-signing`; see `read_header`.
    """
    statement = read_statement(path)
    if statement is not None and statement.problems:
        raise InputError(
            f"{path}: {'; '.join(statement.problems)}",
            reason="changed-after-signing",
            remedy="take the file as it was published",
            kind="refused",
        )


def _tensors_sha256(path: Path) -> str:
    """sha256 of the tensors' names, types, shapes and places, and of all bytes after the header."""
    header = read_header(path)
    digest = hashlib.sha256(canonical_json(dict(header.entries)))
    with path.open("rb") as file:
        file.seek(header.start)
        while piece := file.read(PIECE_BYTES):
            digest.update(piece)
    return digest.hexdigest()


def _sha256(metadata: Mapping[str, str]) -> str:
    return sha256_bytes(canonical_json(dict(metadata)))


def unsigned(path: Path) -> InputError:
    """The refusal of a file that would leave without a signature that holds."""
    return InputError(
        f"{path.name} would leave unsigned",
        reason="unmarked",
        remedy="run `likeness publish` again; report it if it stays so",
        kind="refused",
    )
