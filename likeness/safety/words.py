"""Words that no caption, prompt, trigger or class word may hold: explicit ones, words for children, ages under 18.

A tripwire, in the eleven languages of words.yaml: it has gaps, and what decides is the picture (rating.py, age.py). A text is
read in several ways, so that a word is found in whatever disguise: NFKC, without invisible characters and accents, in
look-alike letters, with digits for letters, spelled out letter by letter, joined by hyphens, with letters repeated or starred.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any, Literal, get_args

from likeness.safety.floors import ADULT_YEARS
from likeness.strict_yaml import read_yaml

Kind = Literal["child", "explicit", "ambiguous", "guarded"]

WORDS_FILE = Path(__file__).with_name("words.yaml")
STRICT_LETTERS = 4
"""A trigger may hold no listed word of so many letters, wherever in it: nobody reads a trigger as prose."""

# Digits and signs for letters; a 1 is an i or an l.
LEET = {
    "0": "o",
    "3": "e",
    "4": "a",
    "5": "s",
    "7": "t",
    "8": "b",
    "9": "g",
    "@": "a",
    "$": "s",
    "€": "e",
    "+": "t",
}
LEET_READINGS = tuple(str.maketrans(LEET | dict.fromkeys("1!|", letter)) for letter in "il")
LEET_WORD = re.compile(r"[^\W_]*(?:[0-9@$€+]|(?<=\w)[!|](?=\w))[\w@$€+]*(?:[!|](?=\w)[\w@$€+]*)*")
LETTERS_APART = re.compile(r"(?:(?<!\S)\S(?:\s+|$)){3,}")
APART = re.compile(r"[\W_]+")
REPEATED = re.compile(r"(.)\1{2,}")
NUMBER_OR_WORD = re.compile(r"\d+|[^\d]+")
AGE_16Y = re.compile(r"(?<=^\d\d)y$|(?<=^\d)y$")
CLAUSE_END = re.compile(r"[,;.!?()]+(?=\s|$)|\(")
ASCII_WORD = re.compile(r"[a-z0-9]+")
CAPITAL_I = re.compile(r"(?<=[a-z])I|I(?=[a-z])")
STARRED = re.compile(r"(?<=\w)[*#]+(?=\w)")
# Nothing is seen of these, though Unicode does not call them format characters.
INVISIBLE = "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0"
HIRAGANA_TO_KATAKANA = {code: code + 0x60 for code in range(0x3041, 0x3097)}
# Scripts that put no spaces between words.
LATIN = re.compile(r"[a-z\u00df-\u024f]")
UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]")
ARABIC_PREFIX = re.compile(r"^[وف]?[بكل]?(?:ال)?(?=..)")
AGE_KEYS = ("numbers", "tens", "years", "aged", "is", "bare years", "under")
CLAUSE = "|"
"""Stands in a list of words for the end of a clause."""


@dataclass(frozen=True)
class Finding:
    """A word in a text, as the text has it, and what it is."""

    kind: Kind
    word: str


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
        folded = _fold(text)
        for written in (
            {folded} if text.isascii() or _latin(text) else {folded, *_others(folded, look_alikes)}
        ):
            phrase = tuple(_split(written.rstrip("*")))
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


def find(text: str, *, strict: bool = False) -> list[Finding]:
    """Every such word of a text, children's first; `strict` looks inside words too, as for a trigger."""
    words = _words()
    found: dict[Finding, None] = {}
    plain = words.names.sub(" ", unicodedata.normalize("NFKC", text))
    # A capital I looks like an l among small letters.
    readings = chain.from_iterable(_readings(words, _fold(one)) for one in {plain, CAPITAL_I.sub("l", plain)})
    for reading in dict.fromkeys(readings):
        listed = _tokens(reading)
        for finding in (*_listed(words, listed), *_joined(words, reading), *_ages(words.ages, listed)):
            found[finding] = None
        if strict:
            found |= dict.fromkeys(_anywhere(words, "".join(_split(reading))))
    found |= dict.fromkeys(_unspaced(words, _fold(plain)))
    return sorted(found, key=lambda finding: get_args(Kind).index(finding.kind))


def _listed(words: Words, listed: Sequence[str]) -> Iterator[Finding]:
    """Words and phrases of the lists."""
    judged = _without_harmless(words, listed)
    for at in range(len(judged)):
        for kind, phrases in words.kinds.items():
            if length := phrases.length_at(judged, at):
                yield Finding(kind, " ".join(judged[at : at + length]))


def _without_harmless(words: Words, listed: Sequence[str]) -> list[str]:
    """The words with each harmless phrase as an end of a clause."""
    judged, at = list[str](), 0
    while at < len(listed):
        length = words.harmless.length_at(listed, at)
        judged.append(CLAUSE if length else listed[at])
        at += length or 1
    return judged


def _joined(words: Words, reading: str) -> Iterator[Finding]:
    """Words within words, words that hyphens or dots part, words spelled letter by letter, repeated and starred letters."""
    # What stands in a harmless phrase is not looked into.
    candidates = dict.fromkeys(_without_harmless(words, _tokens(reading)))
    for chunk in reading.split():
        parts = _split(chunk)
        if len(parts) > 1 and all(part in candidates for part in parts):
            candidates["".join(parts)] = None
        if STARRED.search(chunk):
            yield from _starred(words, chunk)
    for run in LETTERS_APART.findall(APART.sub(" ", reading)):
        candidates["".join(run.split())] = None
    for word in candidates:
        yield from _within(words, word)
        if REPEATED.search(word):
            yield from _within(words, REPEATED.sub(r"\1", word))
            yield from _within(words, REPEATED.sub(r"\1\1", word))
        if word != (bare := ARABIC_PREFIX.sub("", word)):
            yield from _is_listed(words, bare)


def _within(words: Words, word: str) -> Iterator[Finding]:
    if words.harmless.length_at([word], 0) or words.harmless_inside.length_at([word], 0):
        return
    known = list(_is_listed(words, word))
    yield from known
    if known:
        return
    for inner, kind in words.inside.items():
        if inner in word:
            yield Finding(kind, inner)
    for cut in range(2, len(word) - 1):
        for part, other in ((word[:cut], word[cut:]), (word[cut:], word[:cut])):
            if other in words.companions:
                yield from _is_listed(words, part)


def _is_listed(words: Words, word: str) -> Iterator[Finding]:
    for kind, phrases in words.kinds.items():
        if phrases.length_at([word], 0):
            yield Finding(kind, word)


def _starred(words: Words, chunk: str) -> Iterator[Finding]:
    """`f*ck`: a star for one or more letters."""
    pattern = re.compile("[^ ]{1,3}".join(map(re.escape, STARRED.split(chunk.strip(",;:.!?()\"'")))))
    for kind, phrases in words.kinds.items():
        if any(len(phrase) == 1 and pattern.fullmatch(phrase[0]) for phrase in phrases.whole | phrases.begun):
            yield Finding(kind, chunk)


def _anywhere(words: Words, joined: str) -> Iterator[Finding]:
    if words.harmless_inside.length_at([joined], 0):
        return
    for kind, phrases in words.kinds.items():
        for phrase in phrases.whole | phrases.begun:
            if len(phrase) == 1 and len(phrase[0]) >= STRICT_LETTERS and phrase[0] in joined:
                yield Finding(kind, phrase[0])


def _unspaced(words: Words, folded: str) -> Iterator[Finding]:
    if not UNSPACED.search(folded):
        return
    text = words.unspaced_harmless.sub("\n", re.sub(r"[\s\W_]+", "", folded).translate(HIRAGANA_TO_KATAKANA))
    for kind, pattern in words.unspaced.items():
        for match in pattern.finditer(text):
            yield Finding(kind, match.group())


def _ages(age: Ages, listed: Sequence[str]) -> Iterator[Finding]:
    """Ages under 18, in digits or words."""
    words = [part for word in listed for part in NUMBER_OR_WORD.findall(AGE_16Y.sub("yo", word))]
    for at, word in enumerate(words):
        digits = word.isdecimal()
        length = 1 if digits else age.numbers.length_at(words, at)
        if not length or (not digits and age.tens.ends_at(words, at)):
            continue
        end = at + length
        years = int(word) if digits and len(word) < 3 else ADULT_YEARS + digits
        last = end == len(words) or words[end] == CLAUSE
        counted = age.years.length_at(words, end) > 0
        minor = years < ADULT_YEARS or not digits
        if minor and (
            counted or age.aged.ends_at(words, at) or (last and age.is_.ends_at(words, at)) or _alone(age, words, at, end)
        ):  # fmt: skip
            yield Finding("child", " ".join(words[max(0, at - 1) : end + 2]).strip("| "))
        elif years <= ADULT_YEARS and age.under.ends_at(words, at) and (last or counted):
            yield Finding("child", " ".join(words[at - 1 : end]))


def _alone(age: Ages, words: Sequence[str], at: int, end: int) -> bool:
    """`jade, 15 years, smiling`: a clause of its own."""
    length = age.bare_years.length_at(words, end)
    after = end + length
    begins = at == 0 or words[at - 1] == CLAUSE
    return bool(length) and begins and (after == len(words) or words[after] == CLAUSE)


def _readings(words: Words, folded: str) -> Iterator[str]:
    yield folded
    skeleton = _without_accents(folded).translate(words.look_alikes)
    yield skeleton
    yield _without_accents(folded)
    for table in LEET_READINGS:
        yield LEET_WORD.sub(lambda word, table=table: _leet(word.group(), table), skeleton)


def _leet(word: str, table: Mapping[int, str]) -> str:
    return word.translate(table) if any(letter.isalpha() for letter in word) else word


def _fold(text: str) -> str:
    """NFKC, small letters, nothing invisible, decimal digits as 0 to 9."""
    if text.isascii():
        return text.lower()
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return "".join(
        str(unicodedata.decimal(one)) if one.isdecimal() else one
        for one in text
        if one not in INVISIBLE and unicodedata.category(one) != "Cf" and not 0xFE00 <= ord(one) <= 0xFE0F
    )


def _without_accents(text: str) -> str:
    """Without the marks of Latin, Greek, Cyrillic and Arabic; those of Indian scripts are vowels."""
    if text.isascii():
        return text
    apart = unicodedata.normalize("NFD", text)
    kept = "".join(
        one
        for one in apart
        if not (unicodedata.combining(one) and not 0x0900 <= ord(one) <= 0x0DFF and ord(one) < 0x3000)
    )
    return unicodedata.normalize("NFC", kept.replace("\u0640", ""))


def _others(folded: str, look_alikes: Mapping[int, str]) -> Iterator[str]:
    """How a word of another script may be written: without accents, and with Latin letters among its own."""
    yield (bare := _without_accents(folded))
    if not (mixed := bare.translate(look_alikes)).isascii():
        yield mixed


def _latin(text: str) -> bool:
    return LATIN.search(text) is not None


def _tokens(text: str) -> list[str]:
    """Words, with CLAUSE where a clause ends; a mark inside a word (y.o.) ends none."""
    clauses = CLAUSE_END.split(text)
    return [
        word
        for number, clause in enumerate(clauses)
        for word in ([CLAUSE] if number else []) + _split(clause)
    ]


def _split(text: str) -> list[str]:
    """The words of a text: letters, their marks and digits; an apostrophe parts none."""
    text = text.replace("'", "").replace("\u2019", "")
    if text.isascii():
        return ASCII_WORD.findall(text)
    return "".join(one if unicodedata.category(one)[0] in "LMN" else " " for one in text).split()


@cache
def _words() -> Words:
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
