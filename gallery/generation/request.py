"""A wish: what it may hold, and what must be so before it is queued."""

import re
import secrets
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from gallery.accounts.tries import GENERATE, count_try
from gallery.audit import note
from gallery.context import Gallery
from gallery.errors import RequestError, invalid, not_there
from gallery.generation.events import tell
from gallery.money.ledger import take
from gallery.people.consent import require
from gallery.people.presets import kind_of
from gallery.people.rights import Allowed, allowed
from gallery.queue import enqueue
from gallery.tables import Generation, Picture, User, Version
from gallery.words import refuse_words
from likeness.errors import InputError
from likeness.persona import prompt_naming

SEEDS = 2**31
LARGEST_PX = 2048
"""Of a side of a picture that is enlarged: enlarged again and again, one would take all memory of a worker."""
Aspect = Literal["square", "portrait", "landscape"]
PRINTABLE = re.compile(r"[^\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]*")


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What somebody asks for."""

    version_id: uuid.UUID
    prompt: str
    negative: str = ""
    preset: str | None = None
    count: int = 4
    seed: int | None = None
    strength: float = 1.0
    aspect: Aspect = "square"
    like: uuid.UUID | None = None
    attempt: uuid.UUID | None = None


def full_prompt(version: Version, words: str) -> str:
    """`jade woman, in a library`: the person's name, then what was asked for; who begins with the name says it once."""
    return prompt_naming(version.trigger, version.class_word, words)


def ask(gallery: Gallery, user: User, wish: Wish) -> Generation:
    """Queue a wish: all in one transaction, the quota, the credits and the job. The same `attempt` again is the same wish.

    Raises:
        RequestError: no right to it, no quota, no credit, too often, words that a gate refuses.
        ConsentError: no consent in force.
    """
    for text in (wish.prompt, wish.negative):
        if not PRINTABLE.fullmatch(text):
            raise invalid("The words hold letters that cannot be seen.")

    def make(db: Session) -> Generation:
        may = allowed(db, user, wish.version_id, gallery.clock())
        like = own_picture(db, user, wish.like) if wish.like else None
        prompt = full_prompt(may.version, wish.prompt.strip() or (like.prompt if like else ""))
        if (
            like and prompt == like.prompt and not wish.negative.strip()
        ):  # the same words are of the same kind
            kind = db.get_one(Generation, like.generation_id).prompt_kind
        else:
            kind = kind_of(wish.preset, wish.prompt, wish.negative)
        may.require(wish.count, kind, gallery.clock())
        require(db, gallery.records, may.person, kind)
        refuse_words("prompt", prompt, what="The prompt")
        refuse_words("negative prompt", wish.negative, what="What is kept out")
        seed = like.seed if like else wish.seed
        generation = Generation(
            user_id=user.id,
            version_id=may.version.id,
            kind="draw",
            prompt=prompt,
            negative=wish.negative.strip(),
            prompt_kind=kind,
            seed=secrets.randbelow(SEEDS) if seed is None else seed,
            strength=wish.strength,
            aspect=wish.aspect,
            count=wish.count,
            charged=wish.count,
            like_id=like.id if like else None,
            attempt=wish.attempt,
            status="queued",
            created=gallery.clock(),
        )
        return queue(db, gallery, may, generation)

    try:
        return _once(gallery, user, wish.attempt, make)
    except RequestError as error:
        if isinstance(error.__cause__, InputError):  # of refused words their reason is kept, and not they
            with gallery.transaction() as db:
                note(
                    db,
                    gallery.clock(),
                    user.email,
                    "prompt-refused",
                    reason=error.reason,
                    version=str(wish.version_id),
                )
        raise


def ask_larger(
    gallery: Gallery, user: User, picture_id: uuid.UUID, attempt: uuid.UUID | None = None
) -> Generation:
    """Queue the enlargement of a picture of the user's; it counts as one.

    Raises:
        RequestError, ConsentError: as `ask`.
    """

    def make(db: Session) -> Generation:
        picture = own_picture(db, user, picture_id)
        if max(picture.width, picture.height) > LARGEST_PX:
            raise invalid(f"The picture has more than {LARGEST_PX} px already.", "Download it as it is.")
        made = db.get_one(Generation, picture.generation_id)
        may = allowed(db, user, made.version_id, gallery.clock())
        require(db, gallery.records, may.person, made.prompt_kind)
        generation = Generation(
            user_id=user.id,
            version_id=made.version_id,
            kind="upscale",
            prompt=picture.prompt,
            negative=made.negative,
            prompt_kind=made.prompt_kind,
            seed=picture.seed,
            strength=made.strength,
            aspect=made.aspect,
            count=1,
            charged=1,
            like_id=picture.id,
            attempt=attempt,
            status="queued",
            created=gallery.clock(),
        )
        return queue(db, gallery, may, generation)

    return _once(gallery, user, attempt, make)


def _once(
    gallery: Gallery, user: User, attempt: uuid.UUID | None, make: Callable[[Session], Generation]
) -> Generation:
    """What `make` makes, or what an earlier request of this attempt made: a page sends one again when it is clicked twice or
    the answer was lost. Of two at once the database lets one in; the other one finds it."""
    count_try(gallery, GENERATE, str(user.id))
    with gallery.transaction() as db:
        if (made := _made(db, user, attempt)) is not None:
            return made
    try:
        with gallery.transaction() as db:
            return make(db)
    except (
        IntegrityError,
        RequestError,
    ):  # the first one may have used the quota up before this one came to its own
        with gallery.transaction() as db:
            if (made := _made(db, user, attempt)) is not None:
                return made
        raise


def _made(db: Session, user: User, attempt: uuid.UUID | None) -> Generation | None:
    if attempt is None:
        return None
    return db.scalar(select(Generation).where(Generation.user_id == user.id, Generation.attempt == attempt))


def queue(db: Session, gallery: Gallery, may: Allowed, generation: Generation) -> Generation:
    """Take the quota for it and add its job."""
    may.require(generation.count, generation.prompt_kind, gallery.clock())
    db.add(generation)
    db.flush()
    if gallery.settings.money:
        take(db, gallery, generation)
    generation.job_id = enqueue(db, generation.id)
    tell(db, gallery, generation)
    return generation


def own_picture(db: Session, user: User, picture_id: uuid.UUID, *, lock: bool = False) -> Picture:
    """A picture of the user's that is still there; with `lock` nobody else changes it until the end.

    Raises:
        RequestError: 404.
    """
    picture = db.get(Picture, picture_id, with_for_update=lock or None)
    if picture is None or picture.user_id != user.id or picture.gone is not None:
        raise not_there()
    return picture
