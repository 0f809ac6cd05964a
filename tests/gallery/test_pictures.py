"""The user's pictures: found, sorted, passed on, deleted."""

import io
import uuid
import zipfile
from typing import Any

from gallery_world import World
from sqlalchemy import text

from gallery.pictures.pages import read_cursor
from gallery.tables import Picture

FILL = """
INSERT INTO pictures (id, generation_id, index, user_id, person_id, prompt, seed, width, height, sha256, bytes, pdq, seconds,
  favourite, created)
SELECT gen_random_uuid(), :generation, n, :user, :person, 'jade woman, picture ' || n, n, 8, 8, repeat('a', 64), 1,
  repeat('0', 256)::bit(256), 1, n % 50 = 0, :now - (n / 3) * interval '1 second' FROM generate_series(1, 10000) AS n
"""


def pages(browser: Any, path: str) -> list[dict[str, Any]]:
    """All items of a list, page after page."""
    found, cursor = [], ""
    while cursor is not None:
        answer = browser.get(f"{path}&cursor={cursor}" if cursor else path).json()
        found += answer["items"]
        cursor = answer["next"]
    return found


def test_a_list_of_ten_thousand_goes_by_its_index_and_misses_none(world: World) -> None:
    ann, version = world.drawing()
    (first,) = world.drawn(ann, version)
    with world.gallery.transaction() as db:
        one = db.get_one(Picture, uuid.UUID(first["id"]))
        values = {
            "generation": one.generation_id,
            "user": one.user_id,
            "person": one.person_id,
            "now": world.now,
        }
        db.execute(text(FILL), values)
    with world.gallery.engine.connect() as connection:
        connection.execute(text("ANALYZE pictures"))
        cursor = read_cursor(ann.get("/pictures?limit=200").json()["next"])
        plan = "\n".join(connection.execute(text(
            "EXPLAIN SELECT * FROM pictures WHERE gone IS NULL AND user_id = :user AND (created, id) < (:at, :id)"
            " ORDER BY created DESC, id DESC LIMIT 61"),
            {"user": one.user_id, "at": cursor[0], "id": cursor[1]}).scalars())  # fmt: skip
    assert "ix_pictures_list" in plan
    assert "Sort" not in plan
    favourites = pages(ann, "/pictures?favourite=true&limit=60")
    assert len({one["id"] for one in favourites}) == 200
    times = [one["created"] for one in favourites]
    assert times == sorted(times, reverse=True)
    assert [one["seed"] for one in ann.get("/pictures?search=Picture 4711").json()["items"]] == [4711]


def test_search_person_and_dates_choose(world: World) -> None:
    ann, version = world.drawing()
    (smile,) = world.drawn(ann, version)
    world.pass_time(days=2)
    (coat,) = world.drawn(ann, version, prompt="in a red coat, 100% wool; it's new")
    other = world.person("mei")
    world.grant("ann", other)
    (mei,) = world.drawn(ann, str(other))

    def ids(query: str) -> set[str]:
        return {one["id"] for one in ann.get(f"/pictures?{query}").json()["items"]}

    assert ids("search=red co") == {coat["id"]}
    assert ids("search=smil") == {smile["id"], mei["id"]}
    assert ids("search=%27%20%26%20!%3A*") == {smile["id"], coat["id"], mei["id"]}
    assert ids("person=mei") == {mei["id"]}
    assert ids("to=2026-11-29T00:00:00Z") == {smile["id"]}
    assert ids("from=2026-11-29T00:00:00Z&person=jade") == {coat["id"]}


def test_favourites_and_albums(world: World) -> None:
    ann, version = world.drawing()
    one, two = world.drawn(ann, version, 2)
    assert ann.send("PUT", f"/pictures/{one['id']}/favourite").json()["favourite"] is True
    album = ann.post("/albums", {"title": "Summer"}).json()
    for _ in range(2):
        assert ann.send("PUT", f"/albums/{album['id']}/pictures/{two['id']}").status_code == 200
    assert ann.get(f"/pictures/{two['id']}").json()["albums"] == [album["id"]]
    assert [x["id"] for x in ann.get(f"/pictures?album={album['id']}").json()["items"]] == [two["id"]]
    assert [x["id"] for x in ann.get("/pictures?favourite=true").json()["items"]] == [one["id"]]
    assert ann.send("PATCH", f"/albums/{album['id']}", {"title": "Autumn"}).json()["pictures"] == 1
    ann.send("DELETE", f"/albums/{album['id']}/pictures/{two['id']}")
    assert ann.get("/albums").json()["items"][0] | {"created": 0} == {
        "id": album["id"], "title": "Autumn", "created": 0, "pictures": 0}  # fmt: skip
    ann.send("DELETE", f"/albums/{album['id']}")
    assert ann.get("/albums").json()["items"] == []
    assert ann.get(f"/pictures/{two['id']}").status_code == 200


def test_files_come_one_by_one_and_in_an_archive(world: World) -> None:
    ann, version = world.drawing()
    pictures = world.drawn(ann, version, 2)
    file = ann.get(f"/pictures/{pictures[0]['id']}/file?size=full")
    assert file.content.startswith(b"\x89PNG")
    assert file.headers["content-disposition"] == f'inline; filename="jade-{pictures[0]["id"]}.png"'
    assert ann.get(f"/pictures/{pictures[0]['id']}/file?size=thumb").headers["content-type"] == "image/jpeg"
    answer = ann.post("/pictures/zip", {"ids": [one["id"] for one in pictures]})
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert sorted(archive.namelist()) == sorted(f"jade-{one['id']}.png" for one in pictures)
        assert archive.read(f"jade-{pictures[0]['id']}.png") == file.content


def test_a_deleted_picture_is_gone_everywhere_and_a_receipt_says_so(world: World) -> None:
    ann, version = world.drawing()
    one, two = world.drawn(ann, version, 2)
    url = ann.post(f"/pictures/{one['id']}/shares", {"expires_hours": 1}).json()["url"]
    receipt = ann.send("DELETE", f"/pictures/{one['id']}").json()
    assert (receipt["picture"], receipt["shares"], receipt["erased"]) == (one["id"], 1, True)
    assert len(receipt["sha256"]) == 64
    assert ann.get(f"/pictures/{one['id']}").status_code == 404
    assert world.browser().get(f"/shared/{url.rpartition('/')[2]}").status_code == 404
    assert len(world.gallery.store.names("")) == 2
    assert [x["id"] for x in ann.get("/pictures").json()["items"]] == [two["id"]]
    shown = ann.get(f"/generations/{two['generation_id']}").json()
    assert (shown["done"], [x["id"] for x in shown["pictures"]]) == (2, [two["id"]])


def test_a_link_shows_one_picture_until_it_expires_or_is_ended(world: World) -> None:
    ann, version = world.drawing()
    (one,) = world.drawn(ann, version)
    stranger = world.browser()
    made = [ann.post(f"/pictures/{one['id']}/shares", {"expires_hours": hours}).json() for hours in (1, 5)]
    tokens = [share["url"].rpartition("/")[2] for share in made]
    shown = stranger.get(f"/shared/{tokens[0]}").json()
    assert shown["person"] == "jade"
    assert "prompt" not in shown
    assert stranger.get(f"/shared/{tokens[0]}/file").content.startswith(b"\x89PNG")
    world.pass_time(hours=1)
    assert [stranger.get(f"/shared/{token}").status_code for token in tokens] == [404, 200]
    assert [share["id"] for share in ann.get("/shares").json()["items"]] == [made[1]["id"]]
    ann.send("DELETE", f"/shares/{made[1]['id']}")
    assert stranger.get(f"/shared/{tokens[1]}/file").status_code == 404


def test_a_link_with_a_password_shows_nothing_without_it_and_counts_tries(world: World) -> None:
    ann, version = world.drawing()
    (one,) = world.drawn(ann, version)
    body = {"expires_hours": 1, "password": "open the door"}
    token = ann.post(f"/pictures/{one['id']}/shares", body).json()["url"].rpartition("/")[2]
    stranger = world.browser()
    assert stranger.get(f"/shared/{token}").json()["error"]["reason"] == "password"
    assert stranger.get(f"/shared/{token}/file", x_share_password="open the door").status_code == 200
    tried = [stranger.get(f"/shared/{token}", x_share_password=f"guess {n}").status_code for n in range(11)]
    assert tried == [401] * 10 + [429]
