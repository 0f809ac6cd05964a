"""The key of an item: a digest of all that decides its content, which knows what it was made of."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Self

from likeness.digests import sha256_bytes


class ItemKey(str):
    """A key that knows what it was made of, so that the item's record can say it."""

    _made_of: bytes

    def __new__(cls, made_of: dict[str, Any]) -> Self:
        """The hex sha256 of what it was made of."""
        text = json.dumps(made_of, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
        key = super().__new__(cls, sha256_bytes(text))
        key._made_of = text
        return key

    @property
    def made_of(self) -> dict[str, Any]:
        """Operation, version, settings and inputs."""
        return json.loads(self._made_of)

    def __reduce__(self) -> tuple[type[Self], tuple[dict[str, Any]]]:
        """A copy is made of the same."""
        return type(self), (self.made_of,)


def item_key(operation: str, version: int, settings: Mapping[str, Any], inputs: Sequence[str]) -> ItemKey:
    """Key of the item that `operation` at `version` makes of `inputs` (sha256 digests) under `settings`."""
    return ItemKey({"operation": operation, "version": version, "settings": settings, "inputs": list(inputs)})
