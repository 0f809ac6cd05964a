"""The list of words.yaml, ready to be looked up: words and phrases of eighteen languages, and how they say an age under 18."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache, cached_property
from itertools import product
from pathlib import Path
from typing import Any, Literal

from likeness.safety.phrases import Phrases, phrases_of
from likeness.safety.spelling import fold, parted, sound, together, without_accents
from likeness.strict_yaml import read_yaml

Kind = Literal["child", "explicit", "ambiguous", "guarded"]

WORDS_FILE = Path(__file__).with_name("words.yaml")
SOUND_LETTERS = 4
"""Words of fewer letters are not looked for by their sound, or backwards: too many others are like them."""
# Scripts that put no spaces between words.
UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]")
# Extensions of Latin whose letters Unicode does not decompose.
LATIN_BLOCKS = (
    range(0x180, 0x2B0),
    range(0x1D00, 0x1DC0),
    range(0x2C60, 0x2C80),
    range(0xA720, 0xA800),
    range(0xAB30, 0xAB70),
)
LATIN_NAME = re.compile(
    r"LATIN (?:SMALL LETTER|LETTER SMALL CAPITAL|SMALL CAPITAL LETTER)"
    r"(?: (?:SCRIPT|TURNED|DOTLESS|OPEN|REVERSED|INSULAR))* ([A-Z])(?: WITH .*)?"
)
HIRAGANA_TO_KATAKANA = {code: code + 0x60 for code in range(0x3041, 0x3097)}


@dataclass(frozen=True)
class Ages:
    """How an age under 18 is said, in all languages together: people mix them. Each is a key of words.yaml."""

    numbers: Phrases
    teens: Phrases
    eighteen: Phrases
    tens: Phrases
    tens_behind: Phrases
    years: Phrases
    aged: Phrases
    is_: Phrases
    about: Phrases
    persons: Phrases
    bare_years: Phrases
    under: Phrases
    under_after: Phrases
    born: Phrases


@dataclass(frozen=True)
class Words:
    """words.yaml, ready to be looked up."""

    kinds: Mapping[Kind, Phrases]
    harmless: Phrases
    names: re.Pattern[str]
    ages: Ages
    unspaced_lists: Mapping[Kind, Sequence[str]]
    unspaced_harmless_list: Sequence[str]
    inside: Mapping[str, Kind]
    harmless_inside: Phrases
    companions: frozenset[str]
    look_alikes: Mapping[int, str]
    mixed_alikes: Mapping[int, str]
    sound_alikes: Mapping[int, str]
    sounds: Mapping[str, Kind]
    backwards: Mapping[str, Kind]
    whole: Mapping[str, Kind]
    run_together: Mapping[str, Kind]
    harmless_sounds: frozenset[str]
    harmless_pairs: frozenset[str]

    # When a text is first read that has such letters: they take as long as all else.
    @cached_property
    def unspaced(self) -> Mapping[Kind, re.Pattern[str]]:
        """Words and ages in scripts without spaces."""
        return {kind: _unspaced_pattern(listed) for kind, listed in self.unspaced_lists.items()}

    @cached_property
    def unspaced_harmless(self) -> re.Pattern[str]:
        """What is taken out first."""
        return _unspaced_pattern(self.unspaced_harmless_list)


@cache
def word_list() -> Words:
    said: dict[str, Any] = dict(read_yaml(WORDS_FILE, remedy="install likeness again"))
    inside, harmless_inside, companions, harmless_sounds, harmless_pairs = (
        _list(said.pop(key))
        for key in ("inside", "harmless inside", "companions", "harmless sounds", "harmless pairs")
    )
    mixed_alikes, sound_alikes = (
        _letters(said.pop(key)) for key in ("look-alikes of mixed words", "sound-alikes")
    )
    look_alikes = str.maketrans(
        _letters_by_name()
        | _letters(said.pop("look-alikes"))
        # Emoji of letters: those of flags, and white on black.
        | {chr(first + n): chr(ord("a") + n) for first in (0x1F150, 0x1F170, 0x1F1E6) for n in range(26)}
    )
    languages: list[dict[str, str]] = list(said.values())

    def every(key: str) -> list[str]:
        return [word for language in languages for word in _list(language.get(key, ""))]

    ages = [word for one in languages for word in (*_joined_ages(one), *_birthdays(one))]
    kinds: dict[Kind, list[str]] = {
        "child": [*every("children"), *ages],
        "explicit": [*every("explicit"), *(word for one in languages for word in _put_together(one))],
        "ambiguous": every("ambiguous"),
        "guarded": every("guarded"),
    }
    single = [*reversed([*_single({**kinds, "child": every("children")})])]  # of two kinds, the first decides
    names = "|".join(every("names"))
    harmless = [*every("harmless"), *harmless_inside]
    phrases: dict[Kind, Phrases] = {kind: phrases_of(listed, look_alikes) for kind, listed in kinds.items()}
    return Words(
        kinds=phrases,
        harmless=phrases_of([*harmless, *map(without_accents, harmless)], look_alikes),
        # As a name: behind a word in small letters, or before a surname; not "Dick pic".
        names=re.compile(rf"(?<=[a-z,] )(?:{names})\b(?! pic)|\b(?:{names})(?= [A-Z][a-z])"),
        ages=Ages(*(phrases_of(every(_key(one.name)), look_alikes) for one in fields(Ages))),
        unspaced_lists={**kinds, "child": [*kinds["child"], *_unspaced_ages(languages)]},
        unspaced_harmless_list=every("harmless"),
        inside={word: "child" if phrases["child"].length_at([word], 0) else "explicit" for word in inside},
        harmless_inside=phrases_of(harmless_inside, look_alikes),
        companions=frozenset(companions),
        look_alikes=look_alikes,
        mixed_alikes=mixed_alikes | look_alikes,
        sound_alikes=sound_alikes,
        sounds={
            heard: kind
            for kind, word in single
            if word.isascii() and word.isalpha() and len(heard := sound(word)) >= SOUND_LETTERS - 1
        },
        backwards={word[::-1]: kind for kind, word in single if word.isascii() and word.isalpha()},
        whole={word: kind for kind, word in single},
        run_together={word: kind for kind in ("explicit", "child") for word in phrases[kind].run_together()},
        harmless_sounds=frozenset(harmless_sounds),
        harmless_pairs=frozenset(harmless_pairs),
    )


def _letters(shapes: Mapping[str, str]) -> dict[int, str]:
    return {ord(letter): latin for latin, letters in shapes.items() for letter in letters if letter != " "}


def _letters_by_name() -> dict[int, str]:
    """Letters that Unicode calls one of Latin, turned, small or with a hook, tail or stroke: ɳ is an n."""
    codes = (code for block in LATIN_BLOCKS for code in block)
    # Of others the accent is taken off.
    whole = (code for code in codes if not unicodedata.decomposition(chr(code)))
    named = ((code, LATIN_NAME.fullmatch(unicodedata.name(chr(code), ""))) for code in whole)
    return {code: name[1].lower() for code, name in named if name}


def _single(kinds: Mapping[Kind, Sequence[str]]) -> Iterator[tuple[Kind, str]]:
    """The words of the lists that are long enough to be known in parts, by their sound, or backwards."""
    for kind, listed in kinds.items():
        folded = [fold(word).rstrip("*") for word in listed if " " not in word]
        written = [*folded, *map(without_accents, folded)]
        for word, parts in zip(written, together(parted, written), strict=True):
            if len(word) >= SOUND_LETTERS and " " not in parts.strip():
                yield kind, word


def _joined_ages(language: Mapping[str, str]) -> Iterator[str]:
    """`sechzehnjährig*`, `sixteenyearsold`."""
    for number in (*_list(language.get("numbers", "")), *_list(language.get("teens", ""))):
        for years in _list(language.get("years", "")):
            if len(years) > 2 and not UNSPACED.search(years):
                yield f"{number}{years}".replace(" ", "")


def _birthdays(language: Mapping[str, str]) -> Iterator[str]:
    """`sixteenth birthday`, `8th grade*`."""
    for number in _list(language.get("ordinals", "")):
        for noun in _list(language.get("of ordinals", "")):
            yield noun.replace("#", number)


def _put_together(language: Mapping[str, str]) -> Iterator[str]:
    """One word of each list that `put together` names: `taking off` `her` `dress`."""
    for named in _list(language.get("put together", "")):
        for words in product(
            *([word.strip("-") for word in _list(language[name])] for name in named.split())
        ):
            yield " ".join(filter(None, words))


def _unspaced_ages(languages: Iterable[Mapping[str, str]]) -> Iterator[str]:
    """Patterns of 十六岁 and 未满18, not of 二十六岁."""
    for language in languages:
        numbers, tens, before, after = (
            _list(language.get(key, "")) for key in ("numbers", "tens", "before ages", "after ages")
        )
        if tens and UNSPACED.search(tens[0]):
            digits = "".join(sorted({*"".join(tens), *"".join(numbers), "百"}))
            minors = "|".join([*sorted(numbers, key=len, reverse=True), "1[0-7]", "[0-9]"])
            years = "|".join(_list(language["years"]))
            yield rf"(?<![{digits}\d])(?:{minors})(?:{years})"
            yield rf"(?:{'|'.join(before)})(?:{minors}|18|十八)(?![{digits}\d年月日点時时])"
            yield rf"(?<![{digits}\d])(?:{minors}|18|十八)(?:{years})?(?:{'|'.join(after)})"


def _unspaced_pattern(listed: Iterable[str]) -> re.Pattern[str]:
    words = [word for word in listed if UNSPACED.search(word)]
    ordered = sorted((word.translate(HIRAGANA_TO_KATAKANA) for word in words), key=len, reverse=True)
    return re.compile("|".join(ordered) or r"(?!)")


def _key(field: str) -> str:
    """`tens behind` of `tens_behind`, `is` of `is_`."""
    return field.rstrip("_").replace("_", " ")


def _list(text: str) -> list[str]:
    return [word for part in text.split(",") if (word := part.strip())]
