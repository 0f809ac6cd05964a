"""A sequence that makes its elements on demand: a stage keeps what it knows of each image as a line of text."""

from collections.abc import Callable, Iterator, Sequence
from typing import Generic, TypeVar, overload

_T = TypeVar("_T")


class Lazy(Sequence[_T], Generic[_T]):
    """`make(0)` to `make(count - 1)`; the last one asked for is kept."""

    def __init__(self, count: int, make: Callable[[int], _T]) -> None:
        self._count, self._make = count, make
        self._last: tuple[int, _T] | None = None

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> _T: ...
    @overload
    def __getitem__(self, index: slice) -> "Lazy[_T]": ...
    def __getitem__(self, index: "int | slice") -> "_T | Lazy[_T]":
        places = range(self._count)[index]
        if isinstance(places, range):
            return Lazy(len(places), lambda number: self[places[number]])
        if (last := self._last) is None or last[0] != places:
            self._last = last = (places, self._make(places))
        return last[1]

    def __iter__(self) -> Iterator[_T]:
        # Sequence's own takes an IndexError of `make` for the end.
        for number in range(self._count):
            yield self[number]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)  # pyright: ignore[reportUnknownArgumentType]

    __hash__ = None  # pyright: ignore[reportAssignmentType]  (as a list's)
