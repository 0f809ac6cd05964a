"""Signed links: whose page it is and which number of link, under the gallery's key."""

import base64
import binascii
import hashlib
import hmac
import uuid

from sqlalchemy.orm import Session

from gallery.context import Gallery
from gallery.errors import not_there
from gallery.tables import Person

NUMBER_BYTES = 4


def _signature(key: bytes, said: bytes) -> bytes:
    return hmac.new(key, b"portrayed\n" + said, hashlib.sha256).digest()


def link_token(gallery: Gallery, person: Person) -> str:
    """The token of the person's page."""
    said = person.id.bytes + person.link.to_bytes(NUMBER_BYTES, "big")
    return base64.urlsafe_b64encode(said + _signature(gallery.key, said)).decode().rstrip("=")


def portrayed(db: Session, gallery: Gallery, token: str, *, lock: bool = False) -> Person:
    """Whose link it is.

    Raises:
        RequestError: 404: nobody signed it, or a newer one took its place.
    """
    try:
        data = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise not_there() from error
    said, signature = data[: 16 + NUMBER_BYTES], data[16 + NUMBER_BYTES :]
    if len(said) != 16 + NUMBER_BYTES or not hmac.compare_digest(signature, _signature(gallery.key, said)):
        raise not_there()
    person = db.get(Person, uuid.UUID(bytes=said[:16]), with_for_update=lock or None)
    if person is None or person.link != int.from_bytes(said[16:], "big"):
        raise not_there()
    return person
