"""What owners read: the queue, workers, refusals, the audit log, storage."""

from typing import Any

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse
from sqlalchemy import func, select, text

from gallery.api.visitors import GalleryDep, OwnerDep
from gallery.audit import export, first_broken
from gallery.generation.progress import WAITING, seconds_a_picture, views
from gallery.tables import AuditLine, Generation, Person, Picture, Refused

router = APIRouter(prefix="/admin")
SHOWN = 200


@router.get("/people")
def get_people(gallery: GalleryDep, by: OwnerDep) -> dict[str, Any]:
    """All persons, ended ones too."""
    with gallery.transaction() as db:
        items = [{"id": one.id, "name": one.name, "consent_id": one.consent_id, "ended": one.ended, "kinds": one.kinds,
                  "per_day": one.per_day} for one in db.scalars(select(Person).order_by(Person.name))]  # fmt: skip
    return {"items": items, "next": None}


@router.get("/queue")
def get_queue(gallery: GalleryDep, by: OwnerDep) -> dict[str, Any]:
    """What is under way, in its order."""
    with gallery.transaction() as db:
        waiting = (
            select(Generation).where(Generation.status.in_(WAITING)).order_by(Generation.created).limit(SHOWN)
        )
        return {
            "items": views(db, list(db.scalars(waiting))),
            "seconds_a_picture": seconds_a_picture(db),
            "next": None,
        }


@router.get("/workers")
def get_workers(gallery: GalleryDep, by: OwnerDep) -> dict[str, Any]:
    """Who works, and when each last said so."""
    with gallery.transaction() as db:
        rows = db.execute(text("SELECT id, last_heartbeat FROM procrastinate_workers ORDER BY id"))
        return {"items": [{"id": row[0], "seen": row[1]} for row in rows], "next": None}


@router.get("/refusals")
def get_refusals(gallery: GalleryDep, by: OwnerDep) -> dict[str, Any]:
    """Prompts and pictures that gates refused: reasons, no words and no pictures."""
    with gallery.transaction() as db:
        words = (
            select(AuditLine)
            .where(AuditLine.action == "prompt-refused")
            .order_by(AuditLine.id.desc())
            .limit(SHOWN)
        )
        prompts = [{"at": one.at, "by": one.actor, "reason": one.data["reason"]} for one in db.scalars(words)]
        counted = select(Refused.reason, func.count()).group_by(Refused.reason).order_by(Refused.reason)
        return {"prompts": prompts, "pictures": {row[0]: row[1] for row in db.execute(counted)}}


@router.get("/audit")
def get_audit(gallery: GalleryDep, by: OwnerDep) -> PlainTextResponse:
    """The whole log as JSON lines; a header says whether its chain holds."""
    with gallery.transaction() as db:
        lines, broken = "".join(export(db)), first_broken(db)
    headers = {"x-first-broken-line": "none" if broken is None else str(broken)}
    return PlainTextResponse(lines, media_type="application/x-ndjson", headers=headers)


@router.get("/storage")
def get_storage(gallery: GalleryDep, by: OwnerDep) -> dict[str, Any]:
    """How many pictures lie where, and what waits to be erased."""
    with gallery.transaction() as db:
        count = func.count
        here = db.scalar(select(count()).where(Picture.gone.is_(None)))
        waiting = db.scalar(select(count()).where(Picture.gone.is_not(None), Picture.erased.is_(None)))
        size = db.scalar(select(func.pg_database_size(func.current_database())))
    return {"place": gallery.store.url, "pictures": here, "to_erase": waiting, "database_bytes": size}
