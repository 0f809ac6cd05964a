"""A gallery for tests: its clock stands until it is moved, its mail lies in a folder, its passwords are cheap."""

import atexit
import datetime
import re
import uuid
from contextlib import ExitStack
from copy import copy
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from anyio.from_thread import BlockingPortal, start_blocking_portal
from fastapi import FastAPI
from fastapi.testclient import TestClient
from gallery_fakes import FakeDrawer, FakeFinisher, FakeRecords
from sqlalchemy import select, text
from sqlalchemy.orm import Session
from starlette.datastructures import State

from gallery.accounts.mail import FolderMailer
from gallery.accounts.passwords import Passwords
from gallery.accounts.tokens import new_token
from gallery.api.app import attach, make_app
from gallery.context import Gallery
from gallery.database import open_engine
from gallery.generation.work import Worker
from gallery.people.presets import KINDS
from gallery.portrayed.links import link_token
from gallery.settings import Settings
from gallery.tables import Person, Right, User, Version
from likeness.store.s3 import Remote

PASSWORD = "a long password"
NOON = datetime.datetime(2026, 11, 28, 12, tzinfo=datetime.UTC)
CHEAP = Passwords(memory_kib=8, passes=1)


@cache
def _routes(max_body_bytes: int) -> FastAPI:
    """An application of no gallery: to make one takes a quarter of a second."""
    return make_app(cast(Gallery, SimpleNamespace(settings=Settings(max_body_bytes=max_body_bytes))))


def app_of(gallery: Gallery) -> FastAPI:
    """The application of one gallery."""
    app = copy(_routes(gallery.settings.max_body_bytes))
    app.state, app.middleware_stack = State(), None
    attach(app, gallery)
    return app


@cache
def _portal() -> BlockingPortal:
    """The event loop of all browsers: each request of a TestClient has a loop and threads of its own otherwise."""
    opened = ExitStack()
    atexit.register(opened.close)
    return opened.enter_context(start_blocking_portal())


def client_of(world: "World") -> TestClient:
    """Whoever asks the gallery, with no cookies yet."""
    client = TestClient(world.app, base_url="http://127.0.0.1:8700", raise_server_exceptions=False)
    client.portal = _portal()
    return client


class Browser:
    """One browser: its cookies, and the token that goes with them."""

    def __init__(self, world: "World") -> None:
        self.client, self.csrf = client_of(world), ""
        self.load()

    def load(self) -> dict[str, Any]:
        """Ask who is signed in."""
        session = self.client.get("/api/session").json()
        self.csrf = session["csrf"]
        return session

    def send(self, method: str, path: str, body: object = None, **headers: str) -> Any:
        """A request as our page makes it."""
        sent = {"x-csrf": self.csrf, **{name.replace("_", "-"): value for name, value in headers.items()}}
        return self.client.request(method, f"/api{path}", json=body, headers=sent)

    def get(self, path: str, **headers: str) -> Any:
        return self.send("GET", path, **headers)

    def post(self, path: str, body: object = None, **headers: str) -> Any:
        return self.send("POST", path, body, **headers)

    def sign_in(self, email: str, password: str = PASSWORD) -> "Browser":
        answer = self.post("/sign-in", {"email": email, "password": password})
        assert answer.status_code == 200, answer.text
        self.load()
        return self


@dataclass(frozen=True)
class StandingClock:
    """It stands where the test has put it, whatever time it is for the database."""

    world: "World"

    def __call__(self) -> datetime.datetime:
        return self.world.now

    def learn(self, db: Session) -> None:
        del db


@dataclass
class World:
    """The gallery, and who is in it."""

    gallery: Gallery
    now: datetime.datetime = NOON
    app: Any = None
    browsers: list[Browser] = field(default_factory=list)
    records: FakeRecords = field(default_factory=FakeRecords)
    drawer: FakeDrawer = field(default_factory=FakeDrawer)
    finisher: FakeFinisher = field(default_factory=FakeFinisher)

    @staticmethod
    def at(url: str, folder: Path, **changes: Any) -> "World":
        """A gallery on this database."""
        settings = Settings(folder=folder, secret="s" * 40, **changes)  # type: ignore[arg-type]
        gallery = Gallery(
            settings=settings, engine=open_engine(url, connections=4), store=Remote(f"file://{folder / 'pictures'}"),
            key=settings.key(), mailer=FolderMailer(folder=folder / "mail", sender="g@localhost"), passwords=CHEAP,
            records=(records := FakeRecords()),
        )  # fmt: skip
        world = World(gallery, records=records)
        world.gallery = replace(gallery, clock=StandingClock(world))
        world.app = app_of(world.gallery)
        return world

    @staticmethod
    def description() -> dict[str, Any]:
        """Every path of the API with its methods."""
        return make_app(cast(Gallery, SimpleNamespace(settings=Settings()))).openapi()["paths"]

    def set(self, **changes: Any) -> None:
        """Change settings, as a restart with another environment does."""
        self.gallery = replace(self.gallery, settings=self.gallery.settings.model_copy(update=changes))
        self.app = app_of(self.gallery)

    def pass_time(self, **much: float) -> None:
        self.now += datetime.timedelta(**much)

    def browser(self) -> Browser:
        self.browsers.append(one := Browser(self))
        return one

    def invite(self, email: str, role: str = "member") -> str:
        with self.gallery.transaction() as db:
            return new_token(db, "invitation", email, self.now, role=role)

    def user(self, name: str, role: str = "member") -> Browser:
        """A browser with a new user of this name signed in."""
        browser, email = self.browser(), f"{name}@example.org"
        body = {"email": email, "password": PASSWORD, "name": name, "invitation": self.invite(email, role)}
        answer = browser.post("/sign-up", body)
        assert answer.status_code == 200, answer.text
        browser.load()
        return browser

    def person(self, name: str = "jade", **changes: Any) -> uuid.UUID:
        """A person with one version; gives its id."""
        with self.gallery.transaction() as db:
            consent = changes.pop("consent_id", f"{name}-1")
            person = Person(
                name=name, consent_id=consent, consent_sha256="c" * 64, created=self.now, **changes
            )
            db.add(person)
            db.flush()
            version = Version(person_id=person.id, name="v1", weights_sha256="d" * 64, trigger=name, class_word="woman",
                              created=self.now)  # fmt: skip
            db.add(version)
            db.flush()
            return version.id

    def grant(self, name: str, version: uuid.UUID, per_day: int = 20, **changes: Any) -> None:
        with self.gallery.transaction() as db:
            user = db.scalars(select(User).where(User.email == f"{name}@example.org")).one()
            right = {"kinds": list(KINDS), "until": None} | changes
            db.add(Right(user_id=user.id, version_id=version, per_day=per_day, created=self.now, **right))

    def drawing(self, name: str = "ann", per_day: int = 20) -> tuple[Browser, str]:
        """A user who may draw jade, and the version's id."""
        browser, version = self.user(name), self.person()
        self.grant(name, version, per_day)
        return browser, str(version)

    def drawn(self, browser: Browser, version: str, count: int = 1, **more: Any) -> list[dict[str, Any]]:
        """Pictures that were asked for and drawn."""
        wish = {"version_id": version, "prompt": "smiling", "count": count, **more}
        asked = browser.post("/generations", wish).json()
        self.work(asked)
        return browser.get(f"/generations/{asked['id']}").json()["pictures"]

    def shared(self, password: str | None = None) -> tuple[Browser, dict[str, Any], str]:
        """Somebody who draws, a picture of theirs, and the token of the link that shares it."""
        ann, version = self.drawing()
        (picture,) = self.drawn(ann, version)
        body = {"expires_hours": 2, "password": password}
        url = ann.post(f"/pictures/{picture['id']}/shares", body).json()["url"]
        return ann, picture, url.rpartition("/")[2]

    def link(self, name: str = "jade") -> str:
        """The token of the page of the person portrayed."""
        with self.gallery.transaction() as db:
            return link_token(self.gallery, db.scalars(select(Person).where(Person.name == name)).one())

    @property
    def worker(self) -> Worker:
        return Worker(gallery=self.gallery, drawer=self.drawer, finisher=self.finisher)

    @staticmethod
    def number(generation: dict[str, Any]) -> uuid.UUID:
        """The id of a wish."""
        return uuid.UUID(generation["id"])

    def work(self, generation: dict[str, Any]) -> None:
        """What the queue does with one job."""
        self.worker.run(self.number(generation))

    def mails(self) -> list[str]:
        """The texts of all mails, oldest first."""
        folder = self.gallery.settings.folder / "mail"
        return [path.read_text() for path in sorted(folder.glob("*.eml"))]

    def token(self) -> str:
        """The token in the last mail."""
        return re.findall(r"token=([\w-]+)", self.mails()[-1].replace("=\n", "").replace("=3D", "="))[-1]

    def close(self) -> None:
        self.gallery.engine.dispose()


def waits_for_a_lock(world: World) -> bool:
    """Whether a transaction waits for another one."""
    with world.gallery.transaction() as db:
        return bool(db.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")))
