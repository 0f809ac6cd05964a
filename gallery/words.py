"""What people write about pictures: every such text passes the gates of likeness, and is answered in words for whoever wrote it."""

from gallery.errors import RequestError
from likeness.errors import InputError
from likeness.safety.gates import Door, Subject, refuse

REMEDY = "Use other words."


def refuse_words(door: Door, text: str, *, what: str) -> None:
    """Let a text pass its door, or not.

    Raises:
        RequestError: 422, with the gate's reason.
    """
    try:
        refuse(door, Subject(text=text), what=what)
    except InputError as error:
        raise RequestError(422, error.reason, f"{error.message}.", remedy=REMEDY) from error
