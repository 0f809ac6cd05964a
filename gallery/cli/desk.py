"""What an operator does: the same functions as the owners' pages, from the shell."""

import datetime
import sys
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import select
from sqlalchemy.orm import Session

from gallery.accounts.sign_up import change_user, find_user
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
from gallery.tables import Person, Right, Role, User, Version
from likeness.errors import InputError

OPERATOR = "operator"
Email = Annotated[str, typer.Argument(metavar="EMAIL")]
Whom = Annotated[str, typer.Argument(metavar="PERSON")]
Backup = Annotated[Path, typer.Argument(metavar="FILE")]


def _gallery() -> Gallery:
    return open_gallery(Settings())


def _user(db: Session, email: str) -> User:
    if (user := find_user(db, email)) is None:
        raise InputError(f"{email} has no account", remedy="invite them: likeness-gallery invite EMAIL")
    return user


def _role(text: str) -> Role:
    if text not in ("owner", "member", "guest"):
        raise InputError(f"{text} is no role", remedy="owner, member or guest")
    return text


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
    """Take in what `likeness publish PERSON --gallery` laid out.

    \b
    Example:
      likeness-gallery sync
    """
    taken, left_out = take_in(_gallery())
    for version in taken:
        sys.stdout.write(f"{version.name}\n")
    for why in left_out[1:]:
        sys.stderr.write(f"{why}\n")
    if left_out:
        raise left_out[0]


def invite_command(
    email: Email, role: Annotated[str, typer.Option(help="owner, member or guest.")] = "member"
) -> None:
    """Print a link by which somebody may sign up.

    \b
    Example:
      likeness-gallery invite ann@example.org --role guest
    """
    given = _role(role)
    gallery = _gallery()
    with gallery.transaction() as db:
        token = new_token(db, "invitation", email.lower(), gallery.clock(), role=given)
        note(db, gallery.clock(), OPERATOR, "invited", email=email.lower(), role=role)
    sys.stdout.write(f"{gallery.settings.public_url}/invitation#token={token}\n")


def user_command(
    email: Email,
    block: Annotated[
        bool | None, typer.Option("--block/--no-block", help="Out at once, or in again.")
    ] = None,
    role: Annotated[str | None, typer.Option(help="owner, member or guest.")] = None,
) -> None:
    """Block a user, let one in again, or give another role.

    \b
    Examples:
      likeness-gallery user ann@example.org --block
      likeness-gallery user ann@example.org --no-block
      likeness-gallery user ann@example.org --role guest
    """
    given = {"blocked": block, "role": None if role is None else _role(role)}
    changes = {name: value for name, value in given.items() if value is not None}
    if not changes:
        raise InputError("nothing was to be changed", remedy="--block, --no-block or --role")
    gallery = _gallery()
    with gallery.transaction() as db:
        user = _user(db, email)
    # whoever has this machine may block the last owner, too: the account may be somebody else's by now
    change_user(gallery, OPERATOR, user.id, changes, one_owner_stays=False)


def grant_command(
    email: Email,
    person: Whom,
    per_day: Annotated[int, typer.Option(min=0)] = 20,
    until: Annotated[
        datetime.datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The last day, in UTC.")
    ] = None,
    kind: Annotated[
        list[str] | None, typer.Option(help="Of prompts; all by default; may be given again.")
    ] = None,
    version: Annotated[str | None, typer.Option(help="Its name; the newest by default.")] = None,
) -> None:
    """Let somebody draw a person, with one version.

    \b
    Examples:
      likeness-gallery grant ann@example.org jade
      likeness-gallery grant ann@example.org jade --per-day 5 --until 2027-01-31 --kind portrait
    """
    gallery = _gallery()
    with gallery.transaction() as db:
        user, whom = _user(db, email), _person(db, person)
        known = select(Version).where(Version.person_id == whom.id).order_by(Version.created.desc())
        versions = [one for one in db.scalars(known) if version in (None, one.name)]
    if not versions:
        raise InputError(
            f"{person} has no version {version!r}", remedy="look at /admin/rights for their names"
        )
    ends = until and until.replace(hour=23, minute=59, second=59, tzinfo=datetime.UTC)
    grant(gallery, OPERATOR, user.id, versions[0].id, per_day=per_day, until=ends, kinds=kind or KINDS)


def revoke_command(email: Email, person: Whom) -> None:
    """Take somebody's rights to a person away at once.

    \b
    Example:
      likeness-gallery revoke ann@example.org jade
    """
    gallery = _gallery()
    with gallery.transaction() as db:
        user, whom = _user(db, email), _person(db, person)
        of_person = select(Version.id).where(Version.person_id == whom.id)
        rights = db.scalars(
            select(Right.id).where(Right.user_id == user.id, Right.version_id.in_(of_person))
        ).all()
    for right in rights:
        take_away(gallery, OPERATOR, right)


def link_command(person: Whom) -> None:
    """Print the link to the page of the person portrayed, for that person and nobody else.

    \b
    Example:
      likeness-gallery link jade
    """
    gallery = _gallery()
    with gallery.transaction() as db:
        whom = _person(db, person)
        note(db, gallery.clock(), OPERATOR, "link-given", person=whom.name)
        sys.stdout.write(f"{gallery.settings.public_url}/p/{link_token(gallery, whom)}\n")


def audit_command() -> int:
    """Print the audit log as JSON lines; the exit status is 1 when a line was changed.

    \b
    Example:
      likeness-gallery audit
    """
    with _gallery().transaction() as db:
        for line in export(db):
            sys.stdout.write(line)
        broken = first_broken(db)
    if broken is not None:
        sys.stderr.write(f"audit: line {broken} is not as it was written\n")
    return int(broken is not None)


def sweep_command(
    all_of_it: Annotated[
        bool, typer.Option("--all", help="Delete files of no wish, and give lost pictures back.")
    ] = False,
) -> int:
    """Bring the pictures' files and the database together again.

    Files that belong to no picture of an ended wish go, and missing thumbnails are made anew; a worker does so every hour. Pictures
    without a file, and files of wishes that the database does not know, are named, and left alone without --all. Then the exit
    status is 1.

    \b
    Examples:
      likeness-gallery sweep
      likeness-gallery sweep --all
    """
    found = sweep(_gallery(), all_of_it=all_of_it)
    sys.stdout.write(f"{found.deleted} files of no picture deleted, {found.thumbnails} thumbnails made\n")
    done = "given back" if all_of_it else "left: --all gives them back"
    for one in found.lost:
        sys.stdout.write(f"picture {one} has no file ({done})\n")
    done = "deleted" if all_of_it else "left: --all deletes them"
    for name in found.unknown:
        sys.stdout.write(f"{name} is of no wish ({done})\n")
    return int(bool(found.lost or found.unknown) and not all_of_it)


def backup_command(out: Backup) -> None:
    """Write the database and all pictures to a tar file.

    \b
    Example:
      likeness-gallery backup gallery.tar
    """
    sys.stdout.write(f"{out}: the database and {backup(_gallery(), out)} files\n")


def restore_command(source: Backup) -> None:
    """Bring a backup into an empty gallery.

    \b
    Example:
      likeness-gallery restore gallery.tar
    """
    sys.stdout.write(f"{source}: the database and {restore(_gallery(), source)} files\n")
