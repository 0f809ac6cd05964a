"""A database that takes nothing, or nobody: its disk is full, it is read-only, it lets no connection in. What is there is shown as
long as it can be read, a request that cannot be carried out says so, and nothing that was paid for is lost or done twice."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from gallery_queue import run_all
from gallery_stripe import answer_of, balances, pay
from gallery_world import PASSWORD, Browser, World
from sqlalchemy import Engine, text

FULL = """
CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$
"""
WITHOUT_ROOM = "EXECUTE FUNCTION no_room()"
TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"
END = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}' AND pid <> pg_backend_pid()"
)
SHOWN = (
    "/session",
    "/people",
    "/pictures",
    "/generations",
    "/albums",
    "/money",
    "/sessions",
    "/passkeys",
    "/shares",
)
OWNERS = (
    "/admin/users",
    "/admin/people",
    "/admin/queue",
    "/admin/workers",
    "/admin/audit",
    "/admin/takedowns",
    "/admin/storage",
)
pytestmark = pytest.mark.slow

Trouble = Callable[[str], Any]


@pytest.fixture
def trouble(selling: World, administration: Engine) -> Trouble:
    """A `with` in which the database is in this trouble."""
    name = selling.gallery.engine.url.database

    def say(*statements: str) -> None:
        with administration.connect() as connection:
            for one in statements:
                connection.execute(text(one))

    @contextmanager
    def full() -> Iterator[None]:
        with selling.gallery.engine.begin() as db:
            tables = db.scalars(text(TABLES)).all()
            db.execute(text(FULL))
            for table in tables:
                db.execute(
                    text(
                        f"CREATE TRIGGER no_room BEFORE INSERT OR UPDATE OR DELETE ON {table} {WITHOUT_ROOM}"
                    )
                )
        yield
        with selling.gallery.engine.begin() as db:
            db.execute(text("DROP FUNCTION no_room CASCADE"))

    @contextmanager
    def set_to(before: str, after: str) -> Iterator[None]:
        say(f"ALTER DATABASE {name} {before}", END.format(name))
        yield
        say(f"ALTER DATABASE {name} {after}", END.format(name))

    kinds: dict[str, Callable[[], Any]] = {
        "full": full,
        "read-only": lambda: set_to("SET default_transaction_read_only = on", "RESET default_transaction_read_only"),
        "closed": lambda: set_to("ALLOW_CONNECTIONS false", "ALLOW_CONNECTIONS true"),
    }  # fmt: skip
    return lambda kind: kinds[kind]()


def rich(world: World) -> tuple[Browser, str]:
    """Somebody who has bought credits, and may draw."""
    ann, version = world.drawing()
    pay(world, ann, 1000)
    world.drawn(ann, version)
    return ann, version


KINDS = ["full", "read-only", "closed"]


@pytest.mark.parametrize("kind", KINDS)
def test_what_can_be_read_is_shown_and_the_rest_is_said_in_our_form(
    selling: World, trouble: Trouble, kind: str
) -> None:
    ann, version = rich(selling)
    owner, stranger = selling.user("owner", "owner"), selling.browser()
    (picture,) = ann.get("/pictures").json()["items"]
    at = f"/pictures/{picture['id']}"
    link = ann.post(f"{at}/shares", {"expires_hours": 9}).json()["url"].rpartition("/")[2]
    shown = [(ann, path) for path in (*SHOWN, at, f"{at}/file")] + [(owner, path) for path in OWNERS]
    shown += [
        (stranger, f"/shared/{link}"),
        (stranger, f"/shared/{link}/file"),
        (stranger, f"/portrayed/{selling.link()}"),
    ]
    before = [browser.get(path).status_code for browser, path in shown]
    assert set(before) == {200}, before
    selling.pass_time(minutes=30)
    wishes = [
        (ann, "POST", "/generations", {"version_id": version, "prompt": "smiling", "count": 1}),
        (ann, "POST", "/albums", {"title": "Summer"}), (ann, "DELETE", at, None), (ann, "POST", "/sign-out", None),
        (stranger, "POST", "/sign-in", {"email": "ann@example.org", "password": PASSWORD}),
        (stranger, "POST", "/password/forgot", {"email": "ann@example.org"}),
    ]  # fmt: skip
    with trouble(kind):
        for browser, path in shown:
            answer = browser.get(path)
            assert answer.status_code == (503 if kind == "closed" else 200), (path, answer.text)
        for browser, method, path, body in wishes:
            answer = browser.send(method, path, body)
            assert (answer.status_code, answer.json()["error"]["reason"]) == (503, "database"), (
                path,
                answer.text,
            )
            assert answer.json()["error"]["remedy"]
    assert len(ann.get("/pictures").json()["items"]) == 1
    assert ann.get("/albums").json()["items"] == []
    assert round(ann.get("/money").json()["balance"] * 100) == 950


@pytest.mark.parametrize("kind", KINDS)
def test_a_payment_that_could_not_be_booked_is_told_again_and_booked_once(
    selling: World, trouble: Trouble, kind: str
) -> None:
    ann, _ = rich(selling)
    url = ann.post("/money/checkout", {"cents": 700, "attempt": str(uuid.uuid4())}).json()["url"]
    event = answer_of(url)
    headers = {"stripe-signature": event["signature"]}
    client = Browser(selling).client
    with trouble(kind):
        answer = client.post("/api/money/webhook", content=event["payload"], headers=headers)
        assert answer.status_code == 503
    for booked in (True, False):
        answer = client.post("/api/money/webhook", content=event["payload"], headers=headers)
        assert answer.json()["booked"] is booked
    assert round(ann.get("/money").json()["balance"] * 100) == 1650
    balances(selling)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("after", [0, 1])
def test_a_wish_in_the_middle_of_which_nothing_can_be_written_is_drawn_and_paid_once(
    selling: World, trouble: Trouble, kind: str, after: int
) -> None:
    ann, version = rich(selling)
    asked = ann.post(
        "/generations", {"version_id": version, "prompt": "smiling", "count": 3, "seed": 0}
    ).json()
    held: list[Any] = []

    def begins(shot: Any) -> None:
        if shot.seed == after and not held:
            held.append(trouble(kind))
            held[0].__enter__()

    selling.drawer.before = begins
    with pytest.raises(Exception, match=r"(?i)space|read-only|accepting|terminat|clos"):
        selling.work(asked)
    held[0].__exit__(None, None, None)
    selling.pass_time(minutes=10)
    run_all(selling)
    shown = ann.get(f"/generations/{asked['id']}").json()
    assert (shown["status"], [one["seed"] for one in shown["pictures"]]) == ("done", [0, 1, 2])
    assert round(ann.get("/money").json()["balance"] * 100) == 800
    balances(selling)
