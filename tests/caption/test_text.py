"""Trigger, explicit words, and a person's own captions."""

from pathlib import Path

import pytest

from likeness.caption.text import Override, compose, find_overrides, read_override
from likeness.digests import sha256_bytes
from likeness.errors import InputError
from likeness.pipeline.manifest import Entry
from likeness.safety.gates import Subject, refuse


def image(item: str) -> Entry:
    return Entry(
        id=item,
        file=f"{item}-sfw-enhanced.jpg",
        sha256="0" * 64,
        width=64,
        height=64,
        source="s1",
        target=None,
        rating="sfw",
        faces=(),
        provider="lanczos",
        cost_usd=0,
        parents=(),
    )


def test_the_trigger_comes_first_on_one_line():
    assert compose("jade", "woman", "a photo,\n  smiling ") == "jade woman, a photo, smiling"


@pytest.mark.parametrize(
    "text", ["a nude woman", "Topless, smiling", "soft porn", "her breasts", "an erotic pose"]
)
def test_explicit_words_are_refused(text):
    with pytest.raises(InputError) as caught:
        refuse("caption", Subject(text=text), what="the caption")
    assert (caught.value.reason, caught.value.kind) == ("explicit-words", "refused")


@pytest.mark.parametrize(
    "text",
    [
        "a breast pocket",
        "double-breasted jacket",
        "bare wall",
        "in Essex",
        "a cocktail bar",
        "an analogue photo",
        "a cumulus cloud",
        "title page",
    ],
)
def test_harmless_words_pass(text):
    refuse("caption", Subject(text=text), what="the caption")


def test_an_override_is_taken_as_written_on_one_line():
    assert (
        read_override(Override("\ufeffjade woman,\nin a garden\n".encode()), trigger="jade")
        == "jade woman, in a garden"
    )


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"a woman in a garden", "override-without-trigger"),
        (b"jaded woman", "override-without-trigger"),
        (b"", "override-without-trigger"),
        (b"\xff\xfe\x00", "override-unreadable"),
        (b"<<<<<<< HEAD\njade in a park\n=======\njade in a garden\n>>>>>>> other\n", "override-in-conflict"),
        (b"jade in a park\r\n=======\r\njade in a garden\r\n", "override-in-conflict"),
        (b"jade woman, nude", "explicit-words"),
    ],
)
def test_an_override_that_harms_the_training_is_refused_with_a_remedy(data, reason):
    with pytest.raises(InputError) as caught:
        read_override(Override(data), trigger="jade")
    assert (caught.value.reason, caught.value.kind) == (reason, "refused")
    assert caught.value.remedy
    assert ("is empty" in caught.value.message) is (data == b"")


def test_files_are_matched_by_id_or_image_name_and_strangers_are_told(tmp_path: Path):
    for name, text in {
        "jade-s1": "by id",
        "jade-s1-sfw-enhanced": "by name",
        "jade-s2": "two",
        "jade-s9": "?",
    }.items():
        (tmp_path / f"{name}.txt").write_text(text)
    found, failures = find_overrides(tmp_path, [image("jade-s1"), image("jade-s2"), image("jade-s3")])
    assert found == {"jade-s1": Override(b"by name"), "jade-s2": Override(b"two")}
    assert sorted((line.id, line.kind, line.reason) for line in failures) == [
        ("jade-s1.txt", "skipped", "override-unknown"),
        ("jade-s9.txt", "skipped", "override-unknown"),
    ]


def test_no_folder_means_no_overrides(tmp_path: Path):
    assert find_overrides(tmp_path / "none", [image("jade-s1")]) == ({}, [])


def test_every_file_that_is_not_read_gets_a_line(tmp_path: Path):
    for name in ("jade-s1.TXT", "jade-s1.caption", "README.md", ".DS_Store", ".jade-s1.txt", "._jade-s1.TXT"):
        (tmp_path / name).write_text("words")
    (tmp_path / "more").mkdir()
    found, failures = find_overrides(tmp_path, [image("jade-s1")])
    assert found == {}
    assert sorted(line.id for line in failures) == [
        "._jade-s1.TXT", ".jade-s1.txt", "jade-s1.TXT", "jade-s1.caption", "more",
    ]  # fmt: skip
    assert all(line.detail and line.remedy for line in failures)


def test_a_photographs_own_name_will_do(tmp_path: Path):
    (tmp_path / "IMG_1.jpg.txt").write_text("words")
    photo = image("jade-s1").model_copy(update={"origin": "IMG_1.jpg"})
    swap = image("jade-s1-t1").model_copy(update={"origin": "IMG_1.jpg", "target": "t1"})
    assert find_overrides(tmp_path, [photo, swap]) == ({"jade-s1": Override(b"words")}, [])


DECOMPOSED, COMPOSED = "zoe\u0308.jpg", "zo\u00eb.jpg"


@pytest.mark.parametrize(("photo", "caption"), [(DECOMPOSED, COMPOSED), (COMPOSED, DECOMPOSED)])
def test_a_caption_is_found_by_its_photographs_name_as_people_read_it(
    tmp_path: Path, photo: str, caption: str
):
    words = b"two blue tits"
    (tmp_path / f"{caption}.txt").write_bytes(words)
    (tmp_path / "allowed.yaml").write_text(
        f"{photo}.txt: {{sha256: {sha256_bytes(words)}, words: [tits], reason: birds on a branch}}"
    )
    own = image("jade-s1").model_copy(update={"origin": photo})
    assert find_overrides(tmp_path, [own]) == ({"jade-s1": Override(words, frozenset({"tits"}))}, [])


def test_what_was_written_about_other_bytes_is_refused_and_both_are_shown():
    with pytest.raises(InputError, match=r"had sha256 a.*now it has b") as caught:
        read_override(
            Override(b"jade"), trigger="jade", replaced="x had sha256 a when it got its number, now it has b"
        )
    assert caught.value.reason == "override-of-other-bytes"
