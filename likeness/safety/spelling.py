"""How a text is read before its words are looked up: what is written in many ways comes out in one."""

import re
import unicodedata
from collections.abc import Iterator

CLAUSE_END = re.compile(r"[,;.!?()]+(?=\s|$)|\(")
ASCII_WORD = re.compile(r"[a-z0-9]+")
# Nothing is seen of these, though Unicode does not call them format characters.
INVISIBLE = "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0"
# Cf formats; Me draws a ring or a key around the letter before it.
NO_LETTER = ("Cf", "Me")
TURNED = re.compile("[\u202b\u202e\u2067]([^\u202c\u2069]*)")
# (nude:1.2), as programs that draw read it: how much a word counts.
WEIGHT = re.compile(r":{1,2}[-+]?\d*\.?\d+(?=[)\]}])")
AROUND_A_WORD = re.compile(r"[(\[{]+(\w+)[)\]}]+")
LESS_THAN = re.compile(r"<(?=\s*\d)")
CHILDREN_DRAWN = str.maketrans(
    {"👧": " girl ", "👦": " boy ", "👶": " baby ", "🧒": " child ", "🔞": " nsfw "}
)
CLAUSE = "|"
"""Stands in a list of words for the end of a clause."""


def fold(text: str) -> str:
    """NFKC, small letters, nothing invisible, decimal digits as 0 to 9."""
    if text.isascii():
        return text.lower()
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return "".join(
        str(unicodedata.decimal(one)) if one.isdecimal() else one
        for one in text
        if one not in INVISIBLE
        and unicodedata.category(one) not in NO_LETTER
        and not (0xFE00 <= ord(one) <= 0xFE0F or 0xE0100 <= ord(one) <= 0xE01EF)
    )


def as_seen(text: str) -> Iterator[str]:
    """A text as it is read aloud: pictures of children as words, (16) and (16:1.2) as 16, <18 as under 18; and, where a mark turns
    the direction of what follows, the other way round, as a screen shows it."""
    spoken = LESS_THAN.sub(" under ", text.translate(CHILDREN_DRAWN))
    yield spoken
    if spoken != (bare := AROUND_A_WORD.sub(r"\1", WEIGHT.sub("", spoken))):
        yield bare
    if TURNED.search(spoken):
        yield TURNED.sub(lambda found: found[1][::-1], spoken)


def without_accents(text: str) -> str:
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


def tokens(text: str) -> list[str]:
    """Words, with CLAUSE where a clause ends; a mark inside a word (y.o.) ends none."""
    clauses = CLAUSE_END.split(text)
    return [
        word
        for number, clause in enumerate(clauses)
        for word in ([CLAUSE] if number else []) + split_words(clause)
    ]


def split_words(text: str) -> list[str]:
    """The words of a text: letters, their marks and digits; an apostrophe parts none."""
    text = text.replace("'", "").replace("\u2019", "")
    if text.isascii():
        return ASCII_WORD.findall(text)
    return "".join(one if unicodedata.category(one)[0] in "LMN" else " " for one in text).split()
