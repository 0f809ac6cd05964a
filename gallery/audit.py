"""The audit log: lines that are only ever added, each with the sha256 of the one before it."""

import datetime
import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from gallery.tables import AuditLine

CHAIN_LOCK = 7_301_001
"""Two transactions that add a line wait for each other: the chain has one end."""


def _digest(at: datetime.datetime, actor: str, action: str, data: Mapping[str, Any], previous: str) -> str:
    values = [at.astimezone(datetime.UTC).isoformat(), actor, action, data, previous]
    return hashlib.sha256(json.dumps(values, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def note(db: Session, at: datetime.datetime, actor: str, action: str, **data: Any) -> None:
    """Add a line; it stands or falls with the transaction that does what it says."""
    db.execute(select(func.pg_advisory_xact_lock(CHAIN_LOCK)))
    last = db.scalar(select(AuditLine.digest).order_by(AuditLine.id.desc()).limit(1)) or ""
    digest = _digest(at, actor, action, data, last)
    db.add(AuditLine(at=at, actor=actor, action=action, data=data, previous=last, digest=digest))
    db.flush()


def export(db: Session) -> Iterator[str]:
    """All lines as JSON, in their order."""
    for one in db.scalars(select(AuditLine).order_by(AuditLine.id)):
        line = {
            "id": one.id,
            "at": one.at.astimezone(datetime.UTC).isoformat(),
            "actor": one.actor,
            "action": one.action,
            "data": one.data,
            "previous": one.previous,
            "digest": one.digest,
        }
        yield json.dumps(line, sort_keys=True) + "\n"


def first_broken(db: Session) -> int | None:
    """The id of the first line that is not as it was written; None where all are."""
    previous = ""
    for one in db.scalars(select(AuditLine).order_by(AuditLine.id)):
        if one.previous != previous or one.digest != _digest(
            one.at, one.actor, one.action, one.data, previous
        ):
            return one.id
        previous = one.digest
    return None
