"""Two LoRAs compared: paired by seed, honest about what is not known, and right where the answer is."""

import json
from dataclasses import replace

import numpy as np
import pytest
from circle_samples import NAMED, OPTIONS, PERSON, PLAIN, PLANNED, STRANGERS, drawn_at, seen

from likeness.evaluate.measures import measured
from likeness.evaluate.paired import common, differences
from likeness.versions.comparison import figure, verdict


def details(found, *, only=lambda one: True):
    """The part of details.json that is compared, as it is read from the file."""
    written = [one for one in found.planned if only(one)]
    return json.loads(
        json.dumps(
            {
                "measures": measured(OPTIONS, replace(found, planned=written)),
                "samples": [
                    {**vars(one), "file": f"{one.id}.jpg" if one in written else None} for one in PLANNED
                ],
                "named": [NAMED],
                "twins": [(NAMED, PLAIN)],
            }
        )
    )


def by_measure(first, second, by="SFace"):
    return {one.measure: one for one in differences(first, second) if one.by in (by, "")}


def test_the_better_lora_is_told_and_the_sign_turns_with_the_order():
    better, worse = details(seen(drawn_at(10.0))), details(seen(drawn_at(50.0)))
    up, down = by_measure(worse, better)["similarity"], by_measure(better, worse)["similarity"]
    assert up.sure
    assert up.difference.low > 0
    assert down.difference.value == pytest.approx(-up.difference.value, abs=1e-4)
    assert up.second - up.first == pytest.approx(up.difference.value, abs=2e-4)
    share = by_measure(worse, better)["share of the ceiling"]
    assert share.difference.value > up.difference.value  # the ceiling is below 1
    assert by_measure(worse, better)["recognised"].difference.value == 1


def test_a_lora_beside_itself_differs_in_nothing():
    found = details(seen(drawn_at(30.0)))
    for one in differences(found, found):
        assert one.difference.value == 0
        assert not one.sure
        assert one.pairs == 4


def test_following_the_prompt_is_paired_by_seed_and_not_told_of_an_evaluation_without_it():
    first, second = (details(seen(drawn_at(30.0))) for _ in range(2))
    names = [one["id"] for one in first["samples"] if one["lora"] and one["prompt"] == NAMED]
    first["measures"]["adherence"]["by_image"] = {name: [n % 2, 2] for n, name in enumerate(names)}
    second["measures"]["adherence"]["by_image"] = {name: [n % 2 + 1, 2] for n, name in enumerate(names)}
    found = by_measure(first, second)["prompts followed"]
    assert found.difference.value == 0.5
    assert found.sure  # each picture by the same, however much the seeds differ
    assert found.better == "more"
    assert figure(found, found.second) == f"{100 * found.second:.0f} %"
    del first["measures"]["adherence"]["by_image"]
    assert "prompts followed" not in by_measure(first, second)


def test_pairs_of_seeds_tell_what_seeds_apart_do_not():
    """The seeds differ by far more than the two LoRAs."""
    first = details(seen(lambda one: 15.0 * one.seed))
    second = details(seen(lambda one: 15.0 * one.seed - 2.0))
    told = by_measure(first, second)["similarity"]
    assert told.sure
    alone = first["measures"]["embedders"][0]["samples"]["similarity"]
    assert alone["high"] - alone["low"] > 5 * (told.difference.high - told.difference.low)


def test_of_one_seed_nothing_is_sure():
    """Only photographs could be drawn again: what another seed would have drawn is unknown."""
    sides = [
        details(seen(drawn_at(angle)), only=lambda one: one.seed == PLANNED[0].seed) for angle in (50.0, 10.0)
    ]
    # The leak is read of faces, and those of every seed are in what `details` writes.
    found = [one for one in differences(*sides) if one.measure != "leak of the name"]
    assert not any(one.sure for one in found)
    assert by_measure(*sides)["similarity"].difference.value > 0.1
    assert "evaluate.seeds" in verdict("new", "old", found)


def test_only_what_both_drew_counts():
    all_seeds = details(seen(drawn_at(20.0)))
    two = details(seen(drawn_at(20.0)), only=lambda one: one.seed < 3)
    assert [place[1] for place in common(all_seeds, two)] == [1, 2]
    assert by_measure(all_seeds, two)["similarity"].pairs == 2
    assert by_measure(all_seeds, two)["similarity"].difference.value == 0
    others = json.loads(json.dumps(two).replace(NAMED, "jade woman, laughing"))
    assert differences(all_seeds, others) == []


def test_a_picture_without_a_face_is_told_and_not_scored():
    first = details(seen(drawn_at(20.0)))
    second = details(seen(lambda one: None if one.seed == 1 and one.lora else 20.0 + one.seed))
    found = by_measure(first, second)
    assert found["similarity"].pairs == 3
    assert found["similarity"].difference.value == 0
    assert found["pictures with a face"].difference.value == -0.25
    assert found["recognised"].difference.value == -0.25


def test_a_name_that_works_leaks_less():
    leaking = details(seen(drawn_at(PERSON)))
    obeyed = details(seen(lambda one: (PERSON if one.lora and one.prompt == NAMED else STRANGERS) + one.seed))
    leak = by_measure(leaking, obeyed)["leak of the name"]
    assert (leak.first, leak.second) == (pytest.approx(1, abs=0.02), pytest.approx(0, abs=0.02))
    assert leak.sure
    assert leak.better == "less"


def test_a_copy_is_worse():
    free, copied = details(seen(drawn_at(-3.0))), details(seen(drawn_at(29.0)))
    assert by_measure(free, copied)["copy"].difference.value > 0
    assert by_measure(free, copied)["copy"].better == "less"


def test_an_evaluation_without_scores_by_photograph_is_compared_by_its_means():
    new = details(seen(drawn_at(10.0)))
    old = details(seen(drawn_at(50.0)))
    for one in old["measures"]["embedders"]:
        del one["scores"]
    old["twins"] = []
    found = by_measure(old, new)
    whole = by_measure(details(seen(drawn_at(50.0))), new)
    assert found["similarity"].difference.value == pytest.approx(
        whole["similarity"].difference.value, abs=1e-3
    )
    assert found["similarity"].difference.low is not None  # over seeds
    assert "leak of the name" not in found


def test_one_seed_has_an_interval_over_photographs_and_one_number_has_none():
    def one_seed(angle):
        return details(seen(drawn_at(angle)), only=lambda one: one.seed == 1)

    assert by_measure(one_seed(50.0), one_seed(10.0))["similarity"].difference.low is not None
    assert by_measure(one_seed(50.0), one_seed(10.0))["recognised"].difference.low is None


def test_embedders_are_not_mixed():
    first = details(seen(drawn_at(50.0), others=drawn_at(PERSON)))
    second = details(seen(drawn_at(PERSON), others=drawn_at(50.0)))
    assert by_measure(first, second)["similarity"].difference.value > 0
    assert by_measure(first, second, "dlib's resnet")["similarity"].difference.value < 0
    second["measures"]["embedders"][1]["name"] = "another network"
    assert {one.by for one in differences(first, second)} == {"SFace", ""}


def test_the_interval_holds_the_truth_about_as_often_as_it_says():
    """Both LoRAs are equally good; seeds and pictures scatter."""
    random, sure, at = np.random.default_rng(0), 0, details(seen(drawn_at(40.0)))
    at["measures"]["embedders"] = at["measures"]["embedders"][:1]
    first, second = at, json.loads(json.dumps(at))
    for _ in range(40):
        for one in (first, second):
            one["measures"]["embedders"][0]["scores"] = {
                sample.id: np.cos(np.deg2rad(random.normal(40, 8) - np.array([-2.0, 2.0]))).tolist()
                for sample in PLANNED
            }
        sure += by_measure(first, second)["similarity"].sure
    assert sure <= 6  # 5 % of 40 are 2; more than 6 happen once in 200
