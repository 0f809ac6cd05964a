"""What is said and measured of drawn pictures."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import cv2
import numpy as np
import pytest
from circle_samples import OPTIONS, drawn_at, seen
from golden_settings import entry
from PIL import Image, ImageOps

from likeness.evaluate.adherence import CUT_TO_FACE, adherence, facets, followed_by_image, share_followed
from likeness.evaluate.looks import Look, hashes, looks_of
from likeness.evaluate.measures import measured
from likeness.evaluate.samples import plan_samples
from likeness.evaluate.variety import variety
from likeness.images import RGB
from likeness.pipeline.batch import run_batch
from likeness.run import Run
from likeness.store.items import ItemStore


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


def look(name: str, text: str = "", **measured: Any) -> Look:
    return Look(id=name, text=text, pdq="", turned_pdqs=(), stretched_pdqs=(), **measured)


def test_adherence_counts_what_was_asked_and_can_be_judged():
    planned = [
        one
        for one in plan_samples("jade", ["jade woman, smiling, wearing a yellow shirt"], [1, 2, 3])
        if one.lora
    ]
    said = ("smiling, wearing yellow and white", "neutral expression, wearing blue", "")
    looks = {one.id: look(one.id, text) for one, text in zip(planned, said, strict=True)}
    rows = {row["facet"]: row for row in adherence(planned, looks)}
    assert rows["clothes"] == {"facet": "clothes", "asked": 3, "judged": 2, "followed": 1}
    assert rows["expression"] == {"facet": "expression", "asked": 3, "judged": 2, "followed": 1}
    assert "background" not in rows
    assert share_followed(rows.values()) == 0.5
    assert share_followed([]) is None


def test_framing_is_not_judged_where_training_cuts_to_the_face():
    planned = [one for one in plan_samples("jade", ["jade woman, half body photo, smiling"], [1]) if one.lora]
    looks = {one.id: look(one.id, "close-up photo, smiling") for one in planned}
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
    looks = {one.id: look(one.id, text) for one, text in zip(planned, said, strict=True)}
    assert followed_by_image(planned, looks) == {planned[0].id: [2, 2], planned[1].id: [1, 2]}


def test_variety_is_the_spread_of_each_measure_in_each_set():
    still = [look(str(n), yaw_deg=5.0, background=(50.0, 0.0, 0.0)) for n in range(3)]
    turning = [look(str(n), yaw_deg=20.0 * n, background=(50.0, 30.0 * n, 0.0)) for n in range(3)]
    rows = {row["measure"]: row for row in variety({"samples": still, "training": turning})}
    assert rows["yaw_deg"]["samples"] == 0
    assert rows["yaw_deg"]["training"] == 20
    assert (rows["background"]["samples"], rows["background"]["training"]) == (0.0, 20.0)
    assert rows["lightness"]["samples"] is None


@pytest.mark.parametrize("change", [ImageOps.mirror, ImageOps.flip, ImageOps.invert])
def test_the_part_of_a_training_image_that_training_sees_is_known_again_without_a_face(tmp_path, change):
    noise = np.random.default_rng(0).integers(0, 255, (300, 400, 3), np.uint8)
    image = Image.fromarray(cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 6), None, 0, 255, cv2.NORM_MINMAX))
    image.save(tmp_path / "trained.png")
    face = entry("x", "1" * 64).faces[0].model_copy(update={"box_px": (200.0, 90.0, 60.0, 80.0)})
    trained = entry("trained1", "1" * 64, width=400, height=300, faces=(face,), file="trained.png")
    store = ItemStore(tmp_path / "items")
    run = cast("Run", SimpleNamespace(batch=lambda works, what: run_batch(what, [*works], store, workers=1)))
    searched = {trained.id: SimpleNamespace(item=SimpleNamespace(record={"face": None, "scale": 1.0}))}
    known = looks_of(run, [trained], tmp_path, searched, words=False, face_fraction=0.5)
    assert not looks_of(run, [trained], tmp_path, searched, words=False)[trained.id].cut_pdqs
    drawn: RGB = np.asarray(change(image.crop((150, 56, 310, 216)).resize((128, 128))))
    copy = Look(id="jade-p1-seed1-with", text="", **hashes(drawn))
    found = measured(OPTIONS, replace(seen(drawn_at(-60.0), looks=[copy]), trained=dict(known)))["copying"]
    assert [one["id"] for one in found["pictures"] if one["copied"]] == [copy.id]
