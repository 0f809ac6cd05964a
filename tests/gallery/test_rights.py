"""Who may draw whom, how many and what."""

import datetime
from concurrent.futures import ThreadPoolExecutor

from gallery_world import NOON, World

from gallery.people.presets import PRESETS


def test_a_right_shows_the_person_and_what_is_left(world: World) -> None:
    ann, version = world.drawing()
    ann.post("/generations", {"version_id": version, "prompt": "smiling", "count": 3})
    (person,) = ann.get("/people").json()
    assert person["name"] == "jade"
    assert person["versions"][0]["right"] == {
        "per_day": 20, "used_today": 3, "until": None, "kinds": ["portrait", "everyday", "costume", "free"]}  # fmt: skip
    assert world.user("bob").get("/people").json() == []
    assert ann.get("/presets").json()[0]["kind"] == "portrait"


def test_without_a_right_a_version_is_not_there(world: World) -> None:
    _, version = world.drawing()
    answer = world.user("bob").post("/generations", {"version_id": version, "prompt": "smiling"})
    assert answer.status_code == 404


def test_the_days_pictures_end_and_come_again_tomorrow(world: World) -> None:
    ann, version = world.drawing(per_day=5)
    wish = {"version_id": version, "prompt": "smiling", "count": 4}
    assert ann.post("/generations", wish).status_code == 202
    assert ann.post("/generations", wish).json()["error"]["reason"] == "quota"
    assert ann.post("/generations", wish | {"count": 1}).status_code == 202
    world.pass_time(hours=12)
    assert ann.post("/generations", wish).status_code == 202


def test_many_wishes_at_once_take_no_more_than_there_is(world: World) -> None:
    ann, version = world.drawing(per_day=5)
    body = {"version_id": version, "prompt": "smiling", "count": 2}
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: ann.post("/generations", body).status_code, range(6)))
    assert sorted(answers) == [202, 202, 429, 429, 429, 429]


def test_a_right_ends_on_its_day(world: World) -> None:
    ann, version = world.user("ann"), world.person()
    world.grant("ann", version, until=NOON + datetime.timedelta(days=1))
    wish = {"version_id": str(version), "prompt": "smiling", "count": 1}
    assert ann.post("/generations", wish).status_code == 202
    world.pass_time(days=1)
    assert ann.post("/generations", wish).json()["error"]["reason"] == "right-ended"


def test_a_right_to_presets_lets_no_other_words_pass(world: World) -> None:
    ann, version = world.user("ann"), world.person()
    world.grant("ann", version, kinds=["portrait"])
    preset = PRESETS[0]
    wish = {"version_id": str(version), "prompt": preset.prompt, "preset": preset.id, "count": 1}
    assert ann.post("/generations", wish).status_code == 202
    others = (
        {"prompt": preset.prompt + ", in a bar"},
        {"preset": None},
        {"preset": "library"},
        {"negative": "a grey background"},
    )
    for other in others:
        assert ann.post("/generations", wish | other).json()["error"]["reason"] == "prompt-kind"


def test_more_like_a_presets_picture_is_of_its_kind_where_its_words_are_left(world: World) -> None:
    ann, version = world.user("ann"), world.person()
    world.grant("ann", version, kinds=["portrait"])
    (picture,) = world.drawn(ann, str(version), prompt=PRESETS[0].prompt, preset=PRESETS[0].id)
    wish = {"version_id": str(version), "prompt": "", "like": picture["id"], "count": 1}
    for words in ("", picture["prompt"]):
        assert ann.post("/generations", wish | {"prompt": words}).status_code == 202
    for other in ({"prompt": picture["prompt"] + ", in a bar"}, {"negative": "a grey background"}):
        assert ann.post("/generations", wish | other).json()["error"]["reason"] == "prompt-kind"


def test_what_the_person_narrowed_holds_for_everybody_together(world: World) -> None:
    version = world.person(per_day=3, kinds=["free"])
    browsers = [world.user("ann"), world.user("bob")]
    for name in ("ann", "bob"):
        world.grant(name, version)
    wish = {"version_id": str(version), "prompt": "smiling", "count": 2}
    assert [one.post("/generations", wish).status_code for one in browsers] == [202, 429]
    assert browsers[1].get("/people").json()[0]["versions"][0]["right"]["kinds"] == ["free"]
