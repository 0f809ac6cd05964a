"""The persona: its section of params.yaml."""

import re
import unicodedata
from typing import Annotated

from pydantic import AfterValidator, Field

from likeness.safety.gates import Subject, judge
from likeness.settings import Section

# A1111 cuts a prompt at its words AND and BREAK.
CUTS = re.compile(r"\b(?:AND|BREAK)\b")
PARTED = re.compile("[-_' ]")
# Letters and marks that nobody sees (Unicode's Default_Ignorable_Code_Point).
UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
MAX_WORD_LENGTH = 64
MAX_WORD_BYTES = 120  # both words, and how often their folder counts, are one name of at most 255 bytes


class Similarity(Section):
    """SFace cosine thresholds of one persona; people of one synthetic mesh need higher ones than photographs."""

    source_min: float = Field(ge=-1, le=1)
    swap_min: float = Field(ge=-1, le=1)
    target_max: float = Field(ge=-1, le=1)


def _readable(part: str) -> bool:
    """Whether it is letters and digits, with the marks that belong to them (Hindi's vowels, Thai's tones)."""
    kinds = [unicodedata.category(one)[0] for one in part]
    return bool(kinds) and kinds[0] in "LN" and set(kinds) <= set("LNM")


def _word(given: str) -> str:
    text = unicodedata.normalize("NFC", given)
    parts = [] if CUTS.search(text) or UNSEEN.search(text) else PARTED.split(text)
    if (
        not parts
        or not all(map(_readable, parts))
        or len(text) > MAX_WORD_LENGTH
        or len(text.encode()) > MAX_WORD_BYTES
    ):
        raise ValueError(
            f"{text!r} becomes a folder's name, a tag that captions are cut at by commas, and tokens of a prompt: "
            f"write at most {MAX_WORD_LENGTH} letters and digits ({MAX_WORD_BYTES} bytes), parted by single spaces, - _ or ', and "
            "neither AND nor BREAK, e.g. ohwx or young woman"
        )
    if refusal := judge("trigger", Subject(text=text, trigger=True)):
        raise ValueError(f"{text!r} {refusal.detail}: {refusal.remedy}")
    return text


Word = Annotated[str, AfterValidator(_word)]
"""A word or a few, safe as all that it becomes."""


def prompt_naming(trigger: str, class_word: str, words: str) -> str:
    """`jade woman, in a library`: the person's name, then what was asked for, if anything; who begins with the name says it once."""
    named = f"{trigger} {class_word}"
    if named in words:
        return words
    begin = re.match(rf"\s*{re.escape(trigger)}(?!\w)", words, re.IGNORECASE)
    rest = words[begin.end() :] if begin else f", {words.lstrip()}" if words.strip() else ""
    return named + rest


class Persona(Section):
    """Who is drawn: the word that calls them up, and the photos kept away from training for the evaluation."""

    name: str
    trigger: Word
    class_word: Word
    held_out: tuple[str, ...]
    similarity: Similarity

    @property
    def named(self) -> str:
        """`jade woman`: what calls the person up in a prompt."""
        return f"{self.trigger} {self.class_word}"

    def prompt(self, words: str) -> str:
        """These words, with the persona's name."""
        return prompt_naming(self.trigger, self.class_word, words)
