"""How often something may be tried; counted in the database, so that a restart forgets nothing."""

import datetime
import hashlib
from dataclasses import dataclass

from sqlalchemy import delete, update
from sqlalchemy.dialects.postgresql import insert

from gallery.context import Gallery
from gallery.errors import RequestError
from gallery.tables import Tries


@dataclass(frozen=True, kw_only=True)
class Limit:
    """So many tries in so many seconds."""

    name: str
    tries: int
    seconds: int


SIGN_IN_ADDRESS = Limit(name="sign-in-address", tries=10, seconds=900)
SIGN_IN_PLACE = Limit(name="sign-in-place", tries=100, seconds=900)
SIGN_UP_PLACE = Limit(name="sign-up", tries=20, seconds=3600)
MAIL_ADDRESS = Limit(name="mail-address", tries=5, seconds=3600)
MAIL_PLACE = Limit(name="mail-place", tries=30, seconds=3600)
TOKEN_PLACE = Limit(name="token", tries=30, seconds=3600)
PORTRAYED = Limit(name="portrayed", tries=60, seconds=3600)
SHARE_PASSWORD = Limit(name="share-password", tries=10, seconds=900)
SHARE_OPENED = Limit(name="share-opened", tries=300, seconds=900)
SHARE_MADE = Limit(name="share-made", tries=60, seconds=3600)
ALBUM = Limit(name="album", tries=120, seconds=3600)
ARCHIVE = Limit(name="archive", tries=60, seconds=3600)
CHECKOUT = Limit(name="checkout", tries=20, seconds=3600)
GENERATE = Limit(name="generate", tries=60, seconds=60)
TAKEDOWN_PLACE = Limit(name="takedown", tries=10, seconds=3600)


def _key(gallery: Gallery, limit: Limit, who: str) -> tuple[str, datetime.datetime]:
    """Under which a try is counted now: the name, and when the time began that it counts in."""
    begun = gallery.clock().timestamp() // limit.seconds * limit.seconds
    key = hashlib.sha256(f"{limit.name}\n{who}".encode()).hexdigest()
    return key, datetime.datetime.fromtimestamp(begun, datetime.UTC)


def take_back_try(gallery: Gallery, limit: Limit, who: str) -> None:
    """A try that was right counts for nothing."""
    key, begun = _key(gallery, limit, who)
    with gallery.transaction() as db:
        db.execute(update(Tries).where(Tries.key == key, Tries.window == begun).values(count=Tries.count - 1))


def count_try(gallery: Gallery, limit: Limit, who: str) -> None:
    """Count one try of `who` (an address, a place, an id), in a transaction of its own: a refusal does not undo it.

    Raises:
        RequestError: 429.
    """
    now = gallery.clock()
    key, begun = _key(gallery, limit, who)
    with gallery.transaction() as db:
        one = insert(Tries).values(key=key, window=begun, count=1)
        counted = one.on_conflict_do_update(index_elements=["key", "window"], set_={"count": Tries.count + 1})
        count = db.execute(counted.returning(Tries.count)).scalar_one()
        if count == 1:  # now and then what is long past goes
            db.execute(delete(Tries).where(Tries.key == key, Tries.window < begun))
    if count > limit.tries:
        wait = int(begun.timestamp() + limit.seconds - now.timestamp()) + 1
        raise RequestError(
            429, "too-many-tries", "This was tried too often.", remedy=f"Try again in {wait} seconds."
        )
