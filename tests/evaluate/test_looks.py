"""What is said and measured of drawn pictures."""

import pytest

from likeness.evaluate.adherence import CUT_TO_FACE, adherence, facets, followed_by_image, share_followed
from likeness.evaluate.looks import Look
from likeness.evaluate.samples import plan_samples
from likeness.evaluate.variety import variety


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("jade woman, head and shoulders photo", {"framing": {"head and shoulders"}}),
        ("jade woman, a half-body photograph outdoors", {"framing": {"half body"}}),
        ("jade woman, a close-up portrait photograph, front view", {"framing": {"close-up"}, "turn of the head": {"front"}}),
        ("head turned slightly to the left, smiling", {"turn of the head": {"left"}, "expression": {"smiling"}}),
        ("wearing a light yellow shirt, plain grey background", {"clothes": {"yellow"}, "background": {"grey"}}),
        ("black hair, side light from the left", {"hair": {"black"}, "light": {"side light from the left"}}),
        ("in a library, with a cup", {}),
    ],
)  # fmt: skip
def test_prompts_and_measured_words_are_read_alike(text, found):
    assert facets(text) == found


def test_adherence_counts_what_was_asked_and_can_be_judged():
    planned = [
        one
        for one in plan_samples("jade", ["jade woman, smiling, wearing a yellow shirt"], [1, 2, 3])
        if one.lora
    ]
    said = ("smiling, wearing yellow and white", "neutral expression, wearing blue", "")
    looks = {
        one.id: Look(id=one.id, text=text, pdq="", turned_pdqs=(), stretched_pdqs=())
        for one, text in zip(planned, said, strict=True)
    }
    rows = {row["facet"]: row for row in adherence(planned, looks)}
    assert rows["clothes"] == {"facet": "clothes", "asked": 3, "judged": 2, "followed": 1}
    assert rows["expression"] == {"facet": "expression", "asked": 3, "judged": 2, "followed": 1}
    assert "background" not in rows
    assert share_followed(rows.values()) == 0.5
    assert share_followed([]) is None


def test_framing_is_not_judged_where_training_cuts_to_the_face():
    planned = [one for one in plan_samples("jade", ["jade woman, half body photo, smiling"], [1]) if one.lora]
    looks = {
        one.id: Look(id=one.id, text="close-up photo, smiling", pdq="", turned_pdqs=(), stretched_pdqs=())
        for one in planned
    }
    assert share_followed(adherence(planned, looks)) == 0.5
    rows = adherence(planned, looks, CUT_TO_FACE)
    assert {row["facet"]: (row["asked"], row["judged"]) for row in rows} == {
        "framing": (1, 0),
        "expression": (1, 1),
    }
    assert share_followed(rows) == 1.0
    assert followed_by_image(planned, looks, CUT_TO_FACE) == {planned[0].id: [1, 1]}


def test_adherence_is_known_picture_by_picture():
    planned = [
        one
        for one in plan_samples("jade", ["jade woman, smiling, wearing a yellow shirt"], [1, 2, 3])
        if one.lora
    ]
    said = ("smiling, wearing yellow", "neutral expression, wearing yellow", "")
    looks = {
        one.id: Look(id=one.id, text=text, pdq="", turned_pdqs=(), stretched_pdqs=())
        for one, text in zip(planned, said, strict=True)
    }
    assert followed_by_image(planned, looks) == {planned[0].id: [2, 2], planned[1].id: [1, 2]}


def test_variety_is_the_spread_of_each_measure_in_each_set():
    still = [
        Look(
            id=str(n),
            text="",
            pdq="",
            turned_pdqs=(),
            stretched_pdqs=(),
            yaw_deg=5.0,
            background=(50.0, 0.0, 0.0),
        )
        for n in range(3)
    ]
    turning = [
        Look(
            id=str(n),
            text="",
            pdq="",
            turned_pdqs=(),
            stretched_pdqs=(),
            yaw_deg=20.0 * n,
            background=(50.0, 30.0 * n, 0.0),
        )
        for n in range(3)
    ]
    rows = {row["measure"]: row for row in variety({"samples": still, "training": turning})}
    assert rows["yaw_deg"]["samples"] == 0
    assert rows["yaw_deg"]["training"] == 20
    assert (rows["background"]["samples"], rows["background"]["training"]) == (0.0, 20.0)
    assert rows["lightness"]["samples"] is None
