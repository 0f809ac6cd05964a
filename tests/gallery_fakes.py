"""What a gallery of tests has instead of consent records, a model and marks."""

import datetime
import uuid
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np

from gallery.generation.drawing import Finished, Shot
from gallery.tables import Person
from likeness.errors import ConsentError
from likeness.images import RGB


@dataclass
class FakeRecords:
    """Consent records that hold until they are ended; `lapsed` says why others do not hold just now."""

    ended: set[str] = field(default_factory=set)
    lapsed: dict[str, str] = field(default_factory=dict)
    asked: int = 0

    def in_force(self, person: Person) -> Any:
        self.asked += 1
        if person.consent_id in self.ended:
            raise ConsentError(f"{person.name}: ended", reason="consent-revoked")
        if person.consent_id in self.lapsed:
            raise ConsentError(f"{person.name}: lapsed", reason=self.lapsed[person.consent_id])
        return SimpleNamespace(id=person.consent_id, persona=person.name, scope=("generate",))

    def revoke(self, person: Person, day: datetime.date) -> None:
        self.ended.add(person.consent_id)


@dataclass
class FakeDrawer:
    """Draws a flat picture of the seed, and remembers what it drew; `before` may do or raise something first."""

    shots: list[Shot] = field(default_factory=list)
    before: Any = None

    def draw(self, shot: Shot) -> RGB:
        if self.before is not None:
            self.before(shot)
        self.shots.append(shot)
        return np.full((8, 8, 3), shot.seed % 251, np.uint8)

    def enlarge(self, rgb: RGB) -> RGB:
        return np.repeat(np.repeat(rgb, 2, 0), 2, 1)


class FakeFinisher:
    """Marks nothing and refuses what `refuses` says."""

    refuses: Any = None

    def finish(self, rgb: RGB, consent: Any, picture_id: uuid.UUID, weights_sha256: str) -> Finished:
        from likeness.images import encode_png

        if self.refuses is not None:
            self.refuses(rgb)
        digest = int.from_bytes(np.random.default_rng(int(rgb[0, 0, 0])).bytes(32), "big")
        return Finished(png=encode_png(rgb), thumbnail=b"\xff\xd8\xff small", width=rgb.shape[1], height=rgb.shape[0],
                        likeness=0.7, pdq=f"{digest:0256b}")  # fmt: skip
