# pyright: basic
# c2pa's classes are typed loosely.
"""C2PA: a signed statement inside a file about how it came to be.

Source: C2PA Technical Specification 2.4 (read 2026-11); c2pa-python 0.38.1. The reader fetches nothing: whatever a file
names on a network stays where it is.
"""

import io
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, BinaryIO

import c2pa
from cryptography.x509 import load_pem_x509_certificates

import likeness
from likeness.errors import InputError
from likeness.marks.keys import SigningKey
from likeness.marks.xmp import SourceType

ZIP = "zip"
SOFT_BINDING = "org.likeness.rivagan32"
"""The algorithm's name: C2PA's list of soft bindings has none for RivaGAN."""

PUBLICATION = "org.likeness.publication"
UNTRUSTED = "signingCredential.untrusted"
SPEC_VERSION = "2.4"
MARK = re.compile(r"[0-9a-f]{8}")
MAX_MANIFEST_JSON = 16 * 2**20


@dataclass(frozen=True, kw_only=True)
class Ingredient:
    """What a picture was made from: its name, its file and whether it is the picture itself before the edit."""

    title: str
    mime: str
    data: bytes
    parent: bool


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What is stated: `of` is the sha256 of the file that was marked, `sources` those of what it came from."""

    title: str
    code: SourceType
    publication: dict[str, Any]
    mark: str | None = None
    ingredients: Sequence[Ingredient] = ()


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a file states. `problems` are C2PA's codes of what does not hold; `key` is the public key of the signer, in hex.

    That a certificate is on nobody's list of trusted ones is no problem here: whose a key is, the registry says.
    """

    valid: bool
    problems: tuple[str, ...]
    signer: str
    source_type: str | None
    mark: str | None
    publication: dict[str, Any]


def sign(data: bytes, mime: str, claim: Claim, key: SigningKey) -> bytes:
    """As `sign_stream`, of a file's bytes."""
    out = io.BytesIO()
    sign_stream(io.BytesIO(data), out, mime, claim, key)
    return out.getvalue()


def sign_stream(source: BinaryIO, out: BinaryIO, mime: str, claim: Claim, key: SigningKey) -> None:
    """Write the same file with a signed statement in it; `out` is read, too. Whatever is written to it afterwards breaks the
    signature.

    Raises:
        InputError: `not-signable`, C2PA's library cannot write to this file.
    """
    try:
        builder = c2pa.Builder(json.dumps(_manifest(claim)), _context())
        for number, one in enumerate(claim.ingredients):
            relation = "parentOf" if one.parent else "componentOf"
            described = {"title": one.title, "relationship": relation, "label": f"i{number}"}
            builder.add_ingredient(json.dumps(described), one.mime, io.BytesIO(one.data))
        # By a callback: the library is never given the key, which a token would not give.
        signer = c2pa.Signer.from_callback(key.private.sign, c2pa.C2paSigningAlg.ED25519, key.chain.decode())
        builder.sign(signer, mime, source, out)
    except c2pa.C2paError as error:
        raise InputError(
            f"{claim.title} cannot be signed: {error}",
            reason="not-signable",
            remedy="check the file and marks.certificate_file",
        ) from error


def read(data: bytes | BinaryIO, mime: str) -> Found | None:
    """The statement in a file or its bytes; None where there is none. One that cannot be read is a problem, not an error."""
    try:
        file = io.BytesIO(data) if isinstance(data, bytes) else data
        text = c2pa.Reader(mime, file, context=_context()).json()
    except c2pa.C2paError as error:
        if "ManifestNotFound" in type(error).__name__ or not data:
            return None
        return _unreadable(str(error)[:200])
    if len(text) > MAX_MANIFEST_JSON:
        return _unreadable("the statement is too large")
    try:
        return _found(json.loads(text))
    except (LookupError, TypeError, AttributeError, ValueError, RecursionError) as error:
        return _unreadable(f"the statement does not read: {type(error).__name__}")


def _manifest(claim: Claim) -> dict[str, Any]:
    """`c2pa.created` for what was drawn; `c2pa.opened` and `c2pa.edited` for what was made of something else."""
    edited = {"action": "c2pa.edited", "digitalSourceType": claim.code.uri}
    if any(one.parent for one in claim.ingredients):
        opened = {"action": "c2pa.opened", "parameters": {"ingredientIds": ["i0"]}}
        actions = [opened, edited]
        if others := [f"i{n}" for n, one in enumerate(claim.ingredients) if not one.parent]:
            actions.insert(1, {"action": "c2pa.placed", "parameters": {"ingredientIds": others}})
    else:
        actions = [{"action": "c2pa.created", "digitalSourceType": claim.code.uri}]
    if claim.mark is not None:
        actions.append({"action": "c2pa.watermarked.bound"})
    assertions = [
        # `edited` stands for what the stages did: not each of their steps is an action of its own.
        {"label": "c2pa.actions.v2", "data": {"actions": actions, "allActionsIncluded": False}},
        {"label": PUBLICATION, "data": claim.publication},
    ]
    if claim.mark is not None:
        binding = {"alg": SOFT_BINDING, "blocks": [{"scope": {}, "value": claim.mark}]}
        assertions.append({"label": "c2pa.soft-binding", "data": binding})
    return {
        "claim_generator_info": [
            {"name": "likeness", "version": likeness.__version__, "specVersion": SPEC_VERSION}
        ],
        "title": claim.title,
        # What this program itself states, not what it was told.
        "assertions": [{**one, "created": True} for one in assertions],
    }


def _found(store: dict[str, Any]) -> Found:
    manifest = store["manifests"][store["active_manifest"]]
    by_label = {one["label"]: one["data"] for one in manifest.get("assertions", [])}
    codes = [one["code"] for one in store.get("validation_status", [])]
    problems = tuple(dict.fromkeys(code for code in codes if code != UNTRUSTED))
    if not problems and store.get("validation_state") not in ("Valid", "Trusted"):
        problems = ("invalid",)
    actions = by_label.get("c2pa.actions.v2", by_label.get("c2pa.actions", {})).get("actions", [])
    types = [one["digitalSourceType"] for one in actions if "digitalSourceType" in one]
    binding = by_label.get("c2pa.soft-binding", {})
    mark = binding["blocks"][0]["value"] if binding.get("alg") == SOFT_BINDING else None
    said, publication = manifest.get("signature_info", {}), by_label.get(PUBLICATION, {})
    if not isinstance(publication, dict) or not (mark is None or MARK.fullmatch(mark)):
        raise ValueError("a mark is 8 digits")  # anybody can sign what they like
    if not all(isinstance(one, str) for one in types):
        raise TypeError("a source type is a text")
    return Found(
        valid=not problems,
        problems=problems,
        signer=f"{said.get('common_name') or '?'} ({said.get('issuer') or '?'}, serial {said.get('cert_serial_number') or '?'})",
        source_type=types[-1] if types else None,
        mark=mark,
        publication=publication,
    )


def serial_of(key: SigningKey) -> str:
    """The serial number of the key's certificate: what `Found.signer` ends with."""
    return str(load_pem_x509_certificates(key.chain)[0].serial_number)


def _unreadable(why: str) -> Found:
    return Found(valid=False, problems=(why,), signer="?", source_type=None, mark=None, publication={})


@cache
def _context() -> Any:
    settings = {
        "version": 1,
        "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False},
        "builder": {"thumbnail": {"enabled": False}},
    }
    return c2pa.Context(c2pa.Settings.from_dict(settings))
