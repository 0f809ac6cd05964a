"""Attacks by what is written into a request: words, names, paths, queries, bodies. Nothing of it breaks or changes anything."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from gallery_target import UNKNOWN, Target, operations
from gallery_world import PASSWORD, Browser, World

pytestmark = pytest.mark.usefixtures("nothing_changes")


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


@pytest.mark.parametrize(
    "name",
    ["a\r\nSet-Cookie: x=y", "a\u202eb", "\x1b[2J", "   ", "x" * 81, "a\x00", "\u3164\u2800", "\U000e0041"],
)
def test_a_name_that_does_more_than_it_says_is_refused(target: Target, name: str) -> None:
    assert target.ann.post("/albums", {"title": name}).status_code == 422


@pytest.mark.parametrize("title", ["Naked jade", "my n4ked pictures", "a 12 year old girl"])
def test_a_title_of_an_album_passes_the_gates_of_words(target: Target, title: str) -> None:
    for answer in (
        target.ann.post("/albums", {"title": title}),
        target.ann.send("PATCH", f"/albums/{target.album['id']}", {"title": title}),
    ):
        assert (answer.status_code, answer.json()["error"]["remedy"]) == (422, "Use other words.")


@pytest.mark.parametrize("statement", ["a\u202eb", "\x1b[2J", " \n ", "\u3164", "x" * 4001])
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


@pytest.mark.slow
def test_no_route_breaks_on_junk(target: Target) -> None:

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
