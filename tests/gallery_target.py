"""A gallery to be attacked: Ann and what is hers, and others who want it."""

import uuid
from typing import Any

from gallery_world import World
from sqlalchemy import text

from gallery.tables import Passkey

UNSAFE = ("POST", "PUT", "PATCH", "DELETE")
PUBLIC = ("/session", "/sign-", "/password", "/shared", "/takedowns", "/portrayed", "/money/webhook")
UNKNOWN = str(uuid.UUID(int=7))


class Target:
    """Ann's gallery, and Bob, who is in it, too."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.ann, self.version = world.drawing()
        self.bob, self.owner, self.guest = (
            world.user("bob"),
            world.user("owner", "owner"),
            world.user("gus", "guest"),
        )
        self.picture, _ = world.drawn(self.ann, self.version, 2, seed=3)
        self.generation = self.ann.post("/generations", self.wish).json()
        self.album = self.ann.post("/albums", {"title": "Summer"}).json()
        self.share = self.ann.post(f"/pictures/{self.picture['id']}/shares", {"expires_hours": 9}).json()
        self.token = self.share["url"].rpartition("/")[2]
        self.session = self.ann.get("/sessions").json()["items"][0]
        self.person = self.owner.get("/admin/people").json()["items"][0]
        self.portrayed = world.link()
        with world.gallery.transaction() as session:
            user = uuid.UUID(self.ann.get("/session").json()["user"]["id"])
            key = Passkey(
                user_id=user,
                credential=b"1",
                public_key=b"2",
                uses=0,
                name="phone",
                created=world.gallery.clock(),
            )
            session.add(key)
            session.flush()
            self.passkey = str(key.id)

    @property
    def wish(self) -> dict[str, Any]:
        return {"version_id": self.version, "prompt": "smiling", "count": 1}

    def filled(self, path: str) -> str:
        """A route's path with Ann's ids in it."""
        ids = {"picture_id": self.picture["id"], "generation_id": self.generation["id"], "album_id": self.album["id"],
               "share_id": self.share["id"], "session_id": self.session["id"], "passkey_id": self.passkey,
               "person_id": self.person["id"], "user_id": UNKNOWN, "takedown_id": UNKNOWN, "receipt": UNKNOWN,
               "token": self.token}  # fmt: skip
        for name, value in ids.items():
            path = path.replace("{" + name + "}", str(value))
        return path

    def state(self) -> dict[str, Any]:
        """All that an attack might have changed: every line of every table but counters, sessions and the audit log."""
        skip = ("tries", "sessions", "audit", "alembic_version")
        with self.world.gallery.engine.connect() as connection:
            names = connection.execute(
                text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
            ).scalars()
            return {one: connection.execute(text(f"SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {one} t")).scalar()
                    for one in names if one not in skip}  # fmt: skip


def operations(target: Target) -> list[tuple[str, str]]:
    """Every (method, path) of the API, without /api."""
    described = target.world.app.openapi()["paths"]
    return [
        (method.upper(), path.removeprefix("/api")) for path, each in described.items() for method in each
    ]
