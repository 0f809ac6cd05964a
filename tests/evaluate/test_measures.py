"""The measure measures: other people low, another photograph of the same person high, a LoRA without effect as the base, a
pasted training picture as copied, a name without effect as a leak."""

import base64
from dataclasses import replace
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from circle_samples import NAMED, OPTIONS, PERSON, STRANGERS, drawn_at, look, seen
from known_faces import at_angle

from likeness.evaluate.embedders import EMBEDDERS, embedders
from likeness.evaluate.face_patch import WHOLE_PX
from likeness.evaluate.measures import Seen, flat, measured
from likeness.safety.identity import RESNET


def by_embedder(found: Seen, key: str = "sface"):
    return next(one for one in measured(OPTIONS, found)["embedders"] if one["key"] == key)


def test_another_photograph_of_her_reaches_the_ceiling_and_strangers_stay_at_theirs():
    hers, strangers = by_embedder(seen(drawn_at(PERSON))), by_embedder(seen(drawn_at(STRANGERS)))
    assert hers["samples"]["share"]["value"] == pytest.approx(1, abs=0.05)
    assert hers["samples"]["recognised"] == hers["samples"]["of"] == 4
    chance = strangers["strangers"]["value"] / strangers["ceiling"]["value"]
    assert strangers["samples"]["share"]["value"] == pytest.approx(chance, abs=0.05)
    assert strangers["samples"]["recognised"] == 0


def test_the_identity_of_somebody_else_scores_low():
    swapped = by_embedder(seen(drawn_at(170.0)))
    assert swapped["samples"]["share"]["value"] < 0
    assert swapped["samples"]["recognised"] == 0


def test_the_ceiling_is_hers_with_an_interval_and_never_a_photograph_with_itself():
    ceiling = by_embedder(seen(drawn_at(PERSON)))["ceiling"]
    own = np.deg2rad(np.linspace(-15, 15, 8))
    pairs = [np.cos(own[h] - own[p]) for h in (3, 4) for p in range(8) if p != h]
    assert ceiling["value"] == pytest.approx(np.mean(pairs), abs=1e-3)
    assert ceiling["low"] < ceiling["value"] < ceiling["high"] < 1


def test_the_interval_of_the_share_grows_with_the_differences_of_the_seeds():
    def width(spread: float) -> float:
        share = by_embedder(seen(lambda one: 20 + spread * one.seed))["samples"]["share"]
        return share["high"] - share["low"]

    assert width(10) > 2 * width(1)


def test_embedders_stand_side_by_side_and_never_mix():
    both = seen(drawn_at(PERSON), others=drawn_at(STRANGERS))
    sface, resnet = by_embedder(both), by_embedder(both, "resnet")
    assert sface["samples"]["recognised"] == 4
    assert resnet["samples"]["recognised"] == 0
    assert (sface["scale"], resnet["scale"]) == ("cosine", "1 - distance")
    assert [one.key for one in EMBEDDERS if one.chooses] == ["sface"]


def test_an_embedder_of_ones_own_stands_beside_the_two():
    own = SimpleNamespace(name="onnx-0123", source_min=0.36)
    found = seen(drawn_at(PERSON))
    sets = {
        name: replace(
            group,
            embeddings=[replace(face, others={"onnx-0123": face.embedding}) for face in group.embeddings],
        )
        for name, group in found.sets.items()
    }
    three = measured(OPTIONS, replace(found, sets=sets), embedders(own))["embedders"]
    assert [one["key"] for one in three] == ["sface", "resnet", "own"]
    assert three[2]["samples"]["share"] == three[0]["samples"]["share"]
    assert not three[2]["chooses"]


def test_an_embedder_that_measured_nothing_says_nothing():
    found = seen(drawn_at(PERSON))
    bare = {
        name: replace(group, embeddings=[replace(face, others={}) for face in group.embeddings])
        for name, group in found.sets.items()
    }
    resnet = by_embedder(replace(found, sets=bare), "resnet")
    assert resnet["samples"]["share"]["value"] is None
    assert resnet["ceiling"]["value"] is None
    assert resnet["threshold"]["origin"].startswith("published")
    assert resnet["name"] == RESNET


def test_a_lora_without_effect_scores_as_the_base():
    one = by_embedder(seen(lambda one: 50.0 + one.seed))
    without_ids = [{**one[name], "by_image": None} for name in ("samples", "base")]
    assert without_ids[0] == without_ids[1]
    assert one["name_test"]["gain"]["value"] == 0
    assert one["name_test"]["leak"]["value"] is None  # it adds nothing that could leak


def test_samples_without_a_face_count_as_not_recognised():
    found = seen(lambda one: PERSON if one.seed < 3 else None)
    assert by_embedder(found)["samples"]["recognised"] == 2
    assert by_embedder(found)["samples"]["of"] == 4
    assert measured(OPTIONS, found)["faces"] == {"none": 2, "one": 2, "several": 0, "of": 4}


def test_scores_stand_by_turn_of_the_head_and_by_size_of_the_face():
    one = by_embedder(seen(drawn_at(PERSON)))
    assert [row["faces"] for row in one["by_yaw"]] == [
        2,
        1,
        1,
    ]  # the seeds' heads are turned by 0, 10, 20 and 30 degrees
    assert [row["faces"] for row in one["by_face_px"]] == [0, 4, 0, 0]
    assert one["by_yaw"][0]["recognised"] == 2
    assert one["by_face_px"][0]["similarity"] is None


def test_without_held_out_photographs_all_are_references_and_copying_is_not_told():
    found = measured(OPTIONS, seen(drawn_at(PERSON), held_out=0))
    assert found["references"] == {"held_out": False, "photographs": 8}
    assert found["embedders"][0]["ceiling"]["value"] is not None
    assert found["copying"]["measured"] is False
    assert found["copying"]["mean"]["value"] is None


def test_a_name_that_does_nothing_leaks_all_and_one_that_works_leaks_nothing():
    leaking = by_embedder(seen(drawn_at(PERSON)))["name_test"]
    assert leaking["gain"]["value"] == pytest.approx(0, abs=0.01)
    assert leaking["leak"]["value"] == pytest.approx(1, abs=0.01)
    obeyed = by_embedder(
        seen(lambda one: (PERSON if one.lora and one.prompt == NAMED else STRANGERS) + one.seed)
    )
    assert obeyed["name_test"]["leak"]["value"] == pytest.approx(0, abs=0.01)
    gain = obeyed["name_test"]["gain"]
    assert 0 < gain["low"] <= gain["value"] <= gain["high"]


def test_pairs_of_seeds_tell_more_than_the_seeds_apart():
    # Seeds differ much, the name always helps by as much: paired, that is sure.
    moved = by_embedder(seen(lambda one: 20 * one.seed + (0 if one.lora and one.prompt == NAMED else 5)))[
        "name_test"
    ]
    assert moved["gain"]["low"] > 0
    assert moved["named"]["high"] - moved["named"]["low"] > 5 * (moved["gain"]["high"] - moved["gain"]["low"])


def test_without_a_twin_prompt_the_name_is_not_tested():
    assert by_embedder(replace(seen(drawn_at(PERSON)), twins=[]))["name_test"] is None


def test_a_face_of_a_training_picture_is_copied_and_one_between_is_not():
    copied = measured(OPTIONS, seen(drawn_at(29.0)))["copying"]  # the second swap lies at 30
    assert copied["copied"] == copied["of"] == 4
    assert {one["nearest"] for one in copied["pictures"]} == {"swap1"}
    assert copied["mean"]["value"] > 0.7
    free = measured(OPTIONS, seen(drawn_at(-60.0)))["copying"]
    assert free["copied"] == 0


def test_the_published_measure_is_computed_as_published():
    held_out, nearest, drawn = np.array([-2.14, 2.14]), 30.0, 40.0
    found = measured(OPTIONS, seen(lambda one: drawn))["copying"]["pictures"][0]
    by_hand = np.mean((abs(drawn - held_out) - abs(drawn - nearest)) / abs(nearest - held_out))
    assert found["copy"] == pytest.approx(by_hand, abs=0.01)
    assert found["angle_deg"] == pytest.approx(10, abs=0.1)


def test_a_pasted_training_picture_is_copied_whatever_its_face():
    pasted = look("jade-p1-seed1-with", look("trained2").pdq)
    found = measured(OPTIONS, seen(drawn_at(-60.0), looks=[pasted]))["copying"]
    assert [one["id"] for one in found["pictures"] if one["copied"]] == ["jade-p1-seed1-with"]
    assert found["pictures"][0]["nearest"] == "trained2"
    assert found["pictures"][0]["picture_bits"] == 0


def test_of_swaps_on_one_target_the_one_whose_face_was_pasted_is_shown():
    rng, pdq = np.random.default_rng(0), look("target").pdq
    noise = rng.integers(1, 255, (2, WHOLE_PX, WHOLE_PX), np.uint8)
    one, other = (base64.b64encode(cv2.GaussianBlur(each, (0, 0), 3).tobytes()).decode() for each in noise)
    trained = {
        name: replace(look(name, pdq), face_patch=patch) for name, patch in (("swap0", one), ("swap1", other))
    }
    pasted = replace(look("jade-p1-seed1-with", pdq), face_patch=other)
    drawn = seen(drawn_at(-60.0), looks=[pasted])
    found = measured(OPTIONS, replace(drawn, trained=drawn.trained | trained))["copying"]["pictures"][0]
    assert found["copied"]
    assert found["nearest"] == "swap1"


@pytest.mark.parametrize(
    ("angle", "other", "match", "copied"),  # the one swap lies at 30
    [
        (24.0, 0.35, 0.911, True),
        (0.0, 0.35, 0.911, False),
        (24.0, 0.155, 0.98, True),
        (0.0, 0.155, 0.98, False),
        (0.0, 0.1, 0.992, True),
    ],
)
def test_what_is_around_a_face_counts_the_less_the_farther_the_face_is(angle, other, match, copied):
    rng = np.random.default_rng(0)
    smooth = [cv2.GaussianBlur(rng.normal(size=(WHOLE_PX, WHOLE_PX)), (0, 0), 2) for _ in range(2)]
    trained, drawn = (128 + 400 * picture for picture in (smooth[0], smooth[0] + other * smooth[1]))
    one, drawn_patch = (
        base64.b64encode(each.clip(1, 255).astype(np.uint8).tobytes()).decode() for each in (trained, drawn)
    )
    pasted = replace(look("jade-p1-seed1-with"), face_patch=drawn_patch)
    every = seen(drawn_at(angle), looks=[pasted])
    known = every.trained | {"swap1": replace(look("swap1"), face_patch=one)}
    swaps = replace(every.sets["swaps"], embeddings=every.sets["swaps"].embeddings[1:])
    every = replace(every, trained=known, sets={**every.sets, "swaps": swaps})
    found = measured(OPTIONS, every)["copying"]["pictures"][0]
    assert found["face_match"] == pytest.approx(match, abs=0.004)
    assert found["copy"] < 0.7
    assert found["copied"] == copied


def test_a_set_whose_training_cuts_to_the_face_is_judged_without_framing():
    prompt = f"{NAMED}, full body photo, smiling"
    found = seen(drawn_at(PERSON))
    planned = [replace(one, prompt=prompt) if one.prompt == NAMED else one for one in found.planned]
    looks = {name: replace(one, text="close-up photo, smiling") for name, one in found.looks.items()}
    found = replace(found, planned=planned, named=[prompt], looks=looks)
    for cut, share in ((False, 0.5), (True, 1.0)):
        assert flat(measured(OPTIONS, replace(found, cut_to_face=cut)))["adherence"] == share


def test_metrics_are_flat_and_hold_what_people_compare_by():
    metrics = flat(measured(OPTIONS, seen(drawn_at(PERSON))))
    assert all(value is None or isinstance(value, int | float) for value in metrics.values())
    assert metrics["sface_share_of_ceiling_low"] <= metrics["sface_share_of_ceiling"]
    assert {"resnet_share_of_ceiling", "sface_leak", "copied", "adherence", "samples_faceless"} <= set(
        metrics
    )


def test_embeddings_lie_where_they_are_said_to():
    assert at_angle(0) == (1.0, 0.0)
