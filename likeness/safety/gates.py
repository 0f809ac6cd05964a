"""The gates: what is refused, and at which door. One row a gate; who stands at a door calls `judge` or `refuse`.

A gate only ever refuses. Nothing else in likeness decides whether a picture or a text may pass.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, get_args

from likeness.errors import InputError
from likeness.safety import words
from likeness.safety.drawing_words import steering, undressing
from likeness.safety.floors import ADULT_YEARS

Rating = Literal["sfw", "review", "explicit"]
PictureDoor = Literal[
    "photograph",
    "delivery",
    "swap",
    "ingested photograph",
    "stage input",
    "training image",
    "drawn picture",
    "drawn likeness",
    "publication",
]
Door = Literal[PictureDoor, "caption", "prompt", "negative prompt", "trigger"]

REMEDIES: dict[Door, str] = {
    "photograph": "remove the photo: explicit material is never used",
    "delivery": "nothing need be done for one item; it is not kept, and not bought again",
    "training image": "remove the photograph it was made from, or run `dvc repro` where a file was changed by hand",
    "swap": "nothing need be done for one pair; many such refusals want other source photos (docs/providers.md)",
    "ingested photograph": "`dvc repro` makes ingested/ again; or remove the photograph",
    "stage input": "`dvc repro` makes the stage before again; or remove the photograph it was made from",
    "drawn picture": "change the prompt; if harmless prompts draw this, don't use the base or the LoRA",
    "drawn likeness": "ask for another seed, or for other words",
    "publication": "it stays here; look at it, and run `dvc repro` where a file was changed by hand",
    "caption": "explicit material is not captioned: remove the photo, or caption it without such words; where a harmless "
    "thing is meant, write the caption to captions_override/ and allow it in allowed.yaml there (docs/words.md)",
    "prompt": "write other words; prompts of evaluate stand in conf/evaluate/, and the persona may have another name",
    "negative prompt": "leave it out of evaluate.negative_prompt: a picture is guided away from what stands there",
    "trigger": "choose another word in conf/persona/",
}


def rating(score: float | None, *, review_explicit: float, max_explicit: float) -> Rating:
    """`sfw` below `review_explicit`, `explicit` from `max_explicit` on; None and NaN count as explicit."""
    if score is None or not score < max_explicit:
        return "explicit"
    return "sfw" if score < review_explicit else "review"


def worst(*ratings: Rating) -> Literal["sfw", "review"]:
    """The rating of what is kept of pictures that are rated so."""
    return "sfw" if set(ratings) == {"sfw"} else "review"


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """Why something does not pass; `detail` holds the measured value beside the limit."""

    reason: str
    detail: str
    remedy: str

    def error(self, what: str = "", measured: Mapping[str, Any] | None = None) -> InputError:
        """The refusal as an error; `what` begins the message, `measured` is kept with it."""
        message = f"{what} {self.detail}" if what else self.detail
        return InputError(message, reason=self.reason, remedy=self.remedy, kind="refused", measured=measured)


@dataclass(frozen=True, kw_only=True)
class SeenFace:
    """A face in a picture: the shorter side of its box, its apparent age (None: not judged), the adult age that a record
    attests for whom it shows, and whose it is (None: nobody's whom a record speaks of). Of a `blurred` face nobody can tell
    whose it is; of a `small` one in a drawn picture only that it looks like a child's."""

    side_px: float
    age_years: float | None
    attested_years: int | None = None
    whose: str | None = None
    blurred: bool = False
    small: bool = False


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What stands at a door: a picture's explicit-material score 0..1 (None: the rater gave none), from which score on it
    is explicit, its faces, largest first, and what is wrong with where it comes from; or a text and the ambiguous words
    that a person allowed in it; a `trigger` is looked into, too."""

    explicit: float | None = None
    max_explicit: float = 0.0
    faces: Sequence[SeenFace] = ()
    untraced: str | None = None
    text: str = ""
    allowed: frozenset[str] = frozenset()
    trigger: bool = False

    @cached_property
    def found(self) -> list[words.Finding]:
        """The listed words of the text."""
        return words.find(self.text, strict=self.trigger)


@dataclass(frozen=True, kw_only=True)
class Gate:
    """One rule: its reason in failures.jsonl, the doors it stands at, and the detail if it refuses; `remedies` are those of
    single doors."""

    reason: str
    doors: frozenset[Door]
    refuses: Callable[[Subject], str | None]
    remedy: str | None = None
    remedies: Mapping[Door, str] = field(default_factory=dict[Door, str])

    def remedy_at(self, door: Door) -> str:
        """What helps who was refused there."""
        return self.remedies.get(door) or self.remedy or REMEDIES[door]


def _not_rated(subject: Subject) -> str | None:
    return (
        "the rater gave no number, and what cannot be rated is not used" if subject.explicit is None else None
    )


def _explicit(subject: Subject) -> str | None:
    limit = subject.max_explicit
    if rating(subject.explicit, review_explicit=limit, max_explicit=limit) == "explicit":
        return f"rated {subject.explicit:.2f}, explicit from ingest.max_explicit {limit:g} on"
    return None


def _names_a_child(subject: Subject) -> str | None:
    found = [one.word for one in subject.found if one.kind == "child"]
    return f"says {found[0]!r}, a word for a child or an age under {ADULT_YEARS}" if found else None


CHILD_YEARS = 10.0
"""Who is estimated younger is refused whatever a record says. The estimator reads adults of 29 to 45 as 13 and more
(18 synthetic photographs, their 35 swaps); docs/consent.md has the share of 500 portraits that it reads below."""


def _child(subject: Subject) -> str | None:
    for face in subject.faces:
        if face.age_years is not None and not face.age_years >= CHILD_YEARS:
            return f"shows a face ({face.side_px:.0f} px) that looks {face.age_years:.1f}, whatever a record says"
    return None


def _minor(subject: Subject) -> str | None:
    for number, face in enumerate(subject.faces):
        if face.attested_years is not None or face.small:
            continue
        if face.age_years is not None and not face.age_years >= ADULT_YEARS:
            where = "a face" if number == 0 else "a face behind"
            return f"shows {where} ({face.side_px:.0f} px) that looks {face.age_years:.1f}, and no record attests an adult"
    return None


def _age_not_judged(subject: Subject) -> str | None:
    face = next(iter(subject.faces), None)
    if face is not None and face.age_years is None and face.attested_years is None:
        return "the age of the face could not be estimated"
    return None


def _unknown_face(subject: Subject) -> str | None:
    if not any(face.whose for face in subject.faces):
        return "shows no face that is the persona's"
    for face in subject.faces:
        if face.whose is None and not face.blurred:
            return f"shows a face ({face.side_px:.0f} px) of somebody whom no record speaks of"
    return None


def _explicit_words(subject: Subject) -> str | None:
    for one in subject.found:
        if one.kind == "explicit" or (one.kind == "ambiguous" and one.word not in subject.allowed):
            return f"says {one.word!r}"
    return None


PICTURES: frozenset[Door] = frozenset(get_args(PictureDoor))
ATTEST = (
    "if the photo shows an adult, record that person's age for these bytes, with evidence, in consent/; "
    "crop away a face behind; else remove the photo"
)
TEXTS: frozenset[Door] = frozenset({"caption", "prompt", "trigger"})

GATES = (
    Gate(
        reason="not-rated", doors=PICTURES, refuses=_not_rated, remedy="use another one, or report this one"
    ),
    Gate(reason="explicit", doors=PICTURES, refuses=_explicit),
    Gate(reason="untraced", doors=frozenset({"training image"}), refuses=lambda subject: subject.untraced),
    Gate(
        reason="apparent-child",
        doors=PICTURES,
        refuses=_child,
        remedy="remove it: nothing that looks like a child is used, whatever a record says",
    ),
    Gate(reason="age-not-judged", doors=frozenset({"photograph"}), refuses=_age_not_judged, remedy=ATTEST),
    Gate(
        reason="apparent-minor",
        doors=PICTURES - {"delivery", "ingested photograph"},
        refuses=_minor,
        remedies={"photograph": ATTEST},
    ),
    Gate(
        reason="unknown-face",
        doors=frozenset({"training image", "publication", "drawn likeness"}),
        refuses=_unknown_face,
        remedy="crop the photograph it was made from so that only the persona is left, or blur the other face there",
        remedies={
            "drawn likeness": "ask for words that show the face, and for nobody else's; another seed or a higher strength may help"
        },
    ),
    Gate(
        reason="words-of-children",
        doors=TEXTS,
        refuses=_names_a_child,
        remedy="call an adult a woman or a man and leave the age out; nothing allows such words",
    ),
    Gate(
        reason="drawing-syntax",
        doors=frozenset({"prompt", "negative prompt"}),
        refuses=lambda subject: steering(subject.text),
        remedy="no weight below zero, no choice ({a|b}), no embedding and no LoRA in the words",
    ),
    Gate(reason="explicit-words", doors=TEXTS, refuses=_explicit_words),
    Gate(
        reason="guarded-words",
        doors=frozenset({"negative prompt"}),
        refuses=lambda subject: undressing(subject.text),
    ),
)


def judge(door: Door, subject: Subject) -> Refusal | None:
    """The first refusal at a door, in the order of the table; None lets the subject pass."""
    for gate in GATES:
        if door in gate.doors and (detail := gate.refuses(subject)) is not None:
            return Refusal(reason=gate.reason, detail=detail, remedy=gate.remedy_at(door))
    return None


def refuse(door: Door, subject: Subject, *, what: str) -> None:
    """Let the subject pass, or not.

    Raises:
        InputError: refused, with the gate's reason; `what` begins the message.
    """
    if refusal := judge(door, subject):
        raise refusal.error(what)
