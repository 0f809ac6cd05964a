"""Which enhanced images become training images: harmless, and with a harmless caption."""

import math
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Literal

from likeness.errors import InputError
from likeness.lazy import Index, Lazy, Spool
from likeness.pipeline.manifest import Entry, Failure, Manifest
from likeness.safety.by_hand import BY_HAND
from likeness.safety.gates import Refusal, Subject, judge, rating, worst
from likeness.store.items import Json

IN_REVIEW = Refusal(
    reason="rating-review",
    detail="is rated review: it may be explicit, and nobody has looked at it",
    remedy="look at it; remove its photos from data/, or set dataset.allow_review: true for all of them",
)
"""Why a picture is not trained on, where nobody allows it."""


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """An enhanced image that goes into the training set, with its caption's manifest line."""

    image: Entry
    caption: Entry

    @property
    def text(self) -> str:
        """The caption on one line, as trainers read it."""
        return " ".join((self.caption.text or "").split())

    def rating(self, record: Mapping[str, Json], review_explicit: float) -> Literal["sfw", "review"]:
        """That of the training image, whose record has passed the gates: the worse of its own and of what it is made from. A crop may
        be rated higher than the photograph."""
        own = rating(record["explicit"], review_explicit=review_explicit, max_explicit=math.inf)
        return worst(self.image.rating, own)


def select(
    images: Sequence[Entry], captions: Manifest, *, allow_review: bool
) -> tuple[Sequence[Chosen], Sequence[Failure]]:
    """The images of the training set, and a failure line for each that stays out.

    Raises:
        InputError: none is left.
    """
    by_id, why = Index(captions.entries, attrgetter("id")), Index(captions.failures, attrgetter("id"))
    numbers, failures = array("q"), Spool[Failure]()
    for number, image in enumerate(images):
        caption = by_id.get(image.id)
        if image.rating == "review" and not allow_review:
            failures.append(_refused(image, image.file, IN_REVIEW))
        elif (by_hand := why.get(image.id)) and by_hand.reason == BY_HAND:
            failures.append(by_hand)
        elif caption is None or not (caption.text or "").strip():
            failures.append(_without_caption(image, why.get(image.id)))
        elif refusal := judge("caption", caption_subject(caption)):
            failures.append(_refused(image, f"the caption of {image.file}", refusal))
        else:
            numbers.append(number)
    if not numbers:
        raise InputError(
            "no image is left for the training set",
            reason="empty-dataset",
            remedy="read the failures.jsonl files of the stages before",
        )

    def pair(number: int) -> Chosen:
        image = images[numbers[number]]
        caption = by_id.get(image.id)
        assert caption is not None
        return Chosen(image=image, caption=caption)

    return Lazy(len(numbers), pair), failures


def caption_subject(caption: Entry) -> Subject:
    """The whole caption as it stands at a door, with what a person allowed in it."""
    return Subject(text=caption.text or "", allowed=frozenset(caption.allowed_words))


def _refused(image: Entry, what: str, refusal: Refusal) -> Failure:
    detail = f"{what} {refusal.detail}"
    return image.failure(kind="refused", reason=refusal.reason, detail=detail, remedy=refusal.remedy)


def _without_caption(image: Entry, failure: Failure | None) -> Failure:
    cause = f" ({failure.reason}: {failure.detail})" if failure else ""
    return image.failure(
        kind="failed",
        reason="no-caption",
        detail=f"{image.file} has no caption{cause}",
        remedy=f"write one to captions_override/{image.id}.txt, or mend what the caption stage reports",
    )
