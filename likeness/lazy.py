"""Sequences for what a stage knows of each of its images: made on demand, or in a file, so that memory does not grow with images."""

import os
import pickle
import tempfile
import weakref
from array import array
from bisect import bisect_left
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Generic, TypeVar, overload

from likeness.disk import writing

_T = TypeVar("_T")

# Where a Spool lies unless TMPDIR says otherwise: /tmp is memory on many systems, this is not.
ON_DISK = "/var/tmp"


class Lazy(Sequence[_T], Generic[_T]):
    """`make(0)` to `make(count - 1)`; the last one asked for is kept."""

    def __init__(self, count: int, make: Callable[[int], _T]) -> None:
        self._count, self._make = count, make
        self._last: tuple[int, _T] | None = None

    def __len__(self) -> int:
        return self._count

    def _element(self, number: int) -> _T:
        return self._make(number)

    @overload
    def __getitem__(self, index: int) -> _T: ...
    @overload
    def __getitem__(self, index: slice) -> "Lazy[_T]": ...
    def __getitem__(self, index: "int | slice") -> "_T | Lazy[_T]":
        places = range(len(self))[index]
        if isinstance(places, range):
            return chosen(self, places)
        if (last := self._last) is None or last[0] != places:
            self._last = last = (places, self._element(places))
        return last[1]

    def __iter__(self) -> Iterator[_T]:
        # Sequence's own takes an IndexError of `make` for the end.
        for number in range(len(self)):
            yield self[number]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)  # pyright: ignore[reportUnknownArgumentType]

    __hash__ = None  # pyright: ignore[reportAssignmentType]  (as a list's)


def chosen(elements: Sequence[_T], numbers: Sequence[int]) -> Lazy[_T]:
    """Those of these numbers, in their order."""
    return Lazy(len(numbers), lambda at: elements[numbers[at]])


def those(elements: Sequence[_T], wanted: Callable[[_T], object]) -> Lazy[_T]:
    """Those of which that is true, at eight bytes of memory each."""
    return chosen(elements, array("q", (number for number, one in enumerate(elements) if wanted(one))))


def joined(first: Sequence[_T], second: Sequence[_T]) -> Sequence[_T]:
    """Those of the one, then those of the other."""
    if not second:
        return first
    border = len(first)
    return Lazy(border + len(second), lambda at: first[at] if at < border else second[at - border])


class Spool(Lazy[_T]):
    """A list in a file without a name, eight bytes of memory an element. Nobody else sees or changes the file, and it goes with this
    object, or with the process."""

    def __init__(self, elements: Iterable[_T] = ()) -> None:
        self._last = None
        self._ends = array("q", [0])
        self._file: int | None = None
        folders = (one for one in (os.environ.get("TMPDIR"), ON_DISK) if one and os.access(one, os.W_OK))
        self._folder = next(folders, None)
        for element in elements:
            self.append(element)

    def append(self, element: _T) -> None:
        """Add one element.

        Raises:
            DiskError: the disk does not take it.
        """
        left, end = memoryview(pickle.dumps(element, pickle.HIGHEST_PROTOCOL)), self._ends[-1]
        with writing(Path(self._folder or tempfile.gettempdir()), len(left)):
            if self._file is None:  # most lists of failures are empty
                with tempfile.TemporaryFile(dir=self._folder) as file:
                    self._file = os.dup(file.fileno())
                weakref.finalize(self, os.close, self._file)
            while left:
                written = os.pwrite(self._file, left, end)
                left, end = left[written:], end + written
        self._ends.append(end)

    def __len__(self) -> int:
        return len(self._ends) - 1

    def _element(self, number: int) -> _T:
        assert self._file is not None
        begin, end = self._ends[number], self._ends[number + 1]
        return pickle.loads(os.pread(self._file, end - begin, begin))


class Index(Generic[_T]):
    """Finds elements by what is said of them, at sixteen bytes an element: a dictionary of texts takes two hundred."""

    def __init__(self, elements: Sequence[_T], said: Callable[[_T], Hashable]) -> None:
        self._elements, self._said = elements, said
        hashes = array("q", (hash(said(element)) for element in elements))
        self._numbers = array("q", sorted(range(len(hashes)), key=hashes.__getitem__))
        self._hashes = array("q", (hashes[number] for number in self._numbers))

    def number(self, wanted: Hashable) -> int | None:
        """The number of the element of which this is said, None where there is none; of several the last, as a dictionary has it."""
        found, wanted_hash = None, hash(wanted)
        at = bisect_left(self._hashes, wanted_hash)
        while at < len(self._hashes) and self._hashes[at] == wanted_hash:
            if self._said(self._elements[self._numbers[at]]) == wanted:
                found = self._numbers[at]
            at += 1
        return found

    def get(self, wanted: Hashable) -> _T | None:
        """The element itself."""
        return None if (number := self.number(wanted)) is None else self._elements[number]


class ByName(Mapping[str, _T], Generic[_T]):
    """Elements by their names, at the memory of an Index."""

    def __init__(self, elements: Sequence[_T], name: Callable[[_T], str]) -> None:
        self._elements, self._name, self._index = elements, name, Index(elements, name)

    def __getitem__(self, name: str) -> _T:
        if (number := self._index.number(name)) is None:
            raise KeyError(name)
        return self._elements[number]

    def __iter__(self) -> Iterator[str]:
        return map(self._name, self._elements)

    def __len__(self) -> int:
        return len(self._elements)


class LazyMap(Mapping[str, _T], Generic[_T]):
    """What `make` gives for each of the names; the last one asked for is kept."""

    def __init__(self, names: Collection[str], make: Callable[[str], _T]) -> None:
        self._names, self._make = names, make
        self._last: tuple[str, _T] | None = None

    def __getitem__(self, name: str) -> _T:
        if (last := self._last) is None or last[0] != name:
            if name not in self._names:
                raise KeyError(name)
            self._last = last = (name, self._make(name))
        return last[1]

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)
