"""Ages under 18 in a text, in digits or words, of any of the languages of words.yaml and mixed."""

import re
from collections.abc import Iterator, Sequence
from datetime import date

from likeness.safety.floors import ADULT_YEARS
from likeness.safety.spelling import CLAUSE
from likeness.safety.word_list import Ages

NUMBER_OR_WORD = re.compile(r"\d+|[^\d]+")
AGE_16Y = re.compile(r"(?<=^\d\d)[yf]$|(?<=^\d)y$")
YEAR = re.compile(r"\d{4}")
DATE_WORDS = 2
"""Of a day and a month: `born on 3 May 2012`."""
FIRST_TEEN = 10
"""From here on a number by itself between two commas is an age; smaller ones count something."""


def ages(age: Ages, listed: Sequence[str]) -> Iterator[str]:
    """Ages under 18, in digits or words."""
    words = [part for word in listed for part in NUMBER_OR_WORD.findall(AGE_16Y.sub("yo", word))]
    known = 0  # up to here words belong to a number: the eight of `dix huit` is none
    for at, word in enumerate(words):
        if at < known:
            continue
        digits = word.isdecimal()
        if digits:
            length, years = 1, int(word) if len(word) < 3 else ADULT_YEARS + 1
            teen = FIRST_TEEN <= years < ADULT_YEARS
        else:
            eighteen, teens = age.eighteen.length_at(words, at), age.teens.length_at(words, at)
            teen, length = teens > 0, eighteen or teens or age.numbers.length_at(words, at)
            years = ADULT_YEARS if eighteen else ADULT_YEARS - 1
        known = at + length
        if not length or (
            not digits and (age.tens.ends_at(words, at) or age.tens_behind.length_at(words, known))
        ):
            continue
        if _is_minor(age, words, at, at + length, years=years, teen=teen):
            yield " ".join(words[max(0, at - 1) : at + length + 2]).strip("| ")
    for at, word in enumerate(words):
        if (
            YEAR.fullmatch(word)
            and any(age.born.ends_at(words, end) for end in range(max(0, at - DATE_WORDS), at + 1))
            and int(word) > date.today().year - ADULT_YEARS
        ):
            yield " ".join(words[max(0, at - 1) : at + 1])


def _is_minor(age: Ages, words: Sequence[str], at: int, end: int, *, years: int, teen: bool) -> bool:
    """Whether the number from `at` to `end` says an age under 18."""
    last = _ends(words, end)
    counted = age.years.length_at(words, end)
    bare = age.bare_years.length_at(words, end)
    if years <= ADULT_YEARS:
        after = end + max(counted, bare)
        if age.under.ends_at(words, at) and (last or counted or (bare and _ends(words, after))):
            return True
        if age.under_after.length_at(words, end) or age.under_after.length_at(words, after):
            return True
    if years >= ADULT_YEARS:
        return False
    before = at
    while before and age.about.ends_at(words, before):
        before -= 1
    begins = before == 0 or words[before - 1] == CLAUSE
    return bool(
        counted
        or age.aged.ends_at(words, before)
        or (last and age.is_.ends_at(words, before))
        or (begins and bare and _ends(words, end + bare))  # `jade, 15 years, smiling`
        or (teen and begins and last)
        or (teen and age.persons.ends_at(words, at) and (last or (bare and _ends(words, end + bare))))
        or (teen and age.persons.length_at(words, end))
    )


def _ends(words: Sequence[str], at: int) -> bool:
    return at == len(words) or words[at] == CLAUSE
