"""What captions say and omit: training takes what no caption names as a part of the person."""

import re
from collections import Counter
from collections.abc import Callable, Iterable

from likeness.dataset.quality import TrainingSet

CLIP_WORDS = 75
"""CLIP reads 77 tokens, two of which begin and end a text; a word or mark is one at least. Z-Image and FLUX.2 read 512."""
OPENING_WORDS = 6

FACING = "facing the camera"
CONTRARY = (
    ("smiling", "neutral expression"),
    (FACING, "turned to the", "in profile"),
    ("dim light", "bright light"),
    ("close-up", "upper body", "half body", "full body"),
    ("eyes closed", "eyes open"),
    ("indoors", "outdoors"),
)
"""Words of which a caption may hold one: as words of their own (not "unsmiling"), and not denied."""
SAID = {word: re.compile(rf"(?<!not )\b{word}\b") for group in CONTRARY for word in group}
SIDE = r"(?:slightly )?to the (left|right)\b"
# The light and the body may point elsewhere than the head does.
NOT_THE_HEAD = re.compile(
    rf"light from the (?:left|right)|\b(?:body|shoulders|torso|hips)(?: is| are)? turned {SIDE}"
)
HEAD_TURN = re.compile(
    rf"(?:\A|, |\b(?:head|face) (?:is )?)(?:turned {SIDE}|in profile,? facing (?:the )?(left|right)\b)"
)

WOMEN = frozenset({"woman", "women", "female", "lady", "she", "her"})
MEN = frozenset({"man", "men", "male", "gentleman", "he", "his", "beard", "bearded", "moustache", "mustache"})
BACKGROUND = re.compile(r"[\w ]*\bbackground\b")
# The word at the end of its phrase: a light blue shirt is no light.
LIGHT = re.compile(
    r"[\w ]*\b(?:sun|day|back)?light(?:ing)?(?: (?:from|of|on|in|at|through|falls|falling)\b[\w ]*)?(?=[^\w ]|\Z)"
)


def without_trigger(of: TrainingSet) -> float | None:
    """Share of the captions in which the trigger does not stand as a word, and is not fused either."""
    return _share(of, lambda text: of.trigger.casefold() not in text)


def fused(of: TrainingSet) -> float | None:
    """Share of the captions in which the trigger is glued to other letters: the tokens are others then."""
    alone = re.compile(rf"(?<!\w){re.escape(of.trigger.casefold())}(?!\w)")
    return _share(of, lambda text: of.trigger.casefold() in text and not alone.search(text))


def contradictory(of: TrainingSet) -> float | None:
    """Share of the captions that say two things of which one excludes the other."""
    return _share(of, _contradicts)


def too_long(of: TrainingSet) -> float | None:
    """Share of the captions that have more words and marks than CLIP reads tokens; a set knows no base, and so no tokenizer."""
    return _share(of, lambda text: len(re.findall(r"\w+|[^\w\s]", text)) > CLIP_WORDS)


def same_opening(of: TrainingSet) -> float | None:
    """Share of the commonest beginning after the person's name."""
    name = f"{of.trigger} {of.class_word}".casefold()
    return _commonest(" ".join(text.replace(name, "", 1).split()[:OPENING_WORDS]) for text in of.captions)


def same_background(of: TrainingSet) -> float | None:
    """Share of the commonest background among the captions that name one; None where few do."""
    return _commonest(found.group().strip() for text in of.captions if (found := BACKGROUND.search(text)))


def same_light(of: TrainingSet) -> float | None:
    """Likewise of light."""
    return _commonest(found.group().strip() for text in of.captions if (found := LIGHT.search(text)))


def other_body(of: TrainingSet) -> float | None:
    """Share of the images that show a body the class word contradicts, among those whose caption or record tells; None where
    neither tells of any, or the class word is neither a man's nor a woman's."""
    mine, others = _bodies(of.class_word)
    if not mine:
        return None
    name = f"{of.trigger} {of.class_word}".casefold()
    told: list[bool] = []
    for image, text in zip(of.images, of.captions, strict=True):
        said = _words(of.shows.get(image.target or "", "")) | _words(text.replace(name, " "))
        if said & (mine | others):
            told.append(bool(said & others))
    return sum(told) / len(told) if told else None


def _bodies(class_word: str) -> tuple[frozenset[str], frozenset[str]]:
    said = _words(class_word)
    if said & WOMEN:
        return WOMEN, MEN
    return (MEN, WOMEN) if said & MEN else (frozenset(), frozenset())


def _contradicts(text: str) -> bool:
    plain = NOT_THE_HEAD.sub("", text)
    turns = {found[1] or found[2] for found in HEAD_TURN.finditer(plain)}
    if len(turns) + (FACING in plain) > 1:
        return True
    return any(sum(SAID[word].search(plain) is not None for word in group) > 1 for group in CONTRARY)


def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", text.casefold()))


def _share(of: TrainingSet, wrong: Callable[[str], bool]) -> float | None:
    return sum(map(wrong, of.captions)) / len(of.images) if of.images else None


def _commonest(found: Iterable[str]) -> float | None:
    """The share of the commonest; None for fewer than four, which say nothing."""
    counts = Counter(found)
    return counts.most_common(1)[0][1] / counts.total() if counts.total() >= 4 else None
