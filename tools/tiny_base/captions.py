"""Training captions: what the set's makers say of a picture and what likeness's captioner measures, in many orders.

Phrases are left out at random, so that a short prompt is enough; now and then an invented name stands in front,
so that the model knows that a word it never saw may name somebody: there a LoRA's trigger will stand.
"""

import re

import numpy as np

MADE = re.compile(
    r"a photo of a (?P<who>\w+) with (?P<hair>.+ hair), (?P<expression>[\w ]+), "
    r"(?P<clothes>wearing .+?), (?P<pose>[\w ]+), (?P<background>.+ background)"
)
FRAMINGS = (
    "head and shoulders photo",
    "portrait photo",
    "close-up portrait photograph",
    "photo",
    "photograph",
)
LEFT_OUT = {"framing": 0.15, "pose": 0.1, "expression": 0.15, "hair": 0.15, "clothes": 0.15, "background": 0.1,
            "lighting": 0.3}  # fmt: skip
AS_MADE = 0.3  # share of captions in the maker's own words
NAMED = 0.25  # share of captions with an invented name

# Words a prompt may hold although no training caption does: each is one token, and a LoRA can fill it.
MORE_WORDS = """adult person people head shoulders body upper half full length three quarter portrait photograph picture image front
side view profile facing camera looking slightly up down raised lowered chin eyes closed open lips parted smile
serious happy bright dim even soft warm cold light lighting lit sunlight evening morning shadow shade from behind
above outdoors outside indoors inside studio library office kitchen street city park garden forest beach trees sky
wall window blurred plain dark reddish brown beige red pink orange yellow green teal blue purple black grey gray white
blonde blond gold silver dress suit coat sweater shirt top jacket tie hat glasses beard curly straight wavy long short
tied back braided ponytail freckles standing sitting young old year years in on at of the a an and or no not without
with his her him she he this that is wearing background hair expression neutral smiling turned left right close""".split()  # noqa: SIM905 - a list of words reads better without quotes


def split_caption(text: str) -> dict[str, str]:
    """The maker's phrases by trait, and `who`; a text of another form is kept whole."""
    match = MADE.fullmatch(text)
    return (
        {key: value.replace("blond ", "blonde ") for key, value in match.groupdict().items()}
        if match
        else {"text": text}
    )


def compose(text: str, said: dict[str, str | None], random: np.random.Generator) -> str:
    """One caption of a picture, drawn anew at each call; `said` is described.jsonl's."""
    made = split_caption(text)
    if "text" in made:
        return text
    who = made.pop("who")
    if random.random() < AS_MADE:
        body = (
            f"a photo of a {who} with {made['hair']}, {made['expression']}, {made['clothes']}, "
            f"{made['pose']}, {made['background']}"
        )
        return f"{_name(random)} {body}" if random.random() < NAMED / 2 else body
    phrases = []
    for trait, left_out in LEFT_OUT.items():
        choices = [phrase for phrase in (made.get(trait), said.get(trait)) if phrase]
        if trait == "framing":
            choices = [said.get(trait) or FRAMINGS[0], str(random.choice(FRAMINGS))]
        if choices and random.random() >= left_out:
            phrases.append(choices[int(random.integers(len(choices)))])
    if random.random() < 0.2:
        random.shuffle(phrases)
    subject = ("a " if random.random() < 0.4 else "") + who
    if random.random() < NAMED:
        subject = f"{_name(random)} {who}"
    return ", ".join([subject, *phrases])


def plain(text: str, said: dict[str, str | None]) -> str:
    """The caption to ask for a picture like this one, in the order of likeness's captions."""
    made = split_caption(text)
    if "text" in made:
        return text
    pose = said.get("pose") or made["pose"]
    return ", ".join(
        [
            f"a {made['who']}",
            "head and shoulders photo",
            pose,
            made["expression"],
            made["hair"],
            made["clothes"],
            made["background"],
        ]
    )


def _name(random: np.random.Generator) -> str:
    letters = "abcdefghijklmnopqrstuvwxyz"
    return "".join(letters[int(i)] for i in random.integers(26, size=int(random.integers(3, 8))))


def all_words(texts: list[str], said: list[dict[str, str | None]]) -> list[str]:
    """Every word the captions can hold, without the invented names."""
    phrases = [
        *texts,
        *FRAMINGS,
        *(phrase for one in said for phrase in one.values() if phrase),
        "blonde",
        *MORE_WORDS,
    ]
    return sorted({word for phrase in phrases for word in re.findall(r"[a-z]+", phrase.lower())})
