"""Whether a record holds now: read anew each time, with what git's history and the team know by then."""

import sys
from collections.abc import Sequence
from pathlib import Path

from likeness.errors import TransientError
from likeness.safety.consent.load import load_consent, read_consent
from likeness.safety.consent.parts import Use
from likeness.safety.consent.record import Consent
from likeness.safety.consent.revocations import Place, learn_from_team, today


def in_force(repository: Path, persona: str, uses: Sequence[Use], *, place: Place | None = None) -> Consent:
    """The persona's record, in force today for every one of `uses`; `place` is the team's store.

    Raises:
        ConsentError: it is not.
        ConfigError, ProviderError: the team's store cannot be asked.
    """
    folder = repository / "consent"
    if place is not None:
        learn_from_team(place, read_consent(folder, persona), repository)
    consent = load_consent(folder, persona)
    consent.require(uses, today=today(repository))
    return consent


def still_in_force(
    repository: Path, persona: str, uses: Sequence[Use], *, place: Place | None = None
) -> Consent:
    """As `in_force`, in the middle of work that began with it and ends with it, before anything gets its name: a store that does not
    answer just now ends no training of hours; what is known here counts, and the next checkpoint asks again."""
    try:
        return in_force(repository, persona, uses, place=place)
    except TransientError as error:
        sys.stderr.write(
            f"{persona}: whether consent is in force is asked again at the next checkpoint: {error.message}\n"
        )
        return in_force(repository, persona, uses)
