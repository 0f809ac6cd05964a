"""Words and phrases, ready to be found in a list of words."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cached_property

from likeness.safety.spelling import URDU_TYPED_AS_ARABIC, fold, split_words, without_accents

LATIN = re.compile(r"[a-z\u00df-\u024f]")

Phrase = tuple[str, ...]
RUN_TOGETHER_LETTERS = 8
"""Phrases of fewer letters, run together, may be another word."""


@dataclass(frozen=True, kw_only=True)
class Phrases:
    """Words and phrases to look for: `whole` ones, and those of which any ending is meant."""

    whole: Set[Phrase]
    begun: Set[Phrase]

    @cached_property
    def begins(self) -> Set[str]:
        """The first two letters of each."""
        return {phrase[0][:2] for phrase in self.whole | self.begun}

    @cached_property
    def longest(self) -> int:
        """Words of the one with most."""
        return max(map(len, self.whole | self.begun), default=0)

    @cached_property
    def longest_word(self) -> int:
        """Letters of the longest word in one of which any ending is meant."""
        return max((len(phrase[-1]) for phrase in self.begun), default=0)

    @cached_property
    def words(self) -> tuple[str, ...]:
        """Those of one word."""
        return tuple(phrase[0] for phrase in self.whole | self.begun if len(phrase) == 1)

    def length_at(self, words: Sequence[str], at: int) -> int:
        """How many words from `at` on are one of these, the most that are; 0: none."""
        if at >= len(words) or words[at][:2] not in self.begins:
            return 0
        for length in range(min(self.longest, len(words) - at), 0, -1):
            phrase = tuple(words[at : at + length])
            if phrase in self.whole or self._is_begun(phrase):
                return length
        return 0

    def ends_at(self, words: Sequence[str], end: int) -> bool:
        """Whether the words before `end` are one of these."""
        return any(tuple(words[end - n : end]) in self.whole for n in range(1, min(self.longest, end) + 1))

    def run_together(self) -> Iterator[str]:
        """The phrases of several words as one: birthdaysuit."""
        joined = ("".join(phrase) for phrase in self.whole | self.begun if len(phrase) > 1)
        return (word for word in joined if len(word) >= RUN_TOGETHER_LETTERS)

    def _is_begun(self, phrase: Phrase) -> bool:
        *before, last = phrase
        return any((*before, last[:n]) in self.begun for n in range(2, min(len(last), self.longest_word) + 1))


def phrases_of(listed: Iterable[str], look_alikes: Mapping[int, str]) -> Phrases:
    """Those of a list as words.yaml writes them, where a `*` at the end stands for any ending; and as they are without accents where
    no Latin word could be meant instead."""
    whole, begun = set[Phrase](), set[Phrase]()
    for text in listed:
        folded = fold(text)
        for written in (folded, *(() if text.isascii() or _latin(text) else _others(folded, look_alikes))):
            (begun if written.endswith("*") else whole).add(tuple(split_words(written)))
    return Phrases(whole=whole, begun=begun)


def _others(folded: str, look_alikes: Mapping[int, str]) -> Iterator[str]:
    """How a word of another script may be written: without accents, and with Latin letters among its own."""
    yield (bare := without_accents(folded))
    yield folded.translate(URDU_TYPED_AS_ARABIC)
    if not (mixed := bare.translate(look_alikes)).isascii():
        yield mixed


def _latin(text: str) -> bool:
    return LATIN.search(text) is not None
