"""Whether a record holds now: read anew each time, with what git's history and the team know by then."""

from collections.abc import Sequence
from pathlib import Path

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
