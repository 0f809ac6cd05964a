"""A gallery for tests: its clock stands until it is moved, its mail lies in a folder, its passwords are cheap."""

import datetime
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient

from gallery.accounts.mail import FolderMailer
from gallery.accounts.passwords import Passwords
from gallery.accounts.tokens import new_token
from gallery.api.app import make_app
from gallery.context import Gallery
from gallery.database import open_engine
from gallery.settings import Settings
from likeness.store.s3 import Remote

PASSWORD = "a long password"
NOON = datetime.datetime(2026, 11, 28, 12, tzinfo=datetime.UTC)
CHEAP = Passwords(memory_kib=8, passes=1)


class Browser:
    """One browser: its cookies, and the token that goes with them."""

    def __init__(self, world: "World") -> None:
        self.client = TestClient(world.app, base_url="http://127.0.0.1:8700", raise_server_exceptions=False)
        self.csrf = ""
        self.client.get("/api/session")
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


@dataclass
class World:
    """The gallery, and who is in it."""

    gallery: Gallery
    now: datetime.datetime = NOON
    app: Any = None
    browsers: list[Browser] = field(default_factory=list)

    @staticmethod
    def at(url: str, folder: Path, **changes: Any) -> "World":
        """A gallery on this database."""
        settings = Settings(folder=folder, secret="s" * 40, **changes)  # type: ignore[arg-type]
        gallery = Gallery(
            settings=settings, engine=open_engine(url, connections=4), store=Remote(f"file://{folder / 'pictures'}"),
            key=settings.key(), mailer=FolderMailer(folder=folder / "mail", sender="g@localhost"), passwords=CHEAP,
        )  # fmt: skip
        world = World(gallery)
        world.gallery = replace(gallery, clock=lambda: world.now)
        world.app = make_app(world.gallery)
        return world

    def set(self, **changes: Any) -> None:
        """Change settings, as a restart with another environment does."""
        self.gallery = replace(self.gallery, settings=self.gallery.settings.model_copy(update=changes))
        self.app = make_app(self.gallery)

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

    def mails(self) -> list[str]:
        """The texts of all mails, oldest first."""
        folder = self.gallery.settings.folder / "mail"
        return [path.read_text() for path in sorted(folder.glob("*.eml"))]

    def token(self) -> str:
        """The token in the last mail."""
        return re.findall(r"token=([\w-]+)", self.mails()[-1].replace("=\n", "").replace("=3D", "="))[-1]

    def close(self) -> None:
        self.gallery.engine.dispose()
