"""A hostile stranger, and a user who wants what is somebody else's. One gallery for all: whatever is tried changes nothing."""

import base64
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from gallery_world import PASSWORD, Browser, World
from sqlalchemy import Engine, text

from gallery.portrayed.links import link_token
from gallery.tables import Passkey, Person

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


@pytest.fixture(scope="module")
def target(
    server: Callable[[str], str], administration: Engine, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Target]:
    with administration.connect() as connection:
        connection.execute(text("CREATE DATABASE attacked TEMPLATE template_gallery"))
    world = World.at(server("attacked"), tmp_path_factory.mktemp("attacked"))
    yield Target(world)
    world.close()
    with administration.connect() as connection:
        connection.execute(text("DROP DATABASE attacked WITH (FORCE)"))


@pytest.fixture(autouse=True)
def _nothing_changes(target: Target) -> Iterator[None]:
    before = target.state()
    yield
    assert target.state() == before
    target.world.pass_time(hours=2)  # no counter of tries reaches over to the next attack


def operations(target: Target) -> list[tuple[str, str]]:
    """Every (method, path) of the API, without /api."""
    described = target.world.app.openapi()["paths"]
    return [
        (method.upper(), path.removeprefix("/api")) for path, each in described.items() for method in each
    ]


def test_every_route_of_users_refuses_strangers(target: Target) -> None:
    stranger = target.world.browser()
    closed = [
        one for one in operations(target) if not one[1].startswith(PUBLIC) or one[1].startswith("/sessions")
    ]
    assert len(closed) > 35
    for method, path in closed:
        assert stranger.send(method, target.filled(path), {}).status_code == 401, (method, path)


@pytest.mark.parametrize("who", ["bob", "guest"])
def test_every_route_of_owners_refuses_members_and_guests(target: Target, who: str) -> None:
    browser: Browser = getattr(target, who)
    owners = [one for one in operations(target) if one[1].startswith("/admin")]
    assert len(owners) > 12
    for method, path in owners:
        assert browser.send(method, target.filled(path), {}).status_code == 403, (method, path)


BODIES: dict[str, Any] = {
    "/albums/{album_id}": {"title": "mine"},
    "/pictures/{picture_id}/shares": {"expires_hours": 1},
}


@pytest.mark.parametrize("who", ["bob", "owner", "guest"])
def test_every_id_of_somebody_elses_is_as_if_it_were_not(target: Target, who: str) -> None:
    browser: Browser = getattr(target, who)
    own = [
        one
        for one in operations(target)
        if "_id}" in one[1] and not one[1].startswith(("/admin", "/portrayed"))
    ]
    assert len(own) > 14
    for method, path in own:
        answers = [browser.send(method, where, BODIES.get(path)) for where in
                   (target.filled(path), target.filled(path).replace(str(target.picture["id"]), UNKNOWN))]  # fmt: skip
        no = (
            403 if (who, path) == ("guest", "/pictures/{picture_id}/shares") else 404
        )  # a guest shares nothing at all
        assert [one.status_code for one in answers] == [no, no], (method, path, answers[0].text)
        assert answers[0].content == answers[1].content


def test_every_unsafe_route_refuses_a_request_without_its_token(target: Target) -> None:
    unsafe = [
        one for one in operations(target) if one[0] in UNSAFE and not one[1].startswith("/money/webhook")
    ]
    assert len(unsafe) > 25
    for method, path in unsafe:
        path = target.filled(path)
        answer = target.ann.client.request(method, f"/api{path}", json={})
        assert (answer.status_code, answer.json()["error"]["reason"]) == (403, "csrf"), (method, path)


@pytest.mark.parametrize(
    "headers",
    [
        {"x_csrf": ""},
        {"x_csrf": "0" * 64},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:8700.evil.example"},
        {"x_csrf": "", "x_http_method_override": "GET"},
        {"x_csrf": "%E9"},
    ],
)
def test_a_request_from_another_sites_page_is_refused(target: Target, headers: dict[str, str]) -> None:
    assert target.ann.post("/albums", {"title": "x"}, **headers).status_code == 403


def test_the_token_of_one_session_is_worth_nothing_in_another(target: Target) -> None:
    assert target.ann.post("/albums", {"title": "x"}, x_csrf=target.bob.csrf).status_code == 403


def test_a_cookie_that_was_planted_before_sign_in_signs_nobody_in(target: Target) -> None:
    victim, attacker = target.world.browser(), target.world.browser()
    planted = attacker.client.cookies["session"]
    victim.client.cookies.clear()
    victim.client.cookies.set("session", planted, domain="127.0.0.1")
    victim.load()
    victim.sign_in("ann@example.org")
    assert victim.client.cookies["session"] != planted
    assert attacker.load()["user"] is None


@pytest.mark.parametrize("cookie", ["x" * 10_000, "' OR 1=1 --", "../../etc/passwd", "0", "%00"])
def test_a_made_up_cookie_is_nobody(target: Target, cookie: str) -> None:
    answer = target.world.browser().client.get("/api/people", headers={"cookie": f"session={cookie}"})
    assert answer.status_code == 401


@pytest.mark.parametrize(
    "change",
    [
        {"count": 0}, {"count": 7}, {"count": "1; DROP TABLE users"}, {"seed": -1}, {"seed": 2**63}, {"strength": 3},
        {"strength": "NaN"}, {"strength": 1e999}, {"aspect": "../x"}, {"prompt": "x" * 501}, {"charged": 0},
        {"user_id": UNKNOWN}, {"status": "done"}, {"version_id": "' OR ''='"}, {"prompt": "a\x00b"}, {"prompt": "a\ud800b"},
        {"prompt": "smiling\u202egnp"}, {"prompt": "n\u200baked"}, {"prompt": "smiling\r\nSet-Cookie: a=b"}, {"prompt": None},
        {"like": UNKNOWN}, {"negative": "\ufeff"}, {"count": 1.5}, {"preset": "x" * 41},
    ],
    ids=lambda change: next(iter(change)),
)  # fmt: skip
def test_a_wish_beyond_the_bounds_is_refused(target: Target, change: dict[str, Any]) -> None:
    import json

    sent = json.dumps(target.wish | change).encode()
    headers = {"x-csrf": target.ann.csrf, "content-type": "application/json"}
    answer = target.ann.client.post("/api/generations", content=sent, headers=headers)
    assert answer.status_code in (404, 422), answer.text


@pytest.mark.parametrize("words", ["n4k3d", "n a k e d", "a ni\u0301no child", "12 year old", "nаked"])  # noqa: RUF001
def test_a_disguised_word_is_refused(target: Target, words: str) -> None:
    answer = target.ann.post("/generations", target.wish | {"prompt": words})
    assert answer.status_code == 422


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"null", b"[]", b"[" * 20_000, b'{"a":' * 5_000, b"\xff\xfe", b'{"email":"a","email":"b"}'],
)
def test_a_body_that_is_no_body_is_answered_in_our_form(target: Target, body: bytes) -> None:
    browser = target.world.browser()
    headers = {"x-csrf": browser.csrf, "content-type": "application/json"}
    answer = browser.client.post("/api/sign-in", content=body, headers=headers)
    assert answer.status_code in (400, 422)
    assert set(answer.json()["error"]) == {"reason", "sentence", "remedy"}


@pytest.mark.parametrize("stated", [True, False])
def test_a_body_too_long_is_not_read(target: Target, stated: bool) -> None:
    browser, sent = target.world.browser(), 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        for _ in range(100):
            sent += 1
            yield b"x" * 65_536

    content = b"x" * 70_000 if stated else endless()
    answer = browser.client.post("/api/sign-in", content=content, headers={"x-csrf": browser.csrf})
    assert answer.status_code == 413


@pytest.mark.parametrize("name", ["a\r\nSet-Cookie: x=y", "a\u202eb", "\x1b[2J", "   ", "x" * 81, "a\x00"])
def test_a_name_that_does_more_than_it_says_is_refused(target: Target, name: str) -> None:
    assert target.ann.post("/albums", {"title": name}).status_code == 422


@pytest.mark.parametrize("title", ["Naked jade", "my n4ked pictures", "a 12 year old girl"])
def test_a_title_of_an_album_passes_the_gates_of_words(target: Target, title: str) -> None:
    for answer in (
        target.ann.post("/albums", {"title": title}),
        target.ann.send("PATCH", f"/albums/{target.album['id']}", {"title": title}),
    ):
        assert (answer.status_code, answer.json()["error"]["remedy"]) == (422, "Use other words.")


@pytest.mark.parametrize("statement", ["a\u202eb", "\x1b[2J", " \n ", "x" * 4001])
def test_a_report_that_does_more_than_it_says_is_refused(target: Target, statement: str) -> None:
    body = {"name": "Mia", "email": "mia@example.org", "reason": "other", "statement": statement}
    answer = target.world.browser().post(f"/shared/{target.token}/takedown", body)
    assert answer.status_code == 422


@pytest.mark.parametrize("path", [
    "/pictures/../admin/users", "/pictures/%2e%2e%2fadmin", "/shared/..%2f..%2fetc%2fpasswd/file", "/shared/%00",
    "/pictures/" + UNKNOWN + "%00/file", "//evil.example/", "/session/", "/portrayed/" + "A" * 5000, "/portrayed/é",
    "/takedowns/x", "/shared/" + "x" * 3000,
])  # fmt: skip
def test_a_crooked_path_leads_nowhere(target: Target, path: str) -> None:
    answer = target.world.browser().client.get(
        f"/api{path}", headers={"host": "evil.example"}, follow_redirects=False
    )
    assert answer.status_code in (401, 404, 422), answer.text
    assert "location" not in answer.headers


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "MjAyNnx4",
        "JyBPUiAxPTE=",
        "MjAyNi0xMS0yOFQwMDowMDowMHwwMA==",
        "A" * 200,
        "é",
        "\x00",
        *(
            base64.b64encode(f"{at}|{UNKNOWN}".encode()).decode()
            for at in (
                "2026-11-28T12:00:00+23:59",
                "2026-11-28T12:00:00+00:00:01",
                "9999-12-31T23:59:59-15:00",
            )
        ),
    ],
)
def test_a_made_up_cursor_is_refused(target: Target, cursor: str) -> None:
    answer = target.ann.client.get("/api/pictures", params={"cursor": cursor})
    assert answer.status_code == 422


@pytest.mark.parametrize("query", [
    {"search": "') OR 1=1 --"}, {"search": "\x00"}, {"search": ":* & !"}, {"person": "\x00"}, {"person": "' OR ''='"},
    {"album": "x"}, {"limit": "100000"}, {"from": "9999-99-99"}, {"from": "2026-01-01T00:00:00"}, {"favourite": "maybe"},
    {"from": "2026-01-01T00:00:00+23:59"}, {"to": "9999-12-31T23:59:59-12:00"}, {"from": "0001-01-01T00:00:00+14:00"},
    {"search": "_:*"}, {"search": "\u00aa\u0e33 \U0001d7d8"},
])  # fmt: skip
def test_a_crooked_query_breaks_nothing(target: Target, query: dict[str, str]) -> None:
    assert target.ann.client.get("/api/pictures", params=query).status_code in (200, 422)


def test_a_script_in_a_name_stays_text(world: World) -> None:
    ann, script = world.user("ann"), "<script>alert(1)</script>"
    ann.post("/albums", {"title": script})
    answer = ann.get("/albums")
    assert answer.json()["items"][0]["title"] == script
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")


def test_more_fields_make_nobody_an_owner(target: Target) -> None:
    body = {"email": "eve@example.org", "password": PASSWORD, "name": "Eve", "role": "owner"}
    assert target.world.browser().post("/sign-up", body).status_code == 422


def test_a_token_of_one_purpose_opens_nothing_else(world: World) -> None:
    world.user("ann")
    token = world.invite("ann@example.org")
    body = {"token": token, "password": "another password"}
    assert world.browser().post("/password/reset", body).status_code == 422
    assert world.browser().post("/sign-up/confirm", {"token": token}).status_code == 422


def test_an_invitation_used_by_many_at_once_lets_one_in(world: World) -> None:
    body = {
        "email": "eve@example.org",
        "password": PASSWORD,
        "name": "Eve",
        "invitation": world.invite("eve@example.org"),
    }
    browsers = [world.browser() for _ in range(5)]
    with ThreadPoolExecutor(5) as pool:
        codes = sorted(pool.map(lambda one: one.post("/sign-up", body).status_code, browsers))
    assert codes == [200, 422, 422, 422, 422]


def test_guesses_at_links_in_mails_are_counted_whatever_the_headers_say(world: World) -> None:
    browser, codes = world.browser(), []
    for number in range(31):
        body = {"token": f"guess{number}", "password": "another password"}
        codes.append(browser.post("/password/reset", body, x_forwarded_for=f"10.0.0.{number}").status_code)
    assert codes == [422] * 30 + [429]


def test_the_link_in_a_mail_leads_to_our_page_whatever_the_host_says(world: World) -> None:
    world.user("ann")
    world.browser().post("/password/forgot", {"email": "ann@example.org"}, host="evil.example")
    assert "evil" not in world.mails()[-1]
    assert "http://127.0.0.1:8700/reset#token" in world.mails()[-1].replace("=\n", "").replace("=3D", "=")


def test_a_signed_link_that_was_changed_is_nobodys(target: Target) -> None:
    stranger = target.world.browser()
    for at in (0, 15, 25, 40, len(target.portrayed) - 2):
        changed = (
            target.portrayed[:at] + ("A" if target.portrayed[at] != "A" else "B") + target.portrayed[at + 1 :]
        )
        assert stranger.get(f"/portrayed/{changed}").status_code == 404
    assert stranger.get(f"/portrayed/{target.portrayed[:-6]}").status_code == 404
    assert stranger.post(f"/portrayed/{target.token}/revoke", {"confirm": "jade"}).status_code == 404


def test_the_page_of_one_person_shows_nobody_elses_picture(world: World) -> None:
    ann, version = world.drawing()
    (picture,) = world.drawn(ann, version)
    world.person("mei")
    assert (
        world.browser().get(f"/portrayed/{world.link('mei')}/pictures/{picture['id']}/file").status_code
        == 404
    )


def test_a_link_signed_with_another_key_is_nobodys(target: Target) -> None:
    from dataclasses import replace

    with target.world.gallery.transaction() as db:
        person = db.get_one(Person, uuid.UUID(target.person["id"]))
        forged = link_token(replace(target.world.gallery, key=b"guessed"), person)
    assert target.world.browser().get(f"/portrayed/{forged}").status_code == 404


def test_guests_share_nothing(world: World) -> None:
    guest, version = world.user("gus", "guest"), world.person()
    world.grant("gus", version)
    (picture,) = world.drawn(guest, str(version))
    assert guest.post(f"/pictures/{picture['id']}/shares", {"expires_hours": 1}).status_code == 403


def test_somebody_elses_picture_is_neither_archived_nor_put_into_an_album(target: Target) -> None:
    ids = [target.picture["id"]]
    assert target.bob.post("/pictures/zip", {"ids": ids}).status_code == 422
    assert target.bob.post("/generations", target.wish | {"like": ids[0]}).status_code == 404


JUNK: tuple[Any, ...] = (
    None,
    0,
    "x",
    [],
    {"x": "\x00"},
    {"ids": ["x"] * 300},
    {"kinds": [[]]},
    {"confirm": "\ud800"},
)


def test_no_route_breaks_on_junk(target: Target) -> None:
    import json

    browsers: list[Browser] = [target.owner, target.world.browser()]
    for method, path in operations(target):
        if path == "/events" or path == "/sign-out":
            continue
        for number, junk in enumerate(JUNK):
            browser = browsers[number % 2]
            where = target.filled(path) if number % 3 else path.replace("{", "").replace("}", "")
            headers = {"x-csrf": browser.csrf, "content-type": "application/json"}
            answer = browser.client.request(method, f"/api{where}", content=json.dumps(junk), headers=headers)
            assert answer.status_code < 500, (method, where, junk)


def test_secrets_are_not_printed(tmp_path: Path) -> None:
    from gallery.settings import Settings

    settings = Settings(folder=tmp_path, secret="s3cr3t" * 8, database_url="postgresql://u:s3cr3t@h/d")  # type: ignore[arg-type]
    assert "s3cr3t" not in repr(settings)
    assert (tmp_path / "secret").exists() is False
    made = Settings(folder=tmp_path).key()
    assert Settings(folder=tmp_path).key() == made
    assert (tmp_path / "secret").stat().st_mode & 0o77 == 0
