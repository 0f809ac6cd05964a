"""Words and phrases, ready to be found in a list of words."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

from likeness.safety.spelling import URDU_TYPED_AS_ARABIC, fold, parted, together, without_accents

LATIN = re.compile(r"[a-z\u00df-\u024f]")

Phrase = tuple[str, ...]
RUN_TOGETHER_LETTERS = 8
"""Phrases of fewer letters, run together, may be another word."""


@dataclass(frozen=True, kw_only=True)
class _SameBegin:
    """Phrases whose first words begin with the same two letters."""

    whole: Set[Phrase]
    begun: Set[Phrase]
    longest: int
    """Words of the one with most."""
    longest_word: int
    """Letters of the longest word in one of which any ending is meant."""

    def has(self, phrase: Phrase) -> bool:
        """Whether it is one of them, whole or with another ending."""
        if phrase in self.whole:
            return True
        *before, last = phrase
        return any((*before, last[:n]) in self.begun for n in range(2, min(len(last), self.longest_word) + 1))


@dataclass(frozen=True, kw_only=True)
class Phrases:
    """Words and phrases to look for: `whole` ones, and those of which any ending is meant; spaces part the words of one. They are
    made ready by their first two letters, when a text has these: few of ten thousand are ever compared."""

    whole: Sequence[str]
    begun: Sequence[str]

    @cached_property
    def words(self) -> tuple[str, ...]:
        """Those of one word."""
        return tuple(one for one in map(str.strip, chain(self.whole, self.begun)) if " " not in one)

    def length_at(self, words: Sequence[str], at: int) -> int:
        """How many words from `at` on are one of these, the most that are; 0: none."""
        if at >= len(words) or (listed := self._of(words[at][:2])) is None:
            return 0
        for length in range(min(listed.longest, len(words) - at), 0, -1):
            if listed.has(tuple(words[at : at + length])):
                return length
        return 0

    def ends_at(self, words: Sequence[str], end: int) -> bool:
        """Whether the words before `end` are one of these."""
        return any(
            (listed := self._of(words[at][:2])) is not None and tuple(words[at:end]) in listed.whole
            for at in range(max(0, end - self._most_words), end)
        )

    def run_together(self) -> Iterator[str]:
        """The phrases of several words as one: birthdaysuit."""
        listed = [one for one in map(str.strip, chain(self.whole, self.begun)) if " " in one]
        joined = together(lambda text: text.replace(" ", ""), listed)
        return (word for word in joined if len(word) >= RUN_TOGETHER_LETTERS)

    @cached_property
    def _most_words(self) -> int:
        """Words of the longest whole one, at most."""
        return 1 + max((line.strip().count(" ") for line in self.whole), default=0)

    @cached_property
    def _by_begin(self) -> Mapping[str, tuple[list[str], list[str]]]:
        found: dict[str, tuple[list[str], list[str]]] = {}
        for number, lines in enumerate((self.whole, self.begun)):
            for line in map(str.strip, lines):
                found.setdefault(line[:2].rstrip(), ([], []))[number].append(line)
        return found

    @cached_property
    def _ready(self) -> dict[str, _SameBegin]:
        return {}

    def _of(self, begin: str) -> _SameBegin | None:
        """Those that begin with these two letters."""
        if begin not in self._ready and (lines := self._by_begin.get(begin)):
            whole, begun = ({tuple(line.split()) for line in some} for some in lines)
            self._ready[begin] = _SameBegin(
                whole=whole,
                begun=begun,
                longest=max(map(len, chain(whole, begun))),
                longest_word=max((len(phrase[-1]) for phrase in begun), default=0),
            )
        return self._ready.get(begin)


def phrases_of(listed: Iterable[str], look_alikes: Mapping[int, str]) -> Phrases:
    """Those of a list as words.yaml writes them, where a `*` at the end stands for any ending; and as they are without accents where
    no Latin word could be meant instead."""
    plain, others = list[str](), list[str]()
    for text in listed:
        (plain if text.isascii() else others).append(text)
    folded = list(map(fold, others))
    scripts = [written for text, written in zip(others, folded, strict=True) if not _latin(text)]
    whole, begun = list[str](), list[str]()
    for forms in (together(fold, plain), {*folded, *_others(scripts, look_alikes)}):
        whole += together(parted, [form for form in forms if not form.endswith("*")])
        begun += together(parted, [form for form in forms if form.endswith("*")])
    return Phrases(whole=whole, begun=begun)


def _others(folded: Sequence[str], look_alikes: Mapping[int, str]) -> list[str]:
    """How words of another script may be written: without accents, and with Latin letters among their own."""
    bare = list(map(without_accents, folded))
    mixed = together(lambda text: text.translate(look_alikes), bare)
    typed = together(lambda text: text.translate(URDU_TYPED_AS_ARABIC), folded)
    return [*bare, *typed, *(one for one in mixed if not one.isascii())]


def _latin(text: str) -> bool:
    return LATIN.search(text) is not None
