"""Does the picture show what its prompt asked for, as far as that can be measured without a model that guesses?

Prompt and measured words (the attributes captioner's) are read by the same patterns, so what one does not say of a picture is
not judged. A place ("in a library") or a thing held cannot be measured here.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from likeness.caption.attribute_text import FRAMINGS
from likeness.caption.colour import NAMES
from likeness.evaluate.looks import Look
from likeness.evaluate.samples import Planned

COLOURS = "|".join(sorted(NAMES, key=len, reverse=True))
FRAMING_NAMES = "|".join(word for _, word in FRAMINGS if word)

FACETS: Mapping[str, str] = {
    "framing": rf"({FRAMING_NAMES})(?=[a-z ]*(?:photo|portrait))",
    "turn of the head": r"(facing the camera|front view|(?:turned (?:slightly )?to the|in profile facing) (?:left|right))",
    "expression": r"\b(smiling|neutral expression|lips parted|eyes closed)",
    "hair": r"\b(black|dark|brown|blonde|red|grey|white) hair",
    "clothes": r"\bwearing ([a-z ]+)",
    "background": r"([a-z ]+) background",
    "light": r"\b(dim|bright|even|side light from the left|side light from the right)(?= |,|$)",
}
"""What can be measured, and how text says it; clothes and background are told by the colours in their words."""


CUT_TO_FACE = frozenset({"framing"})
"""What is not judged where training cuts to the face: it sees one framing under captions that name several, and draws that one."""


def facets(text: str) -> dict[str, set[str]]:
    """What a text says of each facet that it mentions."""
    plain = re.sub(r"\b(head|upper|half|full)-(and-shoulders|body)\b", r"\1 \2", text.lower())
    said = {name: set(re.findall(pattern, plain)) for name, pattern in FACETS.items()}
    said["turn of the head"] = {_turn(words) for words in said["turn of the head"]}
    for name in ("clothes", "background"):
        said[name] = {colour for words in said[name] for colour in re.findall(rf"\b({COLOURS})\b", words)}
    return {name: values for name, values in said.items() if values}


def adherence(
    planned: Sequence[Planned], looks: Mapping[str, Look], unjudged: Collection[str] = ()
) -> list[dict[str, Any]]:
    """Of each facet: in how many pictures it was asked for and can be judged, and in how many the prompt was followed."""
    rows: dict[str, list[bool]] = {name: [] for name in FACETS}
    asked: dict[str, int] = dict.fromkeys(FACETS, 0)
    for one in planned:
        shown = facets(looks[one.id].text) if one.id in looks else {}
        for name, values in facets(one.prompt).items():
            asked[name] += 1
            if name in shown and name not in unjudged:
                rows[name].append(values <= shown[name])
    return [
        {"facet": name, "asked": asked[name], "judged": len(rows[name]), "followed": sum(rows[name])}
        for name in FACETS
        if asked[name]
    ]


def followed_by_image(
    planned: Sequence[Planned], looks: Mapping[str, Look], unjudged: Collection[str] = ()
) -> dict[str, list[int]]:
    """Of each picture in which something can be judged: in how many facets the prompt was followed, and how many were judged."""
    found: dict[str, list[int]] = {}
    for one in planned:
        rows = adherence([one], looks, unjudged)
        if judged := sum(row["judged"] for row in rows):
            found[one.id] = [sum(row["followed"] for row in rows), judged]
    return found


def share_followed(rows: Iterable[Mapping[str, Any]]) -> float | None:
    """Share of the judged facets in which the prompt was followed; None where none could be judged."""
    judged, followed = (sum(row[name] for row in rows) for name in ("judged", "followed"))
    return round(followed / judged, 4) if judged else None


def _turn(words: str) -> str:
    return "front" if words in ("facing the camera", "front view") else words.rpartition(" ")[2]
