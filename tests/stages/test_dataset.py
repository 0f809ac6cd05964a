"""The stage `dataset` on small folders: what is laid out, what stays out, and that bytes repeat."""

import json
import re
import tomllib
import zipfile

import pytest
import yaml
from conf_sections import settings
from doors import SeesHer
from lora_runs import train_config
from persona_folders import TARGET_LICENCE, Folders
from runs import run_of

from likeness.cli.plan import quality
from likeness.cli.plan_show import show_quality
from likeness.config import Config, ItemsConfig
from likeness.dataset import DatasetConfig
from likeness.errors import InputError
from likeness.ingest import IngestConfig
from likeness.marks.xmp import SourceType, find_code
from likeness.persona import Persona
from likeness.pipeline.manifest import read_manifest, write_manifest
from stages.dataset import main

PAIRS = (("s1", "t1"), ("s2", "t1"), ("s2", "t2"), ("s10", None))
PERSONA = settings(Persona, "persona/jade.yaml")


def config(**changes) -> Config:
    return Config.model_construct(
        dataset=settings(
            DatasetConfig,
            "dataset/default.yaml",
            **{"side_px": 64, "repeats": 10, "max_failure_ratio": 0.5} | changes,
        ),
        ingest=settings(IngestConfig, "ingest/default.yaml"),
        items=settings(ItemsConfig, "items/local.yaml"),
        train=train_config(),
    )


@pytest.fixture
def folders(in_tmp, monkeypatch) -> Folders:
    monkeypatch.setattr("stages.dataset.PictureGate", SeesHer)
    made = Folders(in_tmp)
    made.everything(PAIRS)
    return made


def test_kohya_folder_toml_and_metadata_agree(folders):
    main(run_of("dataset", config(), PERSONA))
    folder = folders.places.lora_training
    (subset,) = tomllib.loads((folder / "dataset.toml").read_text())["datasets"][0]["subsets"]
    images = sorted((folder / subset["image_dir"]).glob("*.jpg"))
    rows = [json.loads(line) for line in (folder / "train/metadata.jsonl").read_text().splitlines()]
    assert [row["id"] for row in rows] == ["jade-s1-t1", "jade-s2-t1", "jade-s2-t2", "jade-s10"]
    assert sorted(row["file_name"] for row in rows) == [
        path.relative_to(folder / "train").as_posix() for path in images
    ]
    assert (folder / "train/10_jade woman/jade-s1-t1-sfw-enhanced.jpg").is_file()
    for row in rows:
        caption = (folder / "train" / row["file_name"]).with_suffix(".txt").read_text()
        assert caption == row["text"] + "\n"
        assert caption.startswith("jade woman, ")
    manifest = read_manifest(folder)
    assert {(entry.width, entry.height) for entry in manifest.entries} == {(64, 64)}
    assert manifest.entries[0].faces[0].box_px == (16.0, 16.0, 32.0, 32.0)  # in the reduced image's pixels


def test_every_image_says_that_it_is_synthetic(folders):
    main(run_of("dataset", config(), PERSONA))
    marks = {find_code(path.read_bytes()) for path in folders.places.lora_training.rglob("*.jpg")}
    assert marks == {SourceType.COMPOSITE_SYNTHETIC}


def test_a_real_persons_photograph_and_swap_are_marked_apart(folders):
    folders.consent(["t1", "t2"], kind="release")
    main(run_of("dataset", config(), PERSONA))
    folder = folders.places.lora_training / "train" / "10_jade woman"
    assert (
        find_code((folder / "jade-s10-sfw-enhanced.jpg").read_bytes()) == SourceType.ALGORITHMICALLY_ENHANCED
    )
    assert find_code((folder / "jade-s1-t1-sfw-enhanced.jpg").read_bytes()) == SourceType.COMPOSITE_CAPTURE


def test_two_builds_give_the_same_bytes_and_an_old_file_is_gone(folders):
    main(run_of("dataset", config(), PERSONA))
    first = folders.places.dataset_zip.read_bytes()
    stray = folders.places.lora_training / "train" / "10_jade woman" / "old.jpg"
    stray.write_bytes(b"left over")
    main(run_of("dataset", config(), PERSONA))
    assert folders.places.dataset_zip.read_bytes() == first
    assert not stray.exists()


def test_the_zip_is_the_training_folder_without_the_ledgers(folders):
    main(run_of("dataset", config(), PERSONA))
    folder = folders.places.lora_training
    laid_out = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    with zipfile.ZipFile(folders.places.dataset_zip) as archive:
        assert set(archive.namelist()) == laid_out - {"manifest.jsonl", "failures.jsonl"}


def test_an_image_without_a_caption_stays_out_with_a_remedy(folders):
    folders.captions(PAIRS, without=frozenset({"jade-s2-t1"}))
    main(run_of("dataset", config(), PERSONA))
    (failure,) = read_manifest(folders.places.lora_training).failures
    assert (failure.id, failure.kind, failure.reason) == ("jade-s2-t1", "failed", "no-caption")
    assert "captions_override" in failure.remedy
    assert not list(folders.places.lora_training.rglob("jade-s2-t1*"))


@pytest.mark.parametrize("allowed", [False, True])
def test_review_goes_in_only_when_a_person_allows_it(folders, allowed):
    enhanced = read_manifest(folders.places.enhanced)
    entries = [
        entry.model_copy(update={"rating": "review"}) if entry.id == "jade-s1-t1" else entry
        for entry in enhanced.entries
    ]
    write_manifest(folders.places.enhanced, entries, enhanced.failures)
    main(run_of("dataset", config(allow_review=allowed), PERSONA))
    manifest = read_manifest(folders.places.lora_training)
    assert ("jade-s1-t1" in {entry.id for entry in manifest.entries}) is allowed
    assert [failure.reason for failure in manifest.failures] == ([] if allowed else ["rating-review"])


@pytest.mark.parametrize("allowed", [False, True])
def test_a_crop_that_is_rated_higher_than_its_photograph_is_in_review(folders, monkeypatch, allowed):
    class Wary(SeesHer):
        def measure(self, rgb):
            return super().measure(rgb) | {"explicit": 0.34}

    monkeypatch.setattr("stages.dataset.PictureGate", Wary)
    main(run_of("dataset", config(allow_review=allowed, max_failure_ratio=1.0), PERSONA))
    manifest = read_manifest(folders.places.lora_training)
    assert {failure.reason for failure in manifest.failures} == (set() if allowed else {"rating-review"})
    assert {entry.rating for entry in manifest.entries} == ({"review"} if allowed else set())
    assert all("-review-" in entry.file for entry in manifest.entries)


def test_nothing_left_is_an_error_with_a_remedy(folders):
    folders.captions((), without=frozenset())
    with pytest.raises(InputError) as caught:
        main(run_of("dataset", config(), PERSONA))
    assert caught.value.reason == "empty-dataset"


def test_a_photo_more_makes_one_item_more_and_what_was_measured_on_it(folders):
    main(run_of("dataset", config(), PERSONA))
    records = set(folders.root.glob(".cache/items/records/*/*"))
    folders.everything((*PAIRS, ("s3", "t1")))
    main(run_of("dataset", config(), PERSONA))
    new = set(folders.root.glob(".cache/items/records/*/*")) - records
    made = sorted(json.loads(path.read_text())["made_of"]["operation"] for path in new)
    assert made == ["dataset.image", "gate.picture"]


def test_the_card_names_consent_licences_and_counts(folders):
    main(run_of("dataset", config(), PERSONA))
    card = (folders.places.lora_training / "README.md").read_text()
    _, front, body = card.split("---\n", 2)
    fields = yaml.safe_load(front)
    assert (fields["license"], fields["license_name"]) == ("other", "consent-jade-2026-01")
    assert fields["task_categories"] == ["text-to-image"]
    assert fields["size_categories"] == ["n<1K"]
    (split,) = fields["configs"][0]["data_files"]
    assert all(list(folders.places.lora_training.glob(pattern)) for pattern in split["path"])
    assert "`jade-2026-01` (synthetic)" in body
    assert "4 sfw" in body
    assert f"| t1_mei.png | body and scene of 2 images | {TARGET_LICENCE} |" in body
    assert "| jade_s2.png | the persona in 2 images |" in body
    assert "jade_s9.png" not in body  # held out, so not part of the set
    assert "1 more of the persona is held out" in body
    assert re.search(r"4 images: `compositeSynthetic`", body)
    assert "The persona is a synthetic person. " in body
    assert " 3 of the 4 images are composites: " in body


def test_the_card_of_own_photographs_speaks_of_no_composites_and_names_no_photograph_that_is_not_in_it(
    folders,
):
    folders.everything((("s10", None),))
    folders.ingest(["s3", "s10"], [], held_out=[])
    folders.consent([], kind="release")
    main(run_of("dataset", config(), PERSONA))
    card = (folders.places.lora_training / "README.md").read_text()
    assert "The persona is a person who signed a release, and agreed to: swap, train, generate. " in card
    assert "composite" not in card
    assert "No photograph of the persona is held out" in card
    assert re.findall(r"\| (jade_s\d+\.png) \| (.*?) \|", card) == [
        ("jade_s10.png", "the persona in 1 image")
    ]


def test_the_card_and_the_plan_tell_the_sets_quality(folders, capsys):
    run = run_of("plan", config(), PERSONA)
    assert quality(run) is None  # nothing was made yet
    main(run_of("dataset", config(), PERSONA))
    card = folders.places.dataset_card.read_text()
    images = len(read_manifest(folders.places.lora_training).entries)
    assert f"| images | {images} | red | add photographs" in card
    assert "| captions without the trigger | 0 % | green | - |" in card
    capsys.readouterr()
    show_quality("jade", quality(run))
    said = capsys.readouterr().out
    assert said.startswith("jade: the training set as it was last made is RED:")
    assert "stops no run" in said.splitlines()[0]
    assert f"  red    images: {images}; add photographs" in said
    assert "captions without the trigger" not in said  # green


def test_the_outline_is_told_in_the_images_pixels_where_it_is_known(folders):
    enhanced = read_manifest(folders.places.enhanced)
    first, *others = enhanced.entries
    outline = ((32.0, 32.0), (96.0, 32.0), (64.0, 96.5))
    known = first.faces[0].model_copy(update={"outline_px": outline})
    write_manifest(folders.places.enhanced, [first.model_copy(update={"faces": (known,)}), *others], [])
    main(run_of("dataset", config(), PERSONA))
    lines = folders.places.dataset_metadata.read_text().splitlines()
    rows = {row["id"]: row for row in map(json.loads, lines)}
    assert rows[first.id]["face_outline_px"] == [[16, 16], [48, 16], [32, 48.2]]
    assert not any("face_outline_px" in rows[entry.id] for entry in others)
