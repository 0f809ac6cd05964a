"""Attacks by what a request is made of: methods, headers, cookies, bodies, and the same thing at the same moment."""

import io
import json
import re
import zipfile
from concurrent.futures import ThreadPoolExecutor

import pytest
from gallery_world import PASSWORD, World

pytestmark = pytest.mark.slow

EVIL = "https://evil.example"
NEW = "another password"


def test_no_other_sites_page_reads_an_answer(world: World) -> None:
    ann, picture, token = world.shared()
    for path in ("/session", "/pictures", f"/pictures/{picture['id']}/file", f"/shared/{token}/file"):
        answer = ann.client.get(f"/api{path}", headers={"origin": EVIL})
        assert answer.status_code == 200
        assert not [name for name in answer.headers if name.startswith("access-control-")]
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        asked = {
            "origin": EVIL,
            "access-control-request-method": "POST",
            "access-control-request-headers": "x-csrf",
        }
        preflight = ann.client.options(f"/api{path}", headers=asked)
        assert preflight.status_code == 405
        assert not [name for name in preflight.headers if name.startswith("access-control-")]


@pytest.mark.parametrize("name", ["x-http-method-override", "x-http-method", "x-method-override"])
def test_a_method_in_a_header_is_none(world: World, name: str) -> None:
    ann, picture, _ = world.shared()
    path = f"/api/pictures/{picture['id']}"
    assert ann.client.get(path, headers={name: "DELETE"}).status_code == 200
    assert ann.client.get(f"{path}?_method=DELETE").status_code == 200
    assert ann.get(f"/pictures/{picture['id']}").status_code == 200


HEADERS = [
    {"x-forwarded-host": "evil.example"},
    {"x-forwarded-proto": "gopher", "forwarded": "host=evil.example;proto=gopher"},
    {"x-original-url": "/api/admin/users", "x-rewrite-url": "/api/admin/users"},
    {"x-forwarded-prefix": "//evil.example", "x-script-name": "//evil.example"},
    {"host": "evil.example:99999"},
    {"host": "evil.example/@127.0.0.1"},
]


@pytest.mark.parametrize("headers", HEADERS, ids=lambda one: ",".join(one))
def test_headers_of_proxies_lead_nowhere(world: World, headers: dict[str, str]) -> None:
    ann, picture, _ = world.shared()
    ours = world.gallery.settings.public_url
    body = {"expires_hours": 1}
    made = ann.client.post(
        f"/api/pictures/{picture['id']}/shares", json=body, headers=headers | {"x-csrf": ann.csrf}
    )
    assert made.json()["url"].startswith(f"{ours}/s/")
    ann.client.post(
        "/api/password/forgot", json={"email": "ann@example.org"}, headers=headers | {"x-csrf": ann.csrf}
    )
    assert f"{ours}/reset" in world.mails()[-1]
    shown = ann.client.get("/api/session", headers=headers)
    assert shown.json()["user"]["email"] == "ann@example.org"


@pytest.mark.parametrize(
    "path",
    ["//evil.example", "/api//evil.example", "/api/%2f%2fevil.example", "/\\evil.example", "/api/pictures/"],
)
def test_nobody_is_sent_elsewhere(world: World, path: str) -> None:
    answer = world.user("ann").client.get(path, follow_redirects=False)
    assert (answer.status_code, answer.headers.get("location")) == (404, None)


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]
)
def test_a_form_of_another_page_does_nothing(world: World, kind: str) -> None:
    ann = world.user("ann")
    for body in (
        b'{"title": "Summer"}',
        b"title=Summer",
        b'--x\r\ncontent-disposition: form-data; name="title"\r\n\r\nSummer\r\n--x--',
    ):
        sent = ann.client.post("/api/albums", content=body, headers={"content-type": kind})
        assert sent.status_code == 403
    assert ann.get("/albums").json()["items"] == []


BODIES = [
    b"[" * 30_000,
    b'{"title":' * 6_000,
    b'{"title": ' + b"[" * 20_000 + b"]" * 20_000 + b"}",
    b'{"title": ' + b"9" * 20_000 + b"}",
    b'{"title": "a", "title": {"a": 1}}',
    b'{"title": "\\ud800"}',
    b'{"title": NaN}',
    b"\xff\xfe{\x00}\x00",
]


@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
def test_a_body_that_a_reader_breaks_on_is_refused(world: World, body: bytes) -> None:
    ann = world.user("ann")
    for path in ("/albums", "/generations", "/sign-in/passkey"):
        answer = ann.client.post(
            f"/api{path}", content=body, headers={"content-type": "application/json"} | {"x-csrf": ann.csrf}
        )
        assert answer.status_code in (400, 422), (path, answer.text)
        assert answer.json()["error"]["sentence"]
    assert ann.get("/albums").json()["items"] == []


@pytest.mark.parametrize("first", [True, False])
def test_a_second_cookie_of_the_same_name_signs_nobody_else_in(world: World, first: bool) -> None:
    ann, bob = world.user("ann"), world.user("bob")
    cookies = [one.client.cookies["session"] for one in (ann, bob)]
    pair = cookies if first else cookies[::-1]
    client = world.browser().client
    header = {"cookie": "; ".join(f"session={one}" for one in pair)}
    shown = client.get("/api/session", headers=header).json()["user"]["email"]
    token = client.get("/api/session", headers=header).json()["csrf"]
    client.post("/api/albums", json={"title": "Mine"}, headers=header | {"x-csrf": token})
    whose = {"ann@example.org": ann, "bob@example.org": bob}.pop(shown)
    other = bob if whose is ann else ann
    assert (len(whose.get("/albums").json()["items"]), len(other.get("/albums").json()["items"])) == (1, 0)


def test_every_way_in_gives_another_cookie_than_was_there(world: World) -> None:
    world.set(open_sign_up=True)
    browser = world.browser()
    browser.load()
    before = browser.client.cookies["session"]
    body = {
        "email": "ann@example.org",
        "password": PASSWORD,
        "name": "ann",
        "invitation": world.invite("ann@example.org"),
    }
    assert browser.post("/sign-up", body).status_code == 200
    assert browser.client.cookies["session"] != before
    planted = world.browser().client.get("/api/session", headers={"cookie": f"session={before}"})
    assert planted.json()["user"] is None


def test_a_link_for_a_new_password_used_by_many_at_once_holds_once(world: World) -> None:
    world.user("ann")
    world.browser().post("/password/forgot", {"email": "ann@example.org"})
    token = world.token()
    browsers = [world.browser() for _ in range(4)]
    words = [f"password number {one}" for one in range(4)]

    def use(one: int) -> int:
        return browsers[one].post("/password/reset", {"token": token, "password": words[one]}).status_code

    with ThreadPoolExecutor(4) as pool:
        statuses = list(pool.map(use, range(4)))
    assert sorted(statuses) == [200, 422, 422, 422]
    right = {"email": "ann@example.org", "password": words[statuses.index(200)]}
    assert world.browser().post("/sign-in", right).status_code == 200


def test_of_two_links_for_a_new_password_the_newer_one_holds(world: World) -> None:
    world.user("ann")
    tokens: list[str] = []
    for _ in range(2):
        world.browser().post("/password/forgot", {"email": "ANN@example.org"})
        tokens.append(world.token())
    used = [
        world.browser().post("/password/reset", {"token": one, "password": NEW}).status_code for one in tokens
    ]
    assert used == [422, 200]


def test_a_weak_password_does_not_use_the_link_up(world: World) -> None:
    world.user("ann")
    world.browser().post("/password/forgot", {"email": "ann@example.org"})
    token = world.token()
    used = [
        world.browser().post("/password/reset", {"token": token, "password": one}).status_code
        for one in ("short", NEW)
    ]
    assert used == [422, 200]


def test_a_wish_cancelled_by_many_clicks_is_given_back_once(world: World) -> None:
    world.set(money=True, price_cents=50)
    owner, (ann, version) = world.user("owner", "owner"), world.drawing()
    user = ann.get("/session").json()["user"]["id"]
    owner.post("/admin/credits", {"user_id": user, "cents": 500})
    asked = ann.post("/generations", {"version_id": version, "prompt": "smiling", "count": 4}).json()
    assert ann.get("/money").json()["balance"] == 3.0
    with ThreadPoolExecutor(4) as pool:
        answers = list(
            pool.map(lambda _: ann.post(f"/generations/{asked['id']}/cancel").status_code, range(4))
        )
    assert sorted(answers) == [200, 409, 409, 409]
    assert ann.get("/money").json()["balance"] == 5.0
    world.work(asked)
    assert (ann.get("/money").json()["balance"], world.drawer.shots) == (5.0, [])


def test_an_archive_unpacks_where_it_is_and_its_names_are_ours(world: World) -> None:
    ann, version = world.drawing()
    pictures = world.drawn(ann, version, 2, prompt="../../etc/passwd, smiling")
    sent = ann.post("/pictures/zip", {"ids": [one["id"] for one in pictures]})
    names = zipfile.ZipFile(io.BytesIO(sent.content)).namelist()
    assert len(names) == 2
    assert all(re.fullmatch(r"[a-z0-9_-]+\.png", one) for one in names)


def test_a_picture_that_a_browser_keeps_is_kept_for_this_cookie(world: World) -> None:
    ann, picture, _ = world.shared()
    headers = ann.get(f"/pictures/{picture['id']}/file").headers
    assert headers["cache-control"].startswith("private")
    assert "cookie" in headers["vary"]


@pytest.mark.parametrize(
    "name", ["Ann\u2028Bob", "Ann\u0085Bob", "Ann\x1b[2J", "Ann\r\nowner@example.org", "\u202enna"]
)
def test_a_name_is_one_line_wherever_it_is_written(world: World, name: str) -> None:
    owner = world.user("owner", "owner")
    body = {
        "email": "ann@example.org",
        "password": PASSWORD,
        "name": name,
        "invitation": world.invite("ann@example.org"),
    }
    assert world.browser().post("/sign-up", body).status_code == 422
    agent = [(b"user-agent", f"Mozilla {name}".encode())]
    world.browser().client.get("/api/session", headers=agent)
    lines = owner.get("/admin/audit/export").text.splitlines()
    assert [json.loads(one)["actor"] for one in lines] == ["owner@example.org"]


@pytest.mark.parametrize(
    "path", ["/api/nothing", "/api/pictures", "/api/session", "/api/shared/x/file", "/elsewhere"]
)
def test_no_answer_stands_in_a_frame_or_is_taken_for_something_else(world: World, path: str) -> None:
    headers = world.browser().client.get(path).headers
    assert headers["x-frame-options"] == "DENY"
    assert headers["x-content-type-options"] == "nosniff"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["referrer-policy"] == "no-referrer"
    assert "server" not in headers
