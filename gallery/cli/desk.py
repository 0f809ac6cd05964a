"""What an operator does: the same functions as the owners' pages, from the shell."""

import datetime
import sys
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from gallery.accounts.sessions import end_sessions
from gallery.accounts.sign_up import find_user
from gallery.accounts.tokens import new_token
from gallery.audit import export, first_broken, note
from gallery.backup import backup, restore
from gallery.context import Gallery
from gallery.opening import open_gallery
from gallery.people.granting import grant, take_away
from gallery.people.layout import take_in
from gallery.people.presets import KINDS
from gallery.pictures.sweeping import sweep
from gallery.portrayed.links import link_token
from gallery.settings import Settings
from gallery.tables import Person, Right, User, Version
from likeness.errors import InputError

OPERATOR = "operator"


def _gallery() -> Gallery:
    return open_gallery(Settings())


def _user(db: Session, email: str) -> User:
    if (user := find_user(db, email)) is None:
        raise InputError(f"{email} has no account", remedy="invite them: likeness-gallery invite EMAIL")
    return user


def _person(db: Session, name: str) -> Person:
    newest = (
        select(Person).where(Person.name == name).order_by(Person.ended.is_not(None), Person.created.desc())
    )
    if (person := db.scalar(newest.limit(1))) is None:
        raise InputError(
            f"{name} is not in this gallery", remedy=f"likeness publish {name} --gallery, then sync"
        )
    return person


def sync_command() -> None:
    """Take in new versions and name them.

    Raises:
        InputError: one could not be taken in; the others were.
    """
    taken, left_out = take_in(_gallery())
    for version in taken:
        sys.stdout.write(f"{version.name}\n")
    for why in left_out[1:]:
        sys.stderr.write(f"{why}\n")
    if left_out:
        raise left_out[0]


def invite_command(email: str, role: str) -> None:
    """Print an invitation's link."""
    if role not in ("owner", "member", "guest"):
        raise InputError(f"{role} is no role", remedy="owner, member or guest")
    gallery = _gallery()
    with gallery.transaction() as db:
        token = new_token(db, "invitation", email.lower(), gallery.clock(), role=role)
        note(db, gallery.clock(), OPERATOR, "invited", email=email.lower(), role=role)
    sys.stdout.write(f"{gallery.settings.public_url}/invitation#token={token}\n")


def block_command(email: str, *, block: bool) -> None:
    """Block a user, or not any more."""
    gallery = _gallery()
    with gallery.transaction() as db:
        user = _user(db, email)
        user.blocked = block
        end_sessions(db, user.id)
        note(db, gallery.clock(), OPERATOR, "user-changed", user=user.email, blocked=block)


def grant_command(
    email: str, person: str, *, per_day: int, until: datetime.datetime | None, kinds: list[str] | None
) -> None:
    """Give a right to the newest version."""
    gallery = _gallery()
    with gallery.transaction() as db:
        user, whom = _user(db, email), _person(db, person)
        newest = (
            select(Version.id).where(Version.person_id == whom.id).order_by(Version.created.desc()).limit(1)
        )
        version = db.scalars(newest).one()
    ends = until and until.replace(tzinfo=datetime.UTC)
    grant(gallery, OPERATOR, user.id, version, per_day=per_day, until=ends, kinds=kinds or KINDS)


def revoke_command(email: str, person: str) -> None:
    """Take all rights to a person away."""
    gallery = _gallery()
    with gallery.transaction() as db:
        user, whom = _user(db, email), _person(db, person)
        of_person = select(Version.id).where(Version.person_id == whom.id)
        rights = db.scalars(
            select(Right.id).where(Right.user_id == user.id, Right.version_id.in_(of_person))
        ).all()
    for right in rights:
        take_away(gallery, OPERATOR, right)


def link_command(person: str) -> None:
    """Print the link of the person portrayed."""
    gallery = _gallery()
    with gallery.transaction() as db:
        whom = _person(db, person)
        note(db, gallery.clock(), OPERATOR, "link-given", person=whom.name)
        sys.stdout.write(f"{gallery.settings.public_url}/p/{link_token(gallery, whom)}\n")


def audit_command() -> int:
    """Print the log; 1 when its chain does not hold."""
    with _gallery().transaction() as db:
        for line in export(db):
            sys.stdout.write(line)
        broken = first_broken(db)
    if broken is not None:
        sys.stderr.write(f"audit: line {broken} is not as it was written\n")
    return int(broken is not None)


def sweep_command(*, all_of_it: bool) -> int:
    """Sweep and say what was found; 1 where something is left to decide."""
    found = sweep(_gallery(), all_of_it=all_of_it)
    sys.stdout.write(f"{found.deleted} files of no picture deleted, {found.thumbnails} thumbnails made\n")
    done = "given back" if all_of_it else "left: --all gives them back"
    for one in found.lost:
        sys.stdout.write(f"picture {one} has no file ({done})\n")
    done = "deleted" if all_of_it else "left: --all deletes them"
    for name in found.unknown:
        sys.stdout.write(f"{name} is of no wish ({done})\n")
    return int(bool(found.lost or found.unknown) and not all_of_it)


def backup_command(out: Path) -> None:
    """Write a backup and say what is in it."""
    sys.stdout.write(f"{out}: the database and {backup(_gallery(), out)} files\n")


def restore_command(source: Path) -> None:
    """Bring a backup in and say what came."""
    sys.stdout.write(f"{source}: the database and {restore(_gallery(), source)} files\n")
