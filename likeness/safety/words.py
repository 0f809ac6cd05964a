"""Words that no caption, prompt, trigger or class word may hold: explicit ones, words for children, ages under 18.

A tripwire, in the thirteen languages of words.yaml: it has gaps, and what decides is the picture (rating.py, age.py). A text is
read in several ways, so that a word is found in whatever disguise: NFKC, without invisible characters and accents, in
look-alike letters, with digits for letters, spelled out letter by letter, joined by hyphens, with letters repeated or starred.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import get_args

from likeness.safety.floors import ADULT_YEARS
from likeness.safety.spelling import CLAUSE, as_seen, fold, split_words, tokens, without_accents
from likeness.safety.word_list import HIRAGANA_TO_KATAKANA, UNSPACED, Ages, Kind, Words, word_list

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
CAPITAL_I = re.compile(r"(?<=[a-z])I|I(?=[a-z])")
STARRED = re.compile(r"(?<=\w)(?:[*#]|[\u2600-\u27bf\U0001f300-\U0001faff])+(?=\w)")
ARABIC_PREFIX = re.compile(r"^[وف]?[بكل]?(?:ال)?(?=..)")


@dataclass(frozen=True)
class Finding:
    """A word in a text, as the text has it, and what it is."""

    kind: Kind
    word: str


def find(text: str, *, strict: bool = False) -> list[Finding]:
    """Every such word of a text, children's first; `strict` looks inside words too, as for a trigger."""
    words = word_list()
    found: dict[Finding, None] = {}
    plain = words.names.sub(" ", unicodedata.normalize("NFKC", text))
    # A capital I looks like an l among small letters.
    spoken = {form for one in as_seen(plain) for form in (one, CAPITAL_I.sub("l", one))}
    readings = chain.from_iterable(_readings(words, fold(one)) for one in sorted(spoken))
    for reading in dict.fromkeys(readings):
        listed = tokens(reading)
        for finding in (*_listed(words, listed), *_joined(words, reading), *_ages(words.ages, listed)):
            found[finding] = None
        if strict:
            found |= dict.fromkeys(_anywhere(words, "".join(split_words(reading))))
    found |= dict.fromkeys(_unspaced(words, fold(plain)))
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
    candidates = dict.fromkeys(_without_harmless(words, tokens(reading)))
    for chunk in reading.split():
        parts = split_words(chunk)
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
    skeleton = without_accents(folded).translate(words.look_alikes)
    yield skeleton
    yield without_accents(folded)
    for table in LEET_READINGS:
        yield LEET_WORD.sub(lambda word, table=table: _leet(word.group(), table), skeleton)


def _leet(word: str, table: Mapping[int, str]) -> str:
    return word.translate(table) if any(letter.isalpha() for letter in word) else word
