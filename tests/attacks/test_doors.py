"""Attacks on the doors: what lies where a stage reads, and was not made by the stage before."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from doors import SeesHer, seen
from runs import run_of
from training_door import CONFIG, PERSONA, SEEN, STRANGER, lay, refusal

from likeness.digests import sha256_bytes
from likeness.errors import InputError
from likeness.images import encode_jpeg
from likeness.pipeline.manifest import Entry, read_manifest
from likeness.pipeline.verified import read_pictures
from likeness.safety.gates import GATES, Door, SeenFace, Subject, judge
from likeness.train.door import admit
from stages.dataset import main as dataset


def left_out() -> dict[str, str]:
    """Reasons by id of what the dataset stage leaves out."""
    dataset(run_of("dataset", CONFIG, PERSONA))
    return {
        failure.id: failure.reason for failure in read_manifest(Path("models/jade/lora_training")).failures
    }


def test_what_the_stages_made_passes_both_doors(folders):
    assert left_out() == {}
    admit(run_of("train", CONFIG, PERSONA), SeesHer())


# At the dataset's door.


def by_hand(entries: list[Entry], **changes: object) -> list[Entry]:
    """Another picture in enhanced/ under the id jade-s3, with its manifest line."""
    data = encode_jpeg(np.full((128, 128, 3), 90, np.uint8))
    (Path("data/jade/enhanced") / "jade-s3-sfw-enhanced.jpg").write_bytes(data)
    return [
        entry.model_copy(update={"sha256": sha256_bytes(data), **changes}) if entry.id == "jade-s3" else entry
        for entry in entries
    ]


@pytest.mark.parametrize(
    "changes",
    [{}, {"parents": ()}, {"parents": ("0" * 64,)}],
    ids=["in place of another", "of no parent", "of an unknown parent"],
)
def test_a_picture_laid_by_hand_into_enhanced_stays_out(folders, changes):
    lay(folders.places.enhanced, lambda entries: by_hand(entries, **changes))
    assert left_out() == {"jade-s3": "untraced"}
    assert not list(folders.places.lora_training.rglob("jade-s3*"))
    kept = Path(".cache/items/objects").rglob("*")
    assert len([path for path in kept if path.is_file()]) == 2  # the other two images


def test_a_picture_that_claims_another_photograph_stays_out(folders):
    def swapped_parents(entries: list[Entry]) -> list[Entry]:
        one, two = (entry for entry in entries if entry.id in ("jade-s1-t1", "jade-s2-t1"))
        return [
            entry.model_copy(update={"source": two.source, "id": "jade-s2-t1"}) if entry is one else entry
            for entry in entries
            if entry is not two
        ]

    lay(folders.places.enhanced, swapped_parents)
    assert left_out() == {"jade-s2-t1": "untraced"}


@pytest.mark.parametrize("stage", ["resized", "swapped", "ingested"])
def test_a_chain_with_a_step_missing_stays_out(folders, stage):
    folder = folders.places.data / stage
    lay(folder, lambda entries: [entry for entry in entries if entry.id != "jade-s3"])
    assert left_out() == {"jade-s3": "untraced"}


def test_a_held_out_photograph_stays_out(folders):
    lay(
        folders.places.ingested,
        lambda entries: [
            e.model_copy(update={"held_out": True}) if e.id == "jade-s3" else e for e in entries
        ],
    )
    assert left_out() == {"jade-s3": "untraced"}


def test_a_target_that_consent_does_not_cover_stays_out(folders):
    lay(
        folders.places.ingested,
        lambda entries: [
            e.model_copy(update={"origin": "x.png", "parents": ("1" * 64,)}) if e.id == "jade-t1" else e
            for e in entries
        ],
    )
    assert left_out() == {"jade-s1-t1": "untraced", "jade-s2-t1": "untraced"}


@pytest.mark.parametrize(("shows", "reason"), SEEN.values(), ids=SEEN)
def test_the_final_jpeg_is_judged_at_the_datasets_door(folders, monkeypatch, shows, reason):
    class Sees(SeesHer):
        def measure(self, rgb):
            return seen() | shows

    monkeypatch.setattr("stages.dataset.PictureGate", Sees)
    assert set(left_out().values()) == {reason}
    assert not list(folders.places.lora_training.rglob("*.jpg"))


def test_a_blurred_face_beside_her_passes(folders, monkeypatch):
    class Sees(SeesHer):
        def measure(self, rgb):
            blurred = seen(sharpness=0.1, side_px=60.0, **STRANGER)["faces"]
            return seen() | {"faces": [*seen()["faces"], *blurred]}

    monkeypatch.setattr("stages.dataset.PictureGate", Sees)
    assert left_out() == {}


# At training's door.


def edit_line(folder: Path, **changes: object) -> None:
    path = folder / "train" / "metadata.jsonl"
    first, *others = path.read_text().splitlines()
    path.write_text("\n".join([json.dumps(json.loads(first) | changes), *others]) + "\n")


@pytest.mark.parametrize(
    "changes",
    [{"text": "jade woman, naked"}, {"text": "jade woman"}, {"repeats": 1000}, {"sha256": "0" * 64},
     {"face_box_px": None}, {"source": "s9"}, {"parents": []}],
    ids=lambda changes: next(iter(changes)),
)  # fmt: skip
def test_metadata_edited_after_the_dataset_stage_is_refused(training_set, changes):
    edit_line(training_set, **changes)
    assert refusal().reason == "dataset-changed"


# What is remembered of a picture.


# What any stage reads.


# A picture that no stage here made: by hand with a copied line, by a checkout, by another machine.


def test_a_link_that_dvc_laid_into_its_cache_is_read_and_its_bytes_are_compared(folders):
    folder = folders.places.resized
    entry = read_manifest(folder).entries[0]
    kept = Path(".dvc/cache/files/md5/ab/cdef")
    kept.parent.mkdir(parents=True)
    shutil.move(folder / entry.file, kept)
    (folder / entry.file).symlink_to(kept.absolute())
    assert len(read_pictures(folder)) == len(read_manifest(folder).entries)
    kept.write_bytes(kept.read_bytes() + b" ")
    with pytest.raises(InputError) as caught:
        read_pictures(folder)
    assert caught.value.reason == "not-in-manifest"


# The table itself.


@pytest.mark.parametrize(
    "door",
    [
        "photograph",
        "delivery",
        "swap",
        "ingested photograph",
        "stage input",
        "training image",
        "drawn picture",
        "drawn likeness",
        "publication",
    ],
)
@pytest.mark.parametrize(
    ("subject", "reason"),
    [
        (Subject(explicit=0.71, max_explicit=0.7), "explicit"),
        (Subject(explicit=None, max_explicit=0.7), "not-rated"),
        (Subject(explicit=float("nan"), max_explicit=0.7), "explicit"),
        (Subject(explicit=0.0, max_explicit=0.7, faces=[SeenFace(side_px=200, age_years=9.0, attested_years=40, whose="jade")]),
         "apparent-child"),
    ],
    ids=["explicit", "not rated", "no number", "a child"],
)  # fmt: skip
def test_every_door_for_pictures_has_the_same_gates(door: Door, subject: Subject, reason: str):
    refusal = judge(door, subject)
    assert refusal is not None
    assert refusal.reason == reason
    assert {gate.reason for gate in GATES if door in gate.doors} >= {
        "not-rated",
        "explicit",
        "apparent-child",
    }
