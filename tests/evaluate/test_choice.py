"""Which weights are good enough for a name: the floors of conf/choice/."""

import pytest
from circle_samples import NAMED, OPTIONS, PERSON, STRANGERS, drawn_at, seen
from conf_sections import settings

from likeness.evaluate import ChoiceConfig
from likeness.evaluate.choice import verdict
from likeness.evaluate.measures import measured

DEFAULT = settings(ChoiceConfig, "choice/default.yaml")


@pytest.fixture(scope="module")
def good():
    """Like her, by her name only, and as varied and obedient as the base."""
    found = measured(
        OPTIONS,
        seen(lambda one: (PERSON if one.lora and one.prompt == NAMED else STRANGERS) + one.seed),
    )
    found["variety"] = [{"measure": "yaw_deg", "samples": 9.0, "base": 10.0, "training": 1.0}]
    rows = [{"facet": "light", "asked": 4, "judged": 4, "followed": 4}]
    return found | {"adherence": {"samples": rows, "base": rows}}


def missed(measures, **changes):
    floors = verdict(measures, DEFAULT.model_copy(update=changes)).floors
    return {one.setting: one.sentence for one in floors if one.kept is False}


def test_weights_that_keep_every_floor_pass(good):
    found = verdict(good, DEFAULT)
    assert found.accepted
    assert found.embedder == "resnet"
    assert found.share == good["embedders"][1]["samples"]["share"]["value"]


@pytest.mark.parametrize(
    ("setting", "bad"),
    [
        ("min_share", {"embedders": "stranger"}),
        ("min_one_face", {"faces": {"none": 1, "one": 2, "several": 1, "of": 4}}),
        ("min_variety", {"variety": [{"measure": "yaw_deg", "samples": 1.0, "base": 10.0}]}),
        ("min_adherence", {"adherence": {"samples": [{"judged": 4, "followed": 1}], "base": [{"judged": 4, "followed": 4}]}}),
        ("max_copied", {"copying": {"measured": True, "copied": 1, "of": 4}}),
    ],
)  # fmt: skip
def test_each_floor_stops_what_is_below_it(good, setting, bad):
    if bad == {"embedders": "stranger"}:
        bad = {"embedders": measured(OPTIONS, seen(drawn_at(STRANGERS)))["embedders"]}
        assert setting in missed(good | bad)
        return
    assert [*missed(good | bad)] == [setting]


def test_a_leak_stops_it_unless_the_settings_do_not_ask_and_then_that_is_told(good):
    leaking = good | {"embedders": measured(OPTIONS, seen(drawn_at(PERSON)))["embedders"]}
    assert [*missed(leaking)] == ["max_leak"]
    assert "leak of the name 10" in missed(leaking)["max_leak"]
    lenient = verdict(leaking, DEFAULT.model_copy(update={"max_leak": None}))
    assert lenient.accepted
    (waived,) = [one for one in lenient.floors if one.kept is None]
    assert waived.sentence.startswith("leak of the name 10")
    assert waived.sentence.endswith("(not asked)")
    assert waived.value is not None


def test_what_could_not_be_measured_does_not_pass(good):
    assert [*missed(good | {"variety": []})] == ["min_variety"]
    assert [*missed(good | {"copying": {"measured": False, "copied": 0, "of": 4}})] == ["max_copied"]
    assert [*missed(good | {"faces": {"none": 0, "one": 0, "several": 0, "of": 0}})] == ["min_one_face"]
    assert set(missed(good, embedder="own")) == {"min_share", "max_leak"}
    assert "not known" in missed(good | {"variety": []})["min_variety"]
    assert verdict(good, DEFAULT.model_copy(update={"embedder": "own"})).share == -1
