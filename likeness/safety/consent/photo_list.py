"""The photographs of a record, found by name or by bytes without a look at each: a list may have 10,000."""

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from likeness.paths import same_name

if TYPE_CHECKING:
    from likeness.safety.consent.parts import Photo

P = TypeVar("P", bound="Photo")


class PhotoList(dict[str, P]):
    """Photographs by the names of their files. Once it is made, nothing is put into it or taken out."""

    @cached_property
    def _by_name(self) -> dict[str, P]:
        # Of equal names, and of equal bytes, the first counts.
        return {same_name(name): photo for name, photo in reversed(self.items())}

    @cached_property
    def _by_digest(self) -> dict[str, P]:
        return {photo.sha256: photo for photo in reversed(self.values())}

    def named(self, file_name: str) -> P | None:
        """The photograph of this name, whatever its bytes are."""
        return self._by_name.get(same_name(file_name))

    def exactly(self, file_name: str, sha256: str) -> P | None:
        """The line of exactly these bytes, whatever they are called; none where their name stands for other bytes."""
        named = self.named(file_name)
        if named is not None:
            return named if named.sha256 == sha256 else None
        return self._by_digest.get(sha256)


def photo_list(photos: Mapping[str, P]) -> PhotoList[P]:
    """The list itself, or one made of a mapping."""
    return photos if isinstance(photos, PhotoList) else PhotoList(photos)
