"""Whether a record holds now: read anew each time, with what git's history and the team know by then."""

import contextlib
import sys
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

from likeness.errors import ConsentError, LikenessError, TransientError
from likeness.safety.consent.load import load_consent, read_consent
from likeness.safety.consent.parts import Use
from likeness.safety.consent.record import Consent
from likeness.safety.consent.revocations import Place, learn_from_team, revocation_of, share, today
from likeness.safety.consent.signing import canonical


def in_force(repository: Path, persona: str, uses: Sequence[Use], *, place: Place | None = None) -> Consent:
    """The persona's record, in force today for every one of `uses`; `place` is the team's store. A store that cannot be asked
    refuses as a revocation does: who shows, draws or copies without its word may do so after a revocation.

    Raises:
        ConsentError: it is not.
        ConfigError, ProviderError: the team's store cannot be asked.
    """
    learn(repository, persona, place)
    consent = load_consent(repository / "consent", persona)
    consent.require(uses, today=today(repository))
    return consent


def refuse_exchanged(now: Consent, began: Consent) -> None:
    """Refuse work that began under another record than is in force now: who takes a photograph or a use out of a record, or signs
    one in its place, means what is under way, too. DVC would take what comes of it for made under the record that lies there.

    Raises:
        ConsentError: `consent-changed`.
    """
    if now != began and canonical(now) != canonical(began):
        raise ConsentError(
            f"{now.persona}: consent/{now.persona}.yaml or its list of targets changed while this ran (it began under {began.id}, "
            f"{now.id} is in force)",
            reason="consent-changed",
            remedy="`dvc repro` begins again under the record that lies there",
        )


def learn(repository: Path, persona: str, place: Place | None) -> None:
    """Put on the list what the team's store says of the persona's record, and tell it what it does not know: somebody revoked while
    it gave no answer.

    Raises:
        ConsentError: there is no record, or one that does not read.
        ConfigError, ProviderError: the team's store cannot be asked.
    """
    if place is None:
        return
    try:
        record = read_consent(repository / "consent", persona)
        learn_from_team(place, record, repository)
        if (ended := revocation_of(record, repository)) is not None:
            with contextlib.suppress(LikenessError):  # who may only read there is refused by it all the same
                share(place, ended)
    except ConsentError:
        raise
    except LikenessError as error:
        error.message = f"{persona}: whether the consent was revoked could not be asked: {error.message}"
        raise


def standing_of(repository: Path, place: Place | None) -> Callable[[str], ConsentError | None]:
    """Says of a person, asked once, why nothing of theirs leaves this machine; None where a record is in force.

    Raises:
        ConfigError, ProviderError: see `in_force`.
    """

    @cache
    def standing(persona: str) -> ConsentError | None:
        try:
            in_force(repository, persona, (), place=place)
        except ConsentError as error:
            return error
        return None

    return standing


def still_in_force(
    repository: Path, persona: str, uses: Sequence[Use], *, place: Place | None = None
) -> Consent:
    """As `in_force`, in the middle of work that began with it and ends with it, before anything gets its name: a store that does not
    answer just now ends no training of hours; what is known here counts, and the next checkpoint asks again."""
    try:
        return in_force(repository, persona, uses, place=place)
    except TransientError as error:
        sys.stderr.write(f"{error.message}; it is asked again at the next checkpoint\n")
        return in_force(repository, persona, uses)
