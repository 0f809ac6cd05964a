"""What owners read: the queue, workers, refusals, the audit log, storage."""

import uuid
from typing import Any, cast

from fastapi import APIRouter, Response
from fastapi.responses import PlainTextResponse
from sqlalchemy import func, select, text

from gallery.api.owner_shapes import AdminPerson, AuditLog, Queue, RefusalLine, Storage, WorkerLine
from gallery.api.shapes import Page, content
from gallery.api.visitors import GalleryDep, OwnerDep
from gallery.audit import export, first_broken
from gallery.generation.cut_off import DEAD_AFTER_SECONDS
from gallery.generation.progress import WAITING, seconds_a_picture, views
from gallery.tables import AuditLine, Generation, Person, Picture, Refused, User, Version

router = APIRouter(prefix="/admin")
SHOWN = 200
WORKERS = text(
    "SELECT w.id, w.last_heartbeat, w.last_heartbeat > now() - :seconds * interval '1 second', count(j.id)"
    " FROM procrastinate_workers w LEFT JOIN procrastinate_jobs j ON j.worker_id = w.id AND j.status = 'doing'"
    " GROUP BY w.id ORDER BY w.id"
)


@router.get("/people", response_model=Page[AdminPerson])
def get_people(gallery: GalleryDep, by: OwnerDep) -> dict[str, Any]:
    """All persons with their versions, ended ones too."""
    with gallery.transaction() as db:
        versions: dict[uuid.UUID, list[dict[str, Any]]] = {}
        for one in db.scalars(select(Version).order_by(Version.created.desc(), Version.name)):
            versions.setdefault(one.person_id, []).append({"id": one.id, "name": one.name})
        items = [
            {
                "id": one.id,
                "name": one.name,
                "consent_id": one.consent_id,
                "ended": one.ended,
                "kinds": one.kinds,
                "per_day": one.per_day,
                "versions": versions.get(one.id, []),
            }
            for one in db.scalars(select(Person).order_by(Person.name))
        ]
    return {"items": items, "next": None}


@router.get("/queue", response_model=Queue)
def get_queue(gallery: GalleryDep, by: OwnerDep) -> dict[str, Any]:
    """What is under way, in its order."""
    with gallery.transaction() as db:
        waiting = (
            select(Generation, User.name)
            .join(User)
            .where(Generation.status.in_(WAITING))
            .order_by(Generation.created, Generation.id)
            .limit(SHOWN)
        )
        rows = db.execute(waiting).all()
        shown = views(db, [row[0] for row in rows])
        names = ("id", "person", "status", "place", "done", "count", "created")
        items = [
            {"user": row[1]} | {name: one[name] for name in names}
            for row, one in zip(rows, shown, strict=True)
        ]
        return {"items": items, "seconds_a_picture": seconds_a_picture(db), "next": None}


@router.get("/workers", response_model=Page[WorkerLine])
def get_workers(gallery: GalleryDep, by: OwnerDep) -> dict[str, Any]:
    """Who works, when each last said so, and how many jobs it holds."""
    with gallery.transaction() as db:
        rows = db.execute(WORKERS, {"seconds": DEAD_AFTER_SECONDS})
        items = [
            {"id": row[0], "seen": row[1], "status": "working" if row[2] else "silent", "drawing": row[3]}
            for row in rows
        ]
    return {"items": items, "next": None}


@router.get("/refusals", response_model=Page[RefusalLine])
def get_refusals(gallery: GalleryDep, by: OwnerDep) -> dict[str, Any]:
    """What gates refused, the newest first: of a refused prompt the reason and not the words, of a refused picture nothing."""
    with gallery.transaction() as db:
        words = (
            select(AuditLine)
            .where(AuditLine.action == "prompt-refused")
            .order_by(AuditLine.id.desc())
            .limit(SHOWN)
        )
        prompts: list[dict[str, Any]] = [
            {
                "id": f"prompt-{one.id}",
                "created": one.at,
                "user": one.actor,
                "person": None,
                "reason": one.data["reason"],
                "prompt": None,
            }
            for one in db.scalars(words)
        ]
        drawn = (
            select(Refused, Generation.prompt, User.name, Person.name)
            .select_from(Refused)
            .join(Generation)
            .join(User, User.id == Generation.user_id)
            .join(Version, Version.id == Generation.version_id)
            .join(Person, Person.id == Version.person_id)
            .order_by(Refused.created.desc())
            .limit(SHOWN)
        )
        pictures: list[dict[str, Any]] = [
            {
                "id": f"{row[0].generation_id}-{row[0].index}",
                "created": row[0].created,
                "user": row[2],
                "person": row[3],
                "reason": row[0].reason,
                "prompt": row[1],
            }
            for row in db.execute(drawn)
        ]
    return {"items": sorted(prompts + pictures, key=lambda one: one["created"], reverse=True), "next": None}


@router.get("/audit", response_model=AuditLog)
def get_audit(gallery: GalleryDep, by: OwnerDep) -> dict[str, Any]:
    """The newest lines of the log, and whether its whole chain holds."""
    with gallery.transaction() as db:
        last = db.scalars(select(AuditLine).order_by(AuditLine.id.desc()).limit(SHOWN))
        items = [
            {
                "seq": one.id,
                "at": one.at,
                "actor": one.actor,
                "action": one.action,
                "subject": _subject(one.data),
                "hash": one.digest,
            }
            for one in last
        ]
        return {"items": items, "whole": first_broken(db) is None, "next": None}


def _subject(data: dict[str, Any]) -> str:
    """What a line of the log is about, for people; what is not set is left out."""
    said = {name.replace("_", " "): value for name, value in data.items() if value is not None}
    return "; ".join(f"{name} {_said(value)}" for name, value in said.items())


def _said(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, cast("list[object]", value))) or "none"
    return str(value)


@router.get("/audit/export", response_class=Response, responses=content({"application/x-ndjson": {}}))
def get_export(gallery: GalleryDep, by: OwnerDep) -> PlainTextResponse:
    """The whole log as JSON lines."""
    with gallery.transaction() as db:
        lines = "".join(export(db))
    return PlainTextResponse(lines, media_type="application/x-ndjson")


@router.get("/storage", response_model=Storage)
def get_storage(gallery: GalleryDep, by: OwnerDep) -> dict[str, Any]:
    """How many pictures lie there, whose, how large, and what waits to be erased."""
    with gallery.transaction() as db:
        by_user = (
            select(User.name, func.count(), func.sum(Picture.bytes))
            .join(Picture, User.id == Picture.user_id)
            .where(Picture.gone.is_(None))
            .group_by(User.id, User.name)
            .order_by(func.sum(Picture.bytes).desc())
        )
        items: list[dict[str, Any]] = [
            {"user": row[0], "pictures": int(row[1]), "bytes": int(row[2])} for row in db.execute(by_user)
        ]
        waiting = db.scalar(select(func.count()).where(Picture.gone.is_not(None), Picture.erased.is_(None)))
    return {
        "place": gallery.store.url,
        "bytes": sum(one["bytes"] for one in items),
        "pictures": sum(one["pictures"] for one in items),
        "to_erase": waiting,
        "items": items,
        "next": None,
    }
