"""One job: the pictures of a generation that are not there yet, one after the other.

Whatever ends in the middle is begun again by the queue. A picture has a number; what is there under it, or was refused under
it, is not drawn again, so nothing is drawn twice for one credit. Consent and the right to draw are asked for before each picture
is drawn and again when it is stored, under a lock that a revocation waits for.
"""

import time
import uuid
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from gallery.context import Gallery
from gallery.generation.drawing import Drawer, Finished, Finisher, Shot, varied
from gallery.generation.ending import end, give_back, make_free
from gallery.generation.events import tell
from gallery.people.consent import require
from gallery.people.layout import weights_file
from gallery.people.rights import require_still
from gallery.pictures.looks import is_blocked
from gallery.tables import ENDED, Generation, Person, Picture, Refused, Version, picture_file
from likeness.digests import sha256_bytes
from likeness.errors import ConsentError, InputError, TransientError
from likeness.images import RGB, decode_rgb

BUSY = "busy"
STOPPED = "The person portrayed, the consent record or the right to draw the person allows no more pictures."


@dataclass(frozen=True, kw_only=True)
class Worker:
    """Draws the jobs of one gallery."""

    gallery: Gallery
    drawer: Drawer
    finisher: Finisher

    def run(self, generation_id: uuid.UUID) -> None:
        """Draw what is not there yet.

        Raises:
            ProviderError, OSError: to be tried again; what is there stays.
        """
        with self._alone(generation_id):
            while (number := self._next(generation_id)) is not None:
                try:
                    self._one(generation_id, number)
                except InputError as error:
                    self._refuse(generation_id, number, error)
                except ConsentError:
                    with self.gallery.transaction() as db:
                        end(db, self.gallery, _locked(db, generation_id), "cancelled", STOPPED)
                    return

    @contextmanager
    def _alone(self, generation_id: uuid.UUID) -> Generator[None]:
        """Nobody else draws this generation: a worker that was taken for dead may still be at it."""
        key = lock_key(generation_id)
        with self.gallery.engine.connect() as connection:
            if not connection.scalar(select(func.pg_try_advisory_lock(key))):
                raise TransientError(f"{generation_id}: another worker is at it", reason=BUSY)
            try:
                connection.commit()  # no transaction stays open while it is drawn
                yield
            finally:
                connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": key})

    def _next(self, generation_id: uuid.UUID) -> int | None:
        """The number of the next picture; None when there is none, and then the generation is done."""
        with self.gallery.transaction() as db:
            generation = db.scalar(select(Generation).where(Generation.id == generation_id).with_for_update())
            if generation is None or generation.status in ENDED:
                return None
            there = _there(db, generation_id)
            left = [number for number in range(generation.count) if number not in there]
            if not left:
                end(db, self.gallery, generation, "done")
                return None
            if generation.status == "queued":
                generation.status, generation.started = "drawing", self.gallery.clock()
                tell(db, self.gallery, generation)
            return left[0]

    def _one(self, generation_id: uuid.UUID, number: int) -> None:
        begun = time.monotonic()
        with self.gallery.transaction() as db:
            generation = db.get_one(Generation, generation_id)
            version = db.get_one(Version, generation.version_id)
            consent = require(
                db, self.gallery.records, db.get_one(Person, version.person_id), generation.prompt_kind
            )
            require_still(db, generation, self.gallery.clock())
            source = db.get(Picture, generation.like_id) if generation.like_id else None
            if generation.kind == "upscale" and (source is None or source.gone is not None):
                raise InputError("The picture is not there any more.", reason="not-there", kind="refused")
        rgb = self._pixels(generation, version, source, number)
        picture_id = uuid.uuid4()
        finished = self.finisher.finish(rgb, consent, picture_id, version.weights_sha256)
        self._store(generation, version, number, finished, picture_id, time.monotonic() - begun)

    def _pixels(self, generation: Generation, version: Version, source: Picture | None, number: int) -> RGB:
        if generation.kind == "upscale":
            assert source is not None
            data = self.gallery.store.read(source.file)
            if data is None:
                raise InputError("The picture is not there any more.", reason="not-there", kind="refused")
            return self.drawer.enlarge(decode_rgb(data, name="the picture"))
        seed, strength = varied(
            generation.seed, generation.strength, number, like=generation.like_id is not None
        )
        weights = weights_file(self.gallery.settings.folder, version.weights_sha256)
        return self.drawer.draw(
            Shot(
                weights=weights,
                prompt=generation.prompt,
                negative=generation.negative,
                seed=seed,
                strength=strength,
                aspect=generation.aspect,
            )
        )

    def _store(
        self,
        generation: Generation,
        version: Version,
        number: int,
        finished: Finished,
        picture_id: uuid.UUID,
        seconds: float,
    ) -> None:
        """The files first, then the line, while neither a revocation nor a cancellation can come between."""
        name = picture_file(generation.id, number)
        with self.gallery.transaction() as db:
            person = db.scalars(  # a revocation waits for this lock, and others' wishes do not
                select(Person)
                .where(Person.id == version.person_id)
                .with_for_update(read=True, key_share=True)
            ).one()
            require(db, self.gallery.records, person, generation.prompt_kind)
            generation = _locked(db, generation.id)
            require_still(db, generation, self.gallery.clock())
            if not _is_open(db, generation, number):
                return
            if is_blocked(db, finished.pdq):
                raise InputError(
                    "A picture like this one was taken down.", reason="taken-down", kind="refused"
                )
            self.gallery.store.write(name, finished.png)
            self.gallery.store.write(name.replace(".png", ".jpg"), finished.thumbnail)
            seed, _ = varied(generation.seed, 1.0, number, like=generation.like_id is not None)
            db.add(self._line(generation, person, number, seed, finished, picture_id, seconds))
            if finished.likeness is not None and finished.likeness < self.gallery.settings.free_below:
                make_free(db, self.gallery, generation, number)
            db.flush()
            tell(db, self.gallery, generation)

    def _line(
        self,
        generation: Generation,
        person: Person,
        number: int,
        seed: int,
        finished: Finished,
        picture_id: uuid.UUID,
        seconds: float,
    ) -> Picture:
        return Picture(
            id=picture_id,
            generation_id=generation.id,
            index=number,
            user_id=generation.user_id,
            person_id=person.id,
            prompt=generation.prompt,
            seed=seed,
            width=finished.width,
            height=finished.height,
            likeness=finished.likeness,
            sha256=sha256_bytes(finished.png),
            bytes=len(finished.png),
            pdq=finished.pdq,
            seconds=seconds,
            created=self.gallery.clock(),
        )

    def _refuse(self, generation_id: uuid.UUID, number: int, error: InputError) -> None:
        """A refused picture costs nothing and says why and what may help, and nothing of it is kept."""
        remedy = f" {error.remedy[:1].upper()}{error.remedy[1:]}." if error.remedy else ""
        with self.gallery.transaction() as db:
            generation = _locked(db, generation_id)
            if not _is_open(db, generation, number):
                return
            db.add(
                Refused(
                    generation_id=generation_id,
                    index=number,
                    reason=error.reason[:40],
                    sentence=(f"{error.message.rstrip('.')}.{remedy}"),
                    created=self.gallery.clock(),
                )
            )
            give_back(db, self.gallery, generation, 1)
            tell(db, self.gallery, generation)


def _there(db: Session, generation_id: uuid.UUID) -> set[int]:
    """The numbers that are drawn or refused."""
    drawn = set(db.scalars(select(Picture.index).where(Picture.generation_id == generation_id)))
    return drawn | set(db.scalars(select(Refused.index).where(Refused.generation_id == generation_id)))


def _is_open(db: Session, generation: Generation, number: int) -> bool:
    """Whether a picture is still waited for: a worker that was cut off comes back after another one drew it."""
    return generation.status not in ENDED and number not in _there(db, generation.id)


def lock_key(generation_id: uuid.UUID) -> int:
    """The lock that whoever draws a generation holds."""
    return int.from_bytes(generation_id.bytes[8:], "big", signed=True)


def _locked(db: Session, generation_id: uuid.UUID) -> Generation:
    return db.scalars(
        select(Generation)
        .where(Generation.id == generation_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()
