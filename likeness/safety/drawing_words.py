"""What programs that draw make of words: what is kept out undresses, weights turn words round, names load files."""

import re
from collections.abc import Iterable

from likeness.safety.words import Finding, find

STEERS = re.compile(
    r":\s*[-\u2010-\u2015\u2212\ufe58\ufe63\uff0d]\s*\.?\d|\bembedding:|<(?:lora|lyco|hypernet)\b"
    # One of several: {nu|na}de, [nu|na]ked, which no list of words reads; a file's line.
    r"|[{\[][^{}\[\]]*\||\b__[\w/-]+__"
    # A part of the words under a name: ${n=nu}${n}de.
    r"|\$\{",
    re.IGNORECASE,
)
"""(clothes:-1.5), as ComfyUI reads it, what it loads a file for, and what it puts something else in place of."""


def steering(text: str) -> str | None:
    """What is wrong with a text that a program would not read as words."""
    found = STEERS.search(text)
    return (
        f"says {found.group()!r}, with which programs that draw turn words round, choose others or load a file"
        if found
        else None
    )


def undressing(text: str) -> str | None:
    """What is wrong with words that a picture is guided away from."""
    found = find(text)
    if (bare := _without_explicit(text, found)) != text:
        found = find(bare)
    guarded = [one.word for one in found if one.kind == "guarded"]
    return f"says {guarded[0]!r}, which would have it drawn without" if guarded else None


def _without_explicit(text: str, found: Iterable[Finding]) -> str:
    """A text without its explicit phrases: `no clothes` is kept out of a picture, `no clothes, clothes` are not."""
    for one in found:
        if one.kind == "explicit" and " " in one.word:
            phrase = r"[\W_]+".join(map(re.escape, one.word.split()))
            text = re.sub(rf"\b{phrase}\b", ",", text, flags=re.IGNORECASE)
    return text
