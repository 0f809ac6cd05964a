"""The score in words, and the weakness that the report names."""

import copy

import pytest
from measured_samples import NAMED, PLAIN, measures_of

from likeness.formatting import percent
from likeness.report.outcome import interval, no_share, terms, weakness

SAMPLES = [
    {"id": f"jade-p{n}-seed{seed}-{'with' if lora else 'without'}", "prompt": prompt, "seed": seed, "lora": lora}
    for n, prompt in ((1, NAMED), (2, PLAIN)) for seed in (1, 2) for lora in (False, True)
]  # fmt: skip


@pytest.fixture
def measures():
    found = copy.deepcopy(measures_of(SAMPLES))
    samples = found["embedders"][0]["samples"]
    samples["recognised"] = samples["of"]
    found["embedders"][0]["name_test"]["leak"] = {"value": 0.1, "low": 0.0, "high": 0.2}
    return found


def test_without_a_large_shortfall_nothing_is_to_mend(measures):
    assert weakness(measures, {}, class_word="woman") is None


def test_the_largest_shortfall_is_named_with_a_remedy(measures):
    first = measures["embedders"][0]
    first["name_test"]["leak"] = {"value": 0.9, "low": 0.8, "high": 1.0}
    named = weakness(measures, {}, class_word="woman")
    assert named.what == "The name does little: “a woman” alone draws 90 % of what the LoRA adds (80 to 100)."
    assert "train.objective.preservation_weight" in named.remedy
    first["samples"]["recognised"] = 0
    assert "recognised" in weakness(measures, {}, class_word="woman").what
    measures["copying"]["copied"] = 1
    assert "repeat a training picture" in weakness(measures, {}, class_word="woman").what


def test_strangers_who_score_higher_than_the_drawn_pictures_are_told(measures):
    first = measures["embedders"][0]
    first["samples"] |= {"recognised": 0, "share": {"value": 0.6, "low": 0.5, "high": 0.7}}
    first["ceiling"]["value"] = 0.8
    for value, told in ((0.4, False), (0.6, True)):
        first["strangers"]["value"] = value
        said = weakness(measures, {}, class_word="woman").what
        assert ("The people of the targets reach 75 % of the ceiling" in said) == told


def test_the_turn_of_the_head_that_is_least_alike_is_told_with_the_one_that_is_most(measures):
    first = measures["embedders"][0]
    first["samples"] |= {"recognised": 1, "of": 12}
    first["ceiling"]["value"] = 0.8
    first["by_yaw"] = [
        {"bin": "0_15", "similarity": 0.72},
        {"bin": "15_30", "similarity": 0.4},
        {"bin": "30_90", "similarity": None},
    ]
    assert weakness(measures, {}, class_word="woman").what.startswith(
        "1 of 12 drawn pictures is recognised as the persona. They are least alike with the head turned 15 to 30°: 50 % of the "
        "ceiling, against 90 % at 0 to 15°."
    )
    assert "head turned that way" in weakness(measures, {}, class_word="woman").remedy
    first["by_yaw"] = first["by_yaw"][:1]
    assert "least alike" not in weakness(measures, {}, class_word="woman").what
    assert "that way" not in weakness(measures, {}, class_word="woman").remedy


def test_a_training_after_which_the_loss_is_higher_is_told_before_all_that_comes_of_it(measures):
    measures["faces"] = {"none": 2, "one": 0, "several": 0, "of": 2}
    better, worse = ({"probe_loss_before": 0.265, "probe_loss_after": loss} for loss in (0.073, 0.9912))
    assert "no face" in weakness(measures, better, class_word="woman").what
    named = weakness(measures, worse, class_word="woman")
    assert named.what.endswith("the loss was 0.265 before it and 0.991 after it.")
    assert named.remedy.startswith("Lower train.optimizer.lr")


def test_pictures_without_a_face_are_a_weakness(measures):
    measures["faces"] = {"none": 1, "one": 0, "several": 1, "of": 2}
    assert "no face or several" in weakness(measures, {}, class_word="woman").what
    measures["faces"] = {"none": 0, "one": 0, "several": 2, "of": 2}
    assert weakness(measures, {}, class_word="woman").what == "2 of 2 drawn pictures show several faces."


def test_a_similarity_without_a_ceiling_is_told_and_no_similarity_is_not(measures):
    assert no_share(measures) == ""
    first = measures["embedders"][0]
    first["samples"]["share"] = {"value": None, "low": None, "high": None}
    assert f"{first['samples']['similarity']['value']:.2f} (SFace). No share" in no_share(measures)
    first["samples"]["similarity"] = {"value": None, "low": None, "high": None}
    assert no_share(measures) == ""


def test_the_terms_say_where_the_threshold_comes_from_and_who_chooses(measures):
    said = dict(terms(measures, seeds=2))
    assert "calibrated to err equally often both ways" in said["Recognised"]
    assert "held-out photographs, which training never saw" in said["100 %"]
    assert said["Two scores"].endswith("dlib's resnet takes no part in choosing.")
    measures["embedders"][0]["strangers"]["value"] = None
    assert "there are no target people" in dict(terms(measures, seeds=2))["Strangers"]
    measures["references"]["held_out"] = False
    assert "a copy scores high" in dict(terms(measures, seeds=2))["100 %"]


def test_an_interval_of_few_photographs_or_one_seed_says_that_it_is_too_narrow(measures):
    def said(photographs: int, seeds: int) -> str:
        measures["references"]["photographs"] = photographs
        return dict(terms(measures, seeds=seeds))["In brackets"]

    assert said(3, 2).endswith("most likely be in it.")
    assert "too narrow" in said(2, 4)
    assert said(3, 1).endswith("tells nothing of other seeds.")


def test_figures_read_well():
    assert (percent(0.704), percent(None)) == ("70 %", "-")
    assert interval({"low": 0.65, "high": 0.8}) == " (65 to 80)"
    assert interval({"low": None, "high": None}) == ""
