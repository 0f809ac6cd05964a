"""Where a store keeps things, and how the record of an item reads."""

import json
from typing import Any, cast

from likeness.digests import SHA256_HEX


def object_name(digest: str) -> str:
    """Where the bytes of a sha256 lie in a store."""
    return f"objects/{digest[:2]}/{digest[2:]}"


def record_name(key: str) -> str:
    """Where the record of a key lies in a store."""
    return f"records/{key[:2]}/{key[2:]}.json"


def parse_record(described: bytes) -> tuple[dict[str, str], dict[str, Any]]:
    """({file name: sha256}, record) of a record's bytes; whoever reads a shared one has asked `signed_record` first.

    Raises:
        ValueError: it is no record.
    """
    try:
        parsed: object = json.loads(described)
    except RecursionError:
        raise ValueError("no record") from None
    whole = cast("dict[str, Any]", parsed) if isinstance(parsed, dict) else {}
    files, record = whole.get("files"), whole.get("record")
    if not isinstance(files, dict) or not isinstance(record, dict):
        raise ValueError("no record")
    hashes = cast("dict[str, str]", files)
    if not all(SHA256_HEX.fullmatch(str(digest)) for digest in hashes.values()):
        raise ValueError("no digest")
    return hashes, cast("dict[str, Any]", record)


def parse_personas(described: bytes) -> frozenset[str]:
    """For whom an item was made or used, by a record's bytes; nobody in records of earlier versions."""
    parsed: object = json.loads(described)
    names: Any = cast("dict[str, Any]", parsed).get("personas") if isinstance(parsed, dict) else None
    return frozenset(map(str, cast("list[Any]", names))) if isinstance(names, list) else frozenset[str]()
