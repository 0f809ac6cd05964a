"""What was measured on pictures, remembered by their bytes: the doors ask the same of the same picture.

The dataset stage measures a training image; training's door and publication take its figures, where the bytes are the same.
Such a record opens doors, so it counts only with this machine's own signature over it, under the key of this user's settings
(team_keys.py): one that came with a checkout, from a team's store or from a hand is measured anew.
"""

import json
from collections.abc import Mapping
from typing import cast

from likeness.digests import sha256_bytes
from likeness.images import decode_rgb
from likeness.safety.embedder import EmbedderConfig
from likeness.safety.pictures import PictureGate, models
from likeness.store.items import ItemStore, Json
from likeness.store.keys import item_key
from likeness.team_keys import TeamKeys

VERSION = 2
"""Raised whenever the same pixels would be remembered otherwise."""


class Measurements:
    """Measures pictures for the doors by `gate`, each once; `store` is this machine's, never a team's."""

    def __init__(self, gate: PictureGate, store: ItemStore, embedder: EmbedderConfig | None = None) -> None:
        self._gate, self._store, self._models = gate, store, models(embedder)
        self._keys = TeamKeys("measurement of a picture")

    def of(self, data: bytes, *, name: str) -> Mapping[str, Json]:
        """What `PictureGate.measure` gives for a picture's bytes.

        Raises:
            InputError: it cannot be read or rated.
        """
        key = item_key("gate.picture", VERSION, {"models": self._models}, [sha256_bytes(data)])
        if (item := self._store.get(key)) is not None and self._is_ours(key, item.record):
            self._store.touch(item)
            return item.record["seen"]
        # As a record gives it back: a number is the same whether it was measured or remembered.
        seen = json.loads(json.dumps(self._gate.measure(decode_rgb(data, name=name))))
        self._store.put(key, {}, {"seen": seen, "seal": self._keys.sign(_sealed(key, seen))})
        return seen

    def _is_ours(self, key: str, record: Mapping[str, Json]) -> bool:
        seal: Json = record.get("seal")
        if not isinstance(seal, dict) or cast("dict[str, Json]", seal).get("key") != self._keys.public:
            return False
        return self._keys.signer(_sealed(key, record.get("seen")), seal) is not None  # pyright: ignore[reportUnknownArgumentType]


def _sealed(key: str, seen: Json) -> bytes:
    return f"{key}\n{json.dumps(seen, sort_keys=True)}".encode()
