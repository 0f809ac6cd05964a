"""Attacks on what lies between: caches, cookies of neighbours, ranges and validators, streams, names and ids in other forms."""

import io
import json
import uuid
import zipfile

import pytest
from gallery_world import PASSWORD, World
from sqlalchemy import text

pytestmark = pytest.mark.slow


def test_an_address_that_a_cache_takes_for_a_file_shows_nothing(world: World) -> None:
    ann, picture, token = world.shared()
    ends = (
        "/style.css",
        ";.css",
        "/.css",
        "%2f.css",
        "%3f.css",
        ".css",
        "/%2e%2e/x.js",
        "%00.png",
        "\\x.png",
    )
    places = (
        "/session",
        "/pictures",
        "/money",
        f"/pictures/{picture['id']}",
        f"/shared/{token}",
        f"/portrayed/{world.link()}",
    )
    for path in (f"{place}{end}" for place in places for end in ends):
        answer = ann.client.get(f"/api{path}")
        assert answer.status_code in (404, 422), (path, answer.text)
        assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "path",
    ["/API/session", "/api//session", "/api/./session/x", "/api/session/", "//api/session", "/Api/Pictures"],
)
def test_there_is_one_address_of_each_thing(world: World, path: str) -> None:
    answer = world.user("ann").client.get(path, follow_redirects=False)
    assert (answer.status_code, "ann@" in answer.text) == (404, False)


VALIDATORS = [
    {"if-none-match": "*"}, {"if-modified-since": "Fri, 01 Jan 2100 00:00:00 GMT"}, {"if-match": '"x"'},
    {"if-range": '"x"', "range": "bytes=0-1"}, {"if-unmodified-since": "Mon, 01 Jan 1990 00:00:00 GMT"},
]  # fmt: skip


def test_no_validator_tells_of_a_picture_that_is_gone_or_anothers(world: World) -> None:
    ann, picture, token = world.shared()
    bob, path = world.user("bob"), f"/api/pictures/{picture['id']}/file"
    for headers in VALIDATORS:
        own = ann.client.get(path, headers=headers)
        assert (own.status_code, "etag" in own.headers, "last-modified" in own.headers) == (200, False, False)
        unknown = bob.client.get(f"/api/pictures/{uuid.uuid4()}/file", headers=headers)
        others = bob.client.get(path, headers=headers)
        assert (others.status_code, others.json()) == (404, unknown.json())
    ann.send("DELETE", f"/pictures/{picture['id']}")
    for headers in VALIDATORS:
        for gone in (path, f"/api/shared/{token}/file"):
            assert ann.client.get(gone, headers=headers).status_code == 404


def test_a_part_of_a_picture_is_the_whole_or_nothing(world: World) -> None:
    ann, picture, _ = world.shared()
    bob, path = world.user("bob"), f"/pictures/{picture['id']}/file"
    whole = ann.get(path).content
    many = "bytes=" + ",".join(["0-"] * 2000)
    for asked in ("bytes=0-0", "bytes=-1", "bytes=0-0,1-1", many, "bytes=9999999-", "bytes=5-1", "x=1-2"):
        part = ann.get(path, range=asked)
        assert (part.status_code, part.content == whole, "content-range" in part.headers) == (
            200,
            True,
            False,
        )
        assert bob.get(path, range=asked).status_code == 404


def test_a_cookie_that_a_neighbouring_host_planted_counts_for_nobody_over_tls(world: World) -> None:
    planted = world.user("bob").client.cookies["session"]
    world.set(public_url="https://gallery.example.org")
    client = world.browser().client
    client.cookies.clear()
    for name in ("session", "__Secure-session", "__host-session", "__Host-session2"):
        headers = {"cookie": f"{name}={planted}"}
        shown = client.get("https://gallery.example.org/api/session", headers=headers).json()
        assert (name, shown["user"]) == (name, None)
        client.cookies.clear()
    headers = {"cookie": f"__Host-session={planted}"}
    assert client.get("https://gallery.example.org/api/session", headers=headers).json()["user"] is not None


COOKIES = [
    '$Version=1; session="{}"',
    "session={};session=",
    "SESSION={}",
    "session ={}",
    "a=b, session={}",
    "session=%22{}%22",
]


@pytest.mark.parametrize("cookie", COOKIES, ids=range(len(COOKIES)))
def test_a_cookie_in_another_form_is_this_users_or_nobodys_and_takes_no_other_token(
    world: World, cookie: str
) -> None:
    ann, bob = world.user("ann"), world.user("bob")
    header = {"cookie": cookie.format(ann.client.cookies["session"])}
    client = world.browser().client
    client.cookies.clear()
    user = client.get("/api/session", headers=header).json()["user"]
    assert user is None or user["email"] == "ann@example.org"
    client.cookies.clear()
    sent = client.post("/api/albums", json={"title": "Mine"}, headers=header | {"x-csrf": bob.csrf})
    assert sent.status_code == 403


def test_a_stream_is_the_users_whosever_number_it_begins_with(world: World) -> None:
    world.set(events_seconds=0.01)
    (ann, version), bob = world.drawing(), world.user("bob")
    asked = ann.post(
        "/generations", {"version_id": version, "prompt": "smiling, a secret", "count": 1}
    ).json()
    world.work(asked)
    for number in ("0", "1", "99999999"):
        said = bob.get("/events", last_event_id=number)
        assert (said.status_code, asked["id"] in said.text, "secret" in said.text) == (200, False, False)
    assert world.browser().get("/events", last_event_id="0").status_code == 401
    cookie = ann.client.cookies["session"]
    assert asked["id"] not in bob.client.get(f"/api/events?cookie={cookie}&session={cookie}").text
    ann.post("/sign-out")
    left = world.browser().client
    left.cookies.clear()
    headers = {"cookie": f"session={cookie}", "last-event-id": "0"}
    assert left.get("/api/events", headers=headers).status_code == 401


def test_words_begin_no_event_of_their_own(world: World) -> None:
    world.set(events_seconds=0.01)
    ann, version = world.drawing()
    for end in ("\n\nevent: planted\ndata: x", "\r\rdata: x", "\u2028data: x", "\u0085data: x"):
        wish = {"version_id": version, "prompt": f"smiling{end}", "count": 1}
        assert ann.post("/generations", wish).status_code == 422
    quoted = {"version_id": version, "prompt": 'smiling \\n\\ndata: x"}', "count": 1}
    asked = ann.post("/generations", quoted).json()
    lines = [
        one for one in ann.get("/events", last_event_id="0").text.splitlines() if one.startswith("data:")
    ]
    assert [json.loads(one.removeprefix("data:"))["id"] for one in lines] == [asked["id"]]


def test_an_archive_holds_each_picture_once_and_nobody_elses_beside_it(world: World) -> None:
    ann, picture, _ = world.shared()
    twice = ann.post("/pictures/zip", {"ids": [picture["id"]] * 200})
    assert len(zipfile.ZipFile(io.BytesIO(twice.content)).namelist()) == 1
    assert world.user("bob").post("/pictures/zip", {"ids": [picture["id"]]}).status_code == 422
    assert ann.post("/pictures/zip", {"ids": [picture["id"]] * 201}).status_code == 422


def test_an_id_in_another_form_opens_what_the_id_opens(world: World) -> None:
    ann, picture, _ = world.shared()
    bob, one = world.user("bob"), picture["id"]
    for which in (
        f"{{{one}}}",
        f"urn:uuid:{one}",
        f"{one}%0a",
        f"%20{one}",
        f"{one}%00",
        one.upper(),
        one.replace("-", ""),
    ):
        where = f"/api/pictures/{which}"
        assert ann.client.get(where).status_code in (200, 422)
        assert bob.client.get(where).status_code in (404, 422)
        assert bob.client.delete(where, headers={"x-csrf": bob.csrf}).status_code in (404, 422)
    assert ann.get(f"/pictures/{one}").status_code == 200


LOOKALIKES = [
    "ann@example.org\u200b", "\uff41nn@example.org", "ann@\u0435xample.org", "ann@example.org.", "ann@ex\u00ad-ample.org",
    "ann\u0307@example.org", "ann@example\u3002org", '"ann"@example.org', "ann@example.org\t", "ann+x@example.org",
]  # fmt: skip


def test_an_address_that_looks_like_anns_is_not_anns(world: World) -> None:
    ann, owner = world.user("ann"), world.user("owner", "owner")
    eve = {"password": PASSWORD, "name": "Eve", "invitation": world.invite("eve@example.org", "owner")}
    for email in LOOKALIKES:
        before = len(world.mails())
        world.browser().post("/password/forgot", {"email": email})
        assert all("To: ann@example.org" in one for one in world.mails()[before:])
        come = world.browser().post("/sign-in", {"email": email, "password": PASSWORD})
        assert come.status_code in (401, 422) or come.json()["user"]["email"] == "ann@example.org"
        assert world.browser().post("/sign-up", eve | {"email": email}).status_code in (403, 422)
        invited = owner.post("/admin/invitations", {"email": email, "role": "owner"})
        assert invited.status_code in (201, 422)
    assert ann.load()["user"]["role"] == "member"


BODIES = [
    b'{"email": "eve@example.org", "role": "member", "role": "owner", "extra": 1}',
    b'{"email": "eve@example.org", "__proto__": {"role": "owner"}}', b'{"email": "eve@example.org", "role": ["owner"]}',
    b'{"email": {"$ne": ""}, "role": "member"}', b'{"email": "eve@example.org", "role": "OWNER"}',
]  # fmt: skip


def test_a_body_that_is_read_in_two_ways_invites_nobody(world: World) -> None:
    owner = world.user("owner", "owner")
    headers = {"content-type": "application/json", "x-csrf": owner.csrf}
    for body in BODIES:
        sent = owner.client.post("/api/admin/invitations", content=body, headers=headers)
        assert (body, sent.status_code) == (body, 422)
    with world.gallery.transaction() as db:
        assert db.execute(text("SELECT count(*) FROM tokens WHERE email LIKE 'eve%'")).scalar_one() == 0


def test_a_question_asked_twice_has_one_answer(world: World) -> None:
    ann, picture, token = world.shared()
    for query in (
        "size=full&size=thumb",
        "size=thumb&size=full",
        "size=FULL",
        "size[]=full",
        "size=full%00",
        "size=../x",
    ):
        for where in (f"/api/pictures/{picture['id']}/file", f"/api/shared/{token}/file"):
            answer = ann.client.get(f"{where}?{query}")
            assert answer.status_code in (200, 422)
            assert answer.headers["content-type"] in ("image/png", "image/jpeg", "application/json")


def test_a_links_password_in_another_form_opens_nothing(world: World) -> None:
    ann, picture, _ = world.shared()
    body = {"expires_hours": 2, "password": "open sesame"}
    token = ann.post(f"/pictures/{picture['id']}/shares", body).json()["url"].rpartition("/")[2]
    for given in (
        "open%0d%0aset-cookie:x=1",
        "%00",
        "%",
        "%ff%fe",
        "x" * 5000,
        "open sesame ",
        "OPEN SESAME",
        "",
    ):
        answer = world.browser().client.get(f"/api/shared/{token}/file", headers={"x-share-password": given})
        if given.strip() != "open sesame":  # blanks at the end of a header are none of it
            assert (given, answer.status_code in (401, 422)) == (given, True)
        assert "x=1" not in str(answer.headers)
