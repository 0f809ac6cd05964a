"""The gates: what is refused, and at which door. One row a gate; who stands at a door calls `judge` or `refuse`.

A gate only ever refuses. Nothing else in likeness decides whether a picture or a text may pass.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from likeness.errors import InputError
from likeness.safety import words

Rating = Literal["sfw", "review", "explicit"]
Door = Literal["photograph", "swap", "drawn picture", "caption", "prompt", "trigger"]

REMEDIES: dict[Door, str] = {
    "photograph": "remove the photo: explicit material is never used",
    "swap": "nothing need be done for one pair; many such refusals want other source photos (docs/providers.md)",
    "drawn picture": "change the prompt; if harmless prompts draw this, don't use the base or the LoRA",
    "caption": "explicit material is not captioned: remove the photo, or caption it without such words; where a harmless "
    "thing is meant, write the caption to captions_override/ and allow it in allowed.yaml there (docs/words.md)",
    "prompt": "write another one in conf/evaluate/ (or another name for the persona)",
    "trigger": "choose another word in conf/persona/",
}


def rating(score: float | None, *, review_explicit: float, max_explicit: float) -> Rating:
    """`sfw` below `review_explicit`, `explicit` from `max_explicit` on; None and NaN count as explicit."""
    if score is None or not score < max_explicit:
        return "explicit"
    return "sfw" if score < review_explicit else "review"


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """Why something does not pass; `detail` holds the measured value beside the limit."""

    reason: str
    detail: str
    remedy: str


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What stands at a door: a picture's explicit-material score 0..1 (None: the rater gave none) and from which score
    on it is explicit, or a text and the ambiguous words that a person allowed in it; a `trigger` is looked into, too."""

    explicit: float | None = None
    max_explicit: float = 0.0
    text: str = ""
    allowed: frozenset[str] = frozenset()
    trigger: bool = False


@dataclass(frozen=True, kw_only=True)
class Gate:
    """One rule: its reason in failures.jsonl, the doors it stands at, and the detail if it refuses."""

    reason: str
    doors: frozenset[Door]
    refuses: Callable[[Subject], str | None]
    remedy: str | None = None


def _not_rated(subject: Subject) -> str | None:
    if subject.explicit is None:
        return "the rater gave no number, and what cannot be rated is not used"
    return None


def _explicit(subject: Subject) -> str | None:
    limit = subject.max_explicit
    if rating(subject.explicit, review_explicit=limit, max_explicit=limit) == "explicit":
        return f"rated {subject.explicit:.2f}, explicit from ingest.max_explicit {limit:g} on"
    return None


def _names_a_child(subject: Subject) -> str | None:
    found = [one.word for one in words.find(subject.text, strict=subject.trigger) if one.kind == "child"]
    return f"says {found[0]!r}, a word for a child or an age under {words.ADULT_YEARS}" if found else None


def _explicit_words(subject: Subject) -> str | None:
    for one in words.find(subject.text, strict=subject.trigger):
        if one.kind == "explicit" or (one.kind == "ambiguous" and one.word not in subject.allowed):
            return f"says {one.word!r}"
    return None


PICTURES: frozenset[Door] = frozenset({"photograph", "swap", "drawn picture"})
TEXTS: frozenset[Door] = frozenset({"caption", "prompt", "trigger"})

GATES = (
    Gate(
        reason="not-rated", doors=PICTURES, refuses=_not_rated, remedy="use another one, or report this one"
    ),
    Gate(reason="explicit", doors=PICTURES, refuses=_explicit),
    Gate(
        reason="words-of-children",
        doors=TEXTS,
        refuses=_names_a_child,
        remedy="call an adult a woman or a man and leave the age out; nothing allows such words",
    ),
    Gate(reason="explicit-words", doors=TEXTS, refuses=_explicit_words),
)


def judge(door: Door, subject: Subject) -> Refusal | None:
    """The first refusal at a door, in the order of the table; None lets the subject pass."""
    for gate in GATES:
        if door in gate.doors and (detail := gate.refuses(subject)) is not None:
            return Refusal(reason=gate.reason, detail=detail, remedy=gate.remedy or REMEDIES[door])
    return None


def refuse(door: Door, subject: Subject, *, what: str) -> None:
    """Let the subject pass, or not.

    Raises:
        InputError: refused, with the gate's reason; `what` begins the message.
    """
    if refusal := judge(door, subject):
        raise InputError(
            f"{what} {refusal.detail}", reason=refusal.reason, remedy=refusal.remedy, kind="refused"
        )
