"""Sentences about scores."""

from likeness.report.collect import Evaluation, Group
from likeness.report.words import SHOWABLE, bin_words, number_words, verdict


def evaluation(notes=(), **means) -> Evaluation:
    groups = {
        name: Group(
            images=1, faces=int(means.get(name) is not None), mean=means.get(name), by_yaw={}, by_image={}
        )
        for name in ("held_out", "photographs", "swaps", "samples_with", "samples_without", "targets")
    }
    return Evaluation(lora_effect=1.0, groups=groups, samples=(), notes=notes)


def test_a_score_is_placed_between_strangers_and_the_persona():
    def said(mean):
        return next(s for s in verdict(evaluation(held_out=0.85, targets=0.45, swaps=mean)) if "Swapped" in s)

    assert "as close as the persona's own" in said(0.84)
    assert "nearer to the persona" in said(0.7)
    assert "nearer to other people" in said(0.55)
    assert "no closer than other people" in said(0.45)


def test_without_faces_in_samples_no_score_is_claimed():
    said = verdict(evaluation(notes=("No face was found.",), held_out=0.85, targets=0.45))
    assert said[-1] == "No face was found."
    assert not any("Samples drawn with the LoRA score" in sentence for sentence in said)


def test_without_a_floor_and_a_ceiling_nothing_is_placed():
    (sentence,) = verdict(evaluation(swaps=0.7))
    assert sentence == "Swapped images in the training set score 0.70 on average."


def test_units_and_bins_read_well():
    assert [number_words(n) for n in (485376.0, 1.13083, 0.00012345)] == ["485,376", "1.131", "0.0001234"]
    assert bin_words("15_30") == "15-30°"
    assert bin_words("30_90") == "over 30°"


def test_nothing_unsafe_may_be_shown():
    assert SHOWABLE.isdisjoint(
        {
            "explicit",
            "not-rated",
            "apparent-minor",
            "age-not-judged",
            "no-licence",
            "not-the-persona",
            "several-faces",
        }
    )
