"""What a request may be refused with: likeness' tree, with the status that a browser sees.

LikenessError
└── RequestError     status and reason; `remedy` says what to do
"""

from likeness.errors import LikenessError


class RequestError(LikenessError):
    """A request that is not carried out."""

    def __init__(self, status: int, reason: str, sentence: str, *, remedy: str = "") -> None:
        super().__init__(sentence, reason=reason, remedy=remedy)
        self.status = status


def not_there() -> RequestError:
    """The same for what is not there and for what is somebody else's: an id tells nobody anything."""
    return RequestError(404, "not-there", "There is nothing here.", remedy="Go back to your pictures.")


def not_allowed(sentence: str = "This is not yours to do.") -> RequestError:
    """Whoever asks is known, and may not."""
    return RequestError(403, "not-allowed", sentence, remedy="Ask an owner of this gallery.")


def invalid(sentence: str, remedy: str = "Correct it and send it again.") -> RequestError:
    """What was sent cannot be used."""
    return RequestError(422, "invalid", sentence, remedy=remedy)
