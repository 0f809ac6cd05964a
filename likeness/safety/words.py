"""Words that no caption, prompt, trigger or class word may hold: explicit ones, words for children, ages under 18.

A tripwire, in the eighteen languages of words.yaml: it has gaps, and what decides is the picture (rating.py, age.py). A text is
read in several ways, so that a word is found in whatever disguise: NFKC, without invisible characters and accents, in
look-alike letters, by the sound of its letters, with digits for letters, spelled out letter by letter, parted or joined, with
letters repeated or starred, and backwards.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import get_args

from likeness.safety.ages import ages
from likeness.safety.spelling import CLAUSE, as_seen, fold, sound, split_words, tokens, unaccented
from likeness.safety.word_list import (
    HIRAGANA_TO_KATAKANA,
    SOUND_LETTERS,
    UNSPACED,
    Kind,
    Words,
    word_list,
)

STRICT_LETTERS = 4
"""A trigger may hold no listed word of so many letters, wherever in it: nobody reads a trigger as prose."""

# Digits and signs for letters; a 1 is an i or an l, a 6 a b or a g.
LEET = dict(zip("0345789@$€+2¢(¥§", "oeastbgasetzccys", strict=True))
LEET_READINGS = tuple(str.maketrans(LEET | dict.fromkeys("1!|", i) | {"6": six}) for i, six in ("ib", "lg"))
LEET_WORD = re.compile(
    r"(?<![^\W_])[^\W_]*(?:[0-9@$€+¢¥§]|(?<=\w)[!|(](?=\w))[\w@$€+¢¥§]*(?:[!|(](?=\w)[\w@$€+¢¥§]*)*"
)
LETTERS_APART = re.compile(r"(?:(?<!\S)\S(?:\s+|$)){3,}")
APART = re.compile(r"[\W_]+")
DOUBLED = re.compile(r"(?:(.)\1){3,}")
REPEATED = re.compile(r"(.)\1{2,}")
MOST_PARTS = 6
"""Into so many parts of at most PART_LETTERS letters a word is looked for: `na k ed`."""
PART_LETTERS = 3
LONGEST_COMPANION = 8
"""Letters of the longest of `companions`."""
# A word with letters of Latin and of another alphabet.
MIXED = re.compile(r"(?<![\w\u2206])(?=\w*[a-z])(?=\w*[\u0370-\u04ff\u2206])[\w\u2206]+")
CAPITAL_I = re.compile(r"(?<=[a-z])I|I(?=[a-z])")
# Signs, arrows, shapes, pictures: whatever stands for a letter.
STARRED = re.compile(
    r"(?<=\w)[*#%~^\u00b0\u2022\u2190-\u22ff\u2460-\u27bf\u2b00-\u2bff\U0001f300-\U0001faff]+(?=\w)"
)
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
        for finding in (
            *_listed(words, listed),
            *_joined(words, reading),
            *_parted(words, listed),
            *(Finding("child", said) for said in ages(words.ages, listed)),
        ):
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
        apart = "".join(run.split())
        candidates |= dict.fromkeys((apart, *(_leet(apart, table) for table in LEET_READINGS)))
    for word in candidates:
        yield from _within(words, word)
        yield from _heard(words, word)
        if word != (bare := word.strip("0123456789")):
            yield from _within(words, bare)
        if DOUBLED.fullmatch(word):
            yield from _within(words, word[::2])
        if REPEATED.search(word):
            yield from _within(words, REPEATED.sub(r"\1", word))
            yield from _within(words, REPEATED.sub(r"\1\1", word))
        if word != (bare := ARABIC_PREFIX.sub("", word)):
            yield from _is_listed(words, bare)


def _parted(words: Words, listed: Sequence[str]) -> Iterator[Finding]:
    """Words in parts: `po rn`, `na k ed`."""
    judged = _without_harmless(words, listed)
    for at, word in enumerate(judged):
        pair = judged[at : at + 2]
        if len(pair) == 2 and " ".join(pair) not in words.harmless_pairs and CLAUSE not in pair:
            yield from _put_together(words, pair)
        if len(word) > PART_LETTERS:
            continue
        for end in range(at + 3, min(at + MOST_PARTS, len(judged)) + 1):
            if len(judged[end - 1]) > PART_LETTERS or judged[end - 1] == CLAUSE:
                break
            yield from _put_together(words, judged[at:end])


def _put_together(words: Words, parts: Sequence[str]) -> Iterator[Finding]:
    joined = "".join(parts)
    if len(joined) < SOUND_LETTERS or joined.isdecimal():
        return
    kind = words.whole.get(joined)
    if kind and not any(words.kinds[kind].length_at([part], 0) for part in parts):
        yield Finding(kind, " ".join(parts))


def _heard(words: Words, word: str) -> Iterator[Finding]:
    """`nvde` and `klothing` by their sound; `edun`."""
    if word in words.harmless_sounds or words.harmless_inside.length_at([word], 0):
        return
    kind = words.sounds.get(sound(word)) or words.backwards.get(word)
    if kind and not list(_is_listed(words, word)):
        yield Finding(kind, word)


def _within(words: Words, word: str) -> Iterator[Finding]:
    if words.harmless.length_at([word], 0) or words.harmless_inside.length_at([word], 0):
        return
    if known := list(_is_listed(words, word)):
        yield from known
        return
    for inner, kind in words.inside.items():
        if inner in word:
            yield Finding(kind, inner)
    ends = range(2, min(len(word) - 1, LONGEST_COMPANION + 1))
    for cut in sorted({*ends, *(len(word) - end for end in ends)}):
        for part, other in ((word[:cut], word[cut:]), (word[cut:], word[:cut])):
            if other in words.companions:
                yield from _is_listed(words, part)


def _is_listed(words: Words, word: str) -> Iterator[Finding]:
    for kind, phrases in words.kinds.items():
        if phrases.length_at([word], 0) or words.run_together.get(word) == kind:
            yield Finding(kind, word)


def _starred(words: Words, chunk: str) -> Iterator[Finding]:
    """`f*ck`: a star for one or more letters."""
    pattern = re.compile("[^ ]{1,3}".join(map(re.escape, STARRED.split(chunk.strip(",;:.!?()\"'")))))
    for kind, phrases in words.kinds.items():
        if any(map(pattern.fullmatch, phrases.words)):
            yield Finding(kind, chunk)


def _anywhere(words: Words, joined: str) -> Iterator[Finding]:
    if words.harmless_inside.length_at([joined], 0):
        return
    for kind, phrases in words.kinds.items():
        for word in phrases.words:
            if len(word) >= STRICT_LETTERS and word in joined:
                yield Finding(kind, word)


def _unspaced(words: Words, folded: str) -> Iterator[Finding]:
    if not UNSPACED.search(folded):
        return
    text = words.unspaced_harmless.sub("\n", re.sub(r"[\s\W_]+", "", folded).translate(HIRAGANA_TO_KATAKANA))
    for kind, pattern in words.unspaced.items():
        for match in pattern.finditer(text):
            yield Finding(kind, match.group())


def _readings(words: Words, folded: str) -> Iterator[str]:
    yield folded
    plain = unaccented(folded)
    skeleton = plain.translate(words.look_alikes)
    yield skeleton
    yield plain
    if MIXED.search(folded):
        for letters in (words.mixed_alikes, words.sound_alikes, {**words.sound_alikes, **words.look_alikes}):
            yield MIXED.sub(lambda word, letters=letters: word.group().translate(letters), plain)
    for table in LEET_READINGS:
        yield LEET_WORD.sub(lambda word, table=table: _leet(word.group(), table), skeleton)


def _leet(word: str, table: Mapping[int, str]) -> str:
    return word.translate(table) if any(letter.isalpha() for letter in word) else word
