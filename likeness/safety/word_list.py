"""The list of words.yaml, ready to be looked up: words and phrases of thirteen languages, and how they say an age under 18."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

from likeness.safety.spelling import fold, split_words, without_accents
from likeness.strict_yaml import read_yaml

Kind = Literal["child", "explicit", "ambiguous", "guarded"]

WORDS_FILE = Path(__file__).with_name("words.yaml")
AGE_KEYS = ("numbers", "tens", "years", "aged", "is", "bare years", "under")
LATIN = re.compile(r"[a-z\u00df-\u024f]")
# Scripts that put no spaces between words.
UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]")
HIRAGANA_TO_KATAKANA = {code: code + 0x60 for code in range(0x3041, 0x3097)}

Phrase = tuple[str, ...]


@dataclass
class Phrases:
    """Words and phrases to look for; a `*` at the end of one stands for any ending."""

    whole: set[Phrase] = field(default_factory=set[Phrase])
    begun: set[Phrase] = field(default_factory=set[Phrase])
    begins: set[str] = field(default_factory=set[str])
    longest: int = 0

    def add(self, text: str, look_alikes: Mapping[int, str]) -> None:
        """Add one as words.yaml writes it, and as it is without accents where no Latin word could be meant instead."""
        folded = fold(text)
        for written in (
            {folded} if text.isascii() or _latin(text) else {folded, *_others(folded, look_alikes)}
        ):
            phrase = tuple(split_words(written.rstrip("*")))
            (self.begun if written.endswith("*") else self.whole).add(phrase)
            self.begins.add(phrase[0][:2])
            self.longest = max(self.longest, len(phrase))

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

    def _is_begun(self, phrase: Phrase) -> bool:
        *before, last = phrase
        return any((*before, last[:n]) in self.begun for n in range(2, len(last) + 1))


@dataclass(frozen=True)
class Ages:
    """How an age under 18 is said, in all languages together: people mix them."""

    numbers: Phrases
    tens: Phrases
    years: Phrases
    aged: Phrases
    is_: Phrases
    bare_years: Phrases
    under: Phrases


@dataclass(frozen=True)
class Words:
    """words.yaml, ready to be looked up."""

    kinds: Mapping[Kind, Phrases]
    harmless: Phrases
    names: re.Pattern[str]
    ages: Ages
    unspaced: Mapping[Kind, re.Pattern[str]]
    unspaced_harmless: re.Pattern[str]
    inside: Mapping[str, Kind]
    harmless_inside: Phrases
    companions: frozenset[str]
    look_alikes: Mapping[int, str]


@cache
def word_list() -> Words:
    said: dict[str, Any] = dict(read_yaml(WORDS_FILE, remedy="install likeness again"))
    inside, harmless_inside, companions = (
        _list(said.pop(key)) for key in ("inside", "harmless inside", "companions")
    )
    shapes: dict[str, str] = said.pop("look-alikes")
    look_alikes = str.maketrans(
        {letter: latin for latin, letters in shapes.items() for letter in letters if letter != " "}
        # Emoji of letters: those of flags, and white on black.
        | {chr(first + n): chr(ord("a") + n) for first in (0x1F150, 0x1F170, 0x1F1E6) for n in range(26)}
    )
    languages: list[dict[str, str]] = list(said.values())
    every = {
        key: [word for language in languages for word in _list(language.get(key, ""))]
        for key in ("explicit", "ambiguous", "children", "guarded", "harmless", "names")
    }
    kinds: dict[Kind, list[str]] = {
        "child": [*every["children"], *(word for one in languages for word in _joined_ages(one))],
        "explicit": every["explicit"],
        "ambiguous": every["ambiguous"],
        "guarded": every["guarded"],
    }
    names = "|".join(every["names"])
    phrases: dict[Kind, Phrases] = {kind: _phrases(listed, look_alikes) for kind, listed in kinds.items()}
    return Words(
        kinds=phrases,
        harmless=_phrases(every["harmless"], look_alikes),
        # As a name: behind a word in small letters, or before a surname; not "Dick pic".
        names=re.compile(rf"(?<=[a-z,] )(?:{names})\b(?! pic)|\b(?:{names})(?= [A-Z][a-z])"),
        ages=Ages(
            *(
                _phrases(
                    (word for language in languages for word in _list(language.get(key, ""))), look_alikes
                )
                for key in AGE_KEYS
            )
        ),
        unspaced={
            kind: _unspaced_pattern([*listed, *(_unspaced_ages(languages) if kind == "child" else ())])
            for kind, listed in kinds.items()
        },
        unspaced_harmless=_unspaced_pattern(every["harmless"]),
        inside={word: "child" if phrases["child"].length_at([word], 0) else "explicit" for word in inside},
        harmless_inside=_phrases(harmless_inside, look_alikes),
        companions=frozenset(companions),
        look_alikes=look_alikes,
    )


def _joined_ages(language: Mapping[str, str]) -> Iterator[str]:
    """`sechzehnjährig*`, `sixteenyearsold`."""
    for number in _list(language.get("numbers", "")):
        for years in _list(language.get("years", "")):
            if len(years) > 2 and not UNSPACED.search(years):
                yield f"{number}{years}".replace(" ", "")


def _unspaced_ages(languages: Iterable[Mapping[str, str]]) -> Iterator[str]:
    """Patterns of 十六岁, not within 二十六岁."""
    for language in languages:
        numbers, tens = _list(language.get("numbers", "")), _list(language.get("tens", ""))
        if tens and UNSPACED.search(tens[0]):
            digits = "".join(sorted({*"".join(tens), *"".join(numbers), "百"}))
            minors = "|".join([*sorted(numbers, key=len, reverse=True), "1[0-7]", "[0-9]"])
            yield rf"(?<![{digits}\d])(?:{minors})(?:{'|'.join(_list(language['years']))})"


def _unspaced_pattern(listed: Iterable[str]) -> re.Pattern[str]:
    words = [word for word in listed if UNSPACED.search(word)]
    ordered = sorted((word.translate(HIRAGANA_TO_KATAKANA) for word in words), key=len, reverse=True)
    return re.compile("|".join(ordered) or r"(?!)")


def _phrases(listed: Iterable[str], look_alikes: Mapping[int, str]) -> Phrases:
    phrases = Phrases()
    for text in listed:
        phrases.add(text, look_alikes)
    return phrases


def _list(text: str) -> list[str]:
    return [word for part in text.split(",") if (word := part.strip())]


def _others(folded: str, look_alikes: Mapping[int, str]) -> Iterator[str]:
    """How a word of another script may be written: without accents, and with Latin letters among its own."""
    yield (bare := without_accents(folded))
    if not (mixed := bare.translate(look_alikes)).isascii():
        yield mixed


def _latin(text: str) -> bool:
    return LATIN.search(text) is not None
