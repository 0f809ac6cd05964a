"""Whether a person's consent holds now: the record as likeness reads it, and what was revoked here."""

import contextlib
import datetime
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sqlalchemy.orm import Session

from gallery.tables import Person, Revocation
from likeness.errors import ConsentError
from likeness.safety.consent import Consent, in_force
from likeness.safety.consent import revocations as known
from likeness.safety.consent.load import read_consent
from likeness.safety.consent.revocations import Place


class Records(Protocol):
    """The consent records that the gallery stands on."""

    def in_force(self, person: Person) -> Consent:
        """The record, read anew.

        Raises:
            ConsentError: it does not hold, or another record stands in its place.
        """
        ...

    def revoke(self, person: Person, day: datetime.date) -> None:
        """Put the revocation on likeness' own list."""
        ...


@dataclass(frozen=True, kw_only=True)
class Repository:
    """The records in consent/ of a repository, and the team's store of revocations where there is one."""

    root: Path
    team: Place | None = None

    def in_force(self, person: Person) -> Consent:
        record = in_force(self.root, person.name, ("generate",), place=self.team)
        if record.id != person.consent_id:
            raise ConsentError(
                f"{person.name}: the record in force is {record.id}, not {person.consent_id}",
                reason="consent-changed",
                remedy="publish the person to the gallery again",
            )
        return record

    def revoke(self, person: Person, day: datetime.date) -> None:
        told = known.Revocation(
            id=person.consent_id, persona=person.name, date=day, why="revoked in the gallery"
        )
        with contextlib.suppress(ConsentError):  # a record that is gone or broken ends by its id
            record = read_consent(self.root / "consent", person.name)
            if record.id == told.id:
                told = told.model_copy(update={"kind": record.kind, "evidence": record.evidence.sha256})
        known.revoke(self.root, told)
        if self.team is not None:
            known.share(self.team, told)


def require(db: Session, records: Records, person: Person, kind: str) -> Consent:
    """The person's record, in force by the files and not revoked here, for this kind of prompt; read anew each time.

    Raises:
        ConsentError: it is not.
    """
    if person.ended is not None or db.get(Revocation, person.consent_id) is not None:
        raise ConsentError(
            f"{person.name}: consent {person.consent_id} was revoked in the gallery",
            reason="consent-revoked",
            remedy="nothing opens it again; a new consent is a new record",
        )
    if person.kinds is not None and kind not in person.kinds:
        raise ConsentError(
            f"{person.name}: {kind} is none of the kinds that the person portrayed allows",
            reason="consent-scope",
            remedy="draw what the person allows",
        )
    return records.in_force(person)
