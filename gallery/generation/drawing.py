"""What the worker needs: somebody who draws, and somebody who judges and marks."""

import uuid
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from likeness.config import Config
from likeness.images import RGB
from likeness.safety.consent import Consent

if TYPE_CHECKING:
    from likeness.enhance import Enhancer

STEP = 0.05
"""How much the strength of "more like this" differs from one picture to the next: the seed stays."""


@dataclass(frozen=True, kw_only=True)
class Shot:
    """One picture to draw."""

    weights: Path
    prompt: str
    negative: str
    seed: int
    strength: float
    aspect: str


@dataclass(frozen=True, kw_only=True)
class Finished:
    """A picture that passed and carries its marks: the PNG, a small JPEG, what was measured. `pdq`: 256 zeros and ones."""

    png: bytes
    thumbnail: bytes
    width: int
    height: int
    likeness: float | None
    pdq: str


class Drawer(Protocol):
    """Draws; keeps its model open from one picture to the next.

    Raises:
        InputError: this picture cannot be drawn, however often it is tried.
        ProviderError: another time it may go.
    """

    def draw(self, shot: Shot) -> RGB: ...

    def enlarge(self, rgb: RGB) -> RGB: ...


class Enlarging:
    """Enlarges by the provider of conf/enhance/."""

    config: Config

    @cached_property
    def enhancer(self) -> "Enhancer":
        """The provider, built once."""
        return self.config.enhance.built()

    def enlarge(self, rgb: RGB) -> RGB:
        """The picture with more pixels."""
        return self.enhancer.enhance(rgb, item="gallery").rgb


class Finisher(Protocol):
    """Judges a drawn picture and marks it.

    Raises:
        InputError: it is refused.
    """

    def finish(self, rgb: RGB, consent: Consent, picture_id: uuid.UUID, weights_sha256: str) -> Finished: ...


def varied(seed: int, strength: float, index: int, *, like: bool) -> tuple[int, float]:
    """Seed and strength of the picture of this number: other seeds, or the same seed a little stronger and weaker."""
    if not like:
        return seed + index, strength
    steps = (index // 2 + 1) * (1 if index % 2 == 0 else -1)
    return seed, round(strength + STEP * steps, 4)
