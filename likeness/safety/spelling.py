"""How a text is read before its words are looked up: what is written in many ways comes out in one."""

import html
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from urllib.parse import unquote


class _Letters(dict[int, str]):
    """What each letter is read as, for str.translate: asked of `read` when the letter is first met."""

    def __init__(self, read: Callable[[str], str]) -> None:
        self._read = read

    def __missing__(self, code: int) -> str:
        self[code] = read = self._read(chr(code))
        return read


CLAUSE_END = re.compile(r"[,;.!?()]+(?=\s|$)|\(")
ASCII_WORD = re.compile(r"[a-z0-9]+")
# Nothing is seen of these, though Unicode does not call them format characters.
INVISIBLE = "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0"
# Cf formats; Me draws a ring or a key around the letter before it.
NO_LETTER = ("Cf", "Me")
TURNED = re.compile("[\u202b\u202e\u2067]([^\u202c\u2069]*)")
# (nude:1.2), as programs that draw read it: how much a word counts.
WEIGHT = re.compile(r":{1,2}[-+]?\d*\.?\d+(?=[)\]}])|(?<=[^\W\d]):{1,2}[-+]?\d*\.?\d+(?=\s|$)")
# What such programs take out before they read the words: their commands, comments, what stands for a file. (A1111, its Regional
# Prompter and Dynamic Prompts; ComfyUI.)
MARKUP = re.compile(
    r"[\s,(-]{0,9}(?:\b(?:BREAK|AND|ADD(?:COMM|BASE|ROW|COL))\b|/\*.{0,400}?\*/|(?://|#)[^\n]{0,400}\n|<[^<>]{0,400}>)[\s,)-]{0,9}",
    re.DOTALL,
)
AROUND_A_WORD = re.compile(r"(?<![(\[{])[(\[{]+(\w+)[)\]}]+")
LESS_THAN = re.compile(r"[<\u2039\u2264](?=\s*(?:\d|\w+teen\b))")
PART_OF_A_YEAR = re.compile(
    r"(?<=\d)[.,]\d{1,2}(?![\d.,])|(?<=\d)\s*\d[/\u2044]\d(?!\d)|\s+and an? (?:half|quarter|bit)\b"
)
GIRL_OF = re.compile(r"\b(\d\d)/[fF]\b")
FOR_ADULTS = re.compile(r"(?<![\w.])(?<!age )(?<!aged )(?:18\s?\+|\+18|18plus)(?!\w)")
ESCAPE = re.compile(r"\\(?:u\{?([0-9a-fA-F]{4})\}?|x([0-9a-fA-F]{2}))")
MOST_ESCAPES = 4
TAG = re.compile(r"(?<=\w)<[^<>]{0,20}>(?=\w)")
MEANT = str.maketrans({
    "👧": " girl ", "👦": " boy ", "👶": " baby ", "👼": " baby ", "🚼": " baby ", "🧒": " child ", "🚸": " children ",
    "🔞": " nsfw ",
})  # fmt: skip
# Letters drawn with signs.
DRAWN_LETTERS = {
    "|\\|": "n", "/\\/": "n", "|_|": "u", "\\/": "v", "/\\": "a", "()": "o", "[]": "o", "|)": "d", "|3": "b", "|<": "k",
}  # fmt: skip
# One letter for those that are written for each other: Arabic's with and without their dots and bearers; the dots below letters of
# Hindi and Bengali.
SAME_LETTER = str.maketrans("ةىأإآٱ", "هياااا", "\u093c\u09bc")


def _folded(letter: str) -> str:
    if letter.isdecimal():
        return str(unicodedata.decimal(letter))
    hidden = letter in INVISIBLE or unicodedata.category(letter) in NO_LETTER
    if hidden or "\ufe00" <= letter <= "\ufe0f" or "\U000e0100" <= letter <= "\U000e01ef":
        return ""
    return letter.translate(SAME_LETTER)


def _bare(letter: str) -> str:
    """Nothing for a mark, but those of Indian scripts, which are vowels, and of Japanese; nor for what only stretches a word."""
    mark = unicodedata.combining(letter) and not "\u0900" <= letter <= "\u0dff" and letter < "\u3000"
    return "" if mark or letter == "\u0640" else letter


FOLDED, BARE = _Letters(_folded), _Letters(_bare)
PARTED = _Letters(
    lambda letter: letter if letter == "\n" or unicodedata.category(letter)[0] in "LMN" else " "
)
URDU_TYPED_AS_ARABIC = str.maketrans("یکہھۃ", "يكههه")
SOUNDS = str.maketrans("vzkqyj", "usccii")
DOUBLE = re.compile(r"([^eo])\1+")
# Letters that only Vietnamese has: d with a stroke, horns, a hook, a dot below a vowel, two marks on one.
VIETNAMESE = re.compile(
    "\u0111|[ou]\u031b|[aeiouy]\u0309|[aeiouy]\u0323|[aeo][\u0302\u0306][\u0300\u0301\u0303]"
)
TONES = "\u0300\u0301\u0303\u0309\u0323"
WORD = re.compile(r"(\W+)")
# One syllable without its marks, as Vietnamese spells it.
SYLLABLE = re.compile(
    "(?:[bckgh]|[cgknpt]h|[dlmnrstvx]|\u0111|gi|n?gh?|ngh|tr|qu)?"
    "(?:a[iouy]?|e[ou]?|ia?|ieu?|oa[iy]?|oeo?|oi?|ua[iy]?|u[eiouy]?|uo[iu]|uy[aeu]|ye?|yeu)"
    "(?:ch?|n[gh]?|[mpt])?"
)
CLAUSE = "|"
"""Stands in a list of words for the end of a clause."""


def fold(text: str) -> str:
    """NFKC, small letters, nothing invisible, decimal digits as 0 to 9, one letter for those that stand for each other."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()).translate(FOLDED)


def as_seen(text: str) -> Iterator[str]:
    """A text as it is read aloud: pictures of children as words, (16) and (16:1.2) as 16, <18 as under 18, 17½ as 17, |\\|ude as
    nude; as programs that draw decode it (&#110;ude, %6eude) and leave it without their commands (nu BREAK de); and, where a
    mark turns the direction of what follows, the other way round, as a screen shows it."""
    spoken = LESS_THAN.sub(" under ", FOR_ADULTS.sub(" nsfw ", GIRL_OF.sub(r"\1yo", text.translate(MEANT))))
    yield spoken
    for other in (
        AROUND_A_WORD.sub(r"\1", WEIGHT.sub("", spoken)),
        PART_OF_A_YEAR.sub("", spoken),
        TAG.sub("", _decoded(spoken)),
        MARKUP.sub("", spoken),
        MARKUP.sub(" ", spoken),
        _letters_drawn(spoken),
        TURNED.sub(lambda found: found[1][::-1], spoken),
    ):
        if other != spoken:
            yield other


def _decoded(text: str) -> str:
    """Without entities, escapes of URLs and of JSON, however often one is escaped by another."""
    for _ in range(MOST_ESCAPES):
        text = ESCAPE.sub(lambda found: chr(int(found[1] or found[2], 16)), html.unescape(unquote(text)))
    return text


def _letters_drawn(text: str) -> str:
    for drawn, letter in DRAWN_LETTERS.items():
        text = text.replace(drawn, letter)
    return text


def sound(word: str) -> str:
    """One spelling for those that are read alike: nvde, phuck, klothing, nakked as nude, fuc, clothing, naced."""
    return DOUBLE.sub(r"\1", word.replace("ph", "f").replace("vv", "w").replace("ck", "c").translate(SOUNDS))


def without_accents(text: str) -> str:
    """Without the marks of Latin, Greek, Cyrillic and Arabic; those of Indian scripts are vowels."""
    if text.isascii():
        return text
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", text).translate(BARE))


def unaccented(text: str) -> str:
    """`without_accents`, but for whole syllables of a text most of which is Vietnamese: there an accent is another word (cúm, nụ),
    and none is a disguise."""
    if not VIETNAMESE.search(unicodedata.normalize("NFD", text)):
        return without_accents(text)
    parts = WORD.split(unicodedata.normalize("NFC", text))
    words = [part for part in parts if part[:1].isalpha()]
    if 2 * sum(map(_is_syllable, words)) <= len(words):
        return without_accents(text)
    return "".join(part if _is_syllable(part) else without_accents(part) for part in parts)


def _is_syllable(part: str) -> bool:
    apart = unicodedata.normalize("NFD", part)
    letters = "".join(one for one in apart if not unicodedata.combining(one))
    return SYLLABLE.fullmatch(letters) is not None and sum(one in TONES for one in apart) <= 1


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
    if text.isascii():
        return ASCII_WORD.findall(text.replace("'", ""))
    return parted(text).split()


def parted(text: str) -> str:
    """A text in small letters with spaces for all that is in no word; its lines stay."""
    return text.replace("'", "").replace("\u2019", "").translate(PARTED)


def together(change: Callable[[str], str], texts: Sequence[str]) -> list[str]:
    """What `change` makes of each of many texts of one line. It is asked once, which is faster but for `unicodedata.normalize`: that
    leaves a text as it is that needs nothing."""
    return change("\n".join(texts)).split("\n") if texts else []
