"""The page of captions: what is written where the stages read it, and which made images are left out."""

import pytest
from desk_visitor import text
from paid_pipeline import run

from likeness.cli.photos import accept_command, refuse_command
from likeness.dataset.select import select
from likeness.digests import sha256_pixels
from likeness.images import load_rgb
from likeness.paths import PersonaPaths
from likeness.pipeline.manifest import read_manifest
from likeness.safety.by_hand import read_refused

JADE = PersonaPaths("jade")


def as_seen(image: str) -> dict[str, str]:
    """What a form says of an image without a caption of one's own."""
    entry = next(one for one in read_manifest(JADE.enhanced).entries if one.id == image)
    return {"image": image, "sha256": entry.sha256, "before": ""}


def test_a_caption_is_written_where_the_stage_reads_it(enhanced, desk):
    words = "jade woman, in a garden, smiling"
    assert desk.post("/jade/caption", **as_seen("jade-s1-t1"), words=f" {words}\r\n").status == 303
    assert (JADE.captions_override / "jade-s1-t1.txt").read_text() == f"{words}\n"
    page = text(desk.get("/jade/captions"))
    assert words in page
    assert "your own words" in page
    run(enhanced, "caption")
    entry = next(one for one in read_manifest(JADE.captions).entries if one.id == "jade-s1-t1")
    assert (entry.text, entry.provider) == (words, "override")


def test_a_made_image_is_refused_by_its_pixels_and_gets_no_place_in_the_training_set(enhanced, desk):
    image = next(one for one in read_manifest(JADE.enhanced).entries if one.id == "jade-s1-t1")
    asked = as_seen(image.id)
    assert desk.post("/jade/refuse-image", **asked, why="two thumbs").status == 303
    refused = read_refused(JADE.refused_images)
    assert {key: one.why for key, one in refused.items()} == {
        sha256_pixels(load_rgb(JADE.enhanced / image.file)): "two thumbs"
    }
    page = text(desk.get("/jade/captions"))
    assert "likeness photos refuse jade jade-s1-t1 --why &#39;two thumbs&#39;" in page
    assert "<b>refused-by-hand</b> two thumbs" in page
    run(enhanced, "caption")
    captions = read_manifest(JADE.captions)
    assert image.id not in [one.id for one in captions.entries]
    left = next(one for one in captions.failures if one.id == image.id)
    assert (left.kind, left.reason) == ("refused", "refused-by-hand")
    chosen, out = select(read_manifest(JADE.enhanced).entries, captions, allow_review=False)
    assert image.id not in [one.image.id for one in chosen]
    assert left in out
    assert desk.post("/jade/accept-image", **asked).status == 303
    assert not JADE.refused_images.exists()
    run(enhanced, "caption")
    assert image.id in [one.id for one in read_manifest(JADE.captions).entries]


def test_an_image_that_is_none_or_was_made_anew_is_not_refused(enhanced, desk):
    wrong = desk.post("/jade/refuse-image", image="jade-s1-t1", sha256="0" * 64, why="blurred")
    assert wrong.status == 422
    assert "changed after it was looked at" in text(wrong)
    assert desk.post("/jade/refuse-image", image="jade-s9-t9", sha256="", why="blurred").status == 422
    assert desk.post("/jade/accept-image", image="jade-s1-t1", sha256="").status == 422
    assert not JADE.refused_images.exists()


def test_the_command_line_refuses_and_accepts_an_image(enhanced, capsys):
    refuse_command("jade", "jade-s1-t1", "two thumbs")
    assert f"refused in {JADE.refused_images}" in capsys.readouterr().out
    accept_command("jade", "jade-s1-t1")
    assert "jade-s1-t1 is taken" in capsys.readouterr().out
    assert not JADE.refused_images.exists()


def test_the_file_that_wins_is_the_one_that_is_written_and_deleted(enhanced, desk):
    JADE.captions_override.mkdir(parents=True, exist_ok=True)
    for name in ("jade-s1-t1.txt", "jade-s1-t1-sfw-enhanced.txt"):
        (JADE.captions_override / name).write_text("jade, as before\n")
    desk.post(
        "/jade/caption", **as_seen("jade-s1-t1") | {"before": "jade, as before"}, words="jade woman, anew"
    )
    assert (JADE.captions_override / "jade-s1-t1-sfw-enhanced.txt").read_text() == "jade woman, anew\n"
    desk.post("/jade/caption", **as_seen("jade-s1-t1") | {"before": "jade woman, anew"}, words="")
    assert not list(JADE.captions_override.glob("jade-s1-t1*"))


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("jade woman, nude on a bed", "says &#39;nude&#39;"),
        ("jade girl of 12 in a garden", "a word for a child"),
        ("a woman in a garden", "does not contain the trigger"),
        ("jade woman, tits behind her", "says &#39;tits&#39;"),
    ],
)  # fmt: skip
def test_a_caption_that_the_stage_would_refuse_is_not_written(enhanced, desk, words, why):
    answer = desk.post("/jade/caption", **as_seen("jade-s1-t1"), words=words)
    assert answer.status == 422
    page = text(answer)
    assert why in page
    assert words in page
    assert 'href="/jade/captions#jade-s1-t1"' in page
    assert not (JADE.captions_override / "jade-s1-t1.txt").exists()


def test_a_link_in_place_of_a_caption_is_not_written_through(enhanced, desk, tmp_path):
    elsewhere = tmp_path / "elsewhere.txt"
    elsewhere.write_text("mine")
    JADE.captions_override.mkdir(parents=True, exist_ok=True)
    (JADE.captions_override / "jade-s1-t1.txt").symlink_to(elsewhere)
    desk.post("/jade/caption", **as_seen("jade-s1-t1"), words="jade woman")
    assert elsewhere.read_text() == "mine"


def test_of_two_reviewers_the_second_does_not_write_over_a_caption_that_she_has_not_seen(enhanced, desk):
    form = as_seen("jade-s1-t1")
    assert desk.post("/jade/caption", **form, words="jade woman, in a garden").status == 303
    for words in ("jade woman, on a bench", ""):
        answer = desk.post("/jade/caption", **form, words=words)
        assert answer.status == 422
        assert "the caption of jade-s1-t1 changed after it was looked at" in text(answer)
        assert words in text(answer)
    assert (JADE.captions_override / "jade-s1-t1.txt").read_text() == "jade woman, in a garden\n"
    assert 'name="before" value="jade woman, in a garden"' in text(desk.get("/jade/captions"))


def test_a_caption_of_an_image_that_was_made_anew_is_not_written(enhanced, desk):
    answer = desk.post("/jade/caption", **as_seen("jade-s1-t1") | {"sha256": "0" * 64}, words="jade woman")
    assert answer.status == 422
    assert "jade-s1-t1 changed after it was looked at" in text(answer)
    assert not (JADE.captions_override / "jade-s1-t1.txt").exists()
