"""Training's door: what was laid, edited or exchanged in a training set is refused."""

import json
import os
import shutil
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
from doors import SeesHer, seen
from runs import run_of
from training_door import A_FACE, CONFIG, PERSONA, SEEN, STRANGER, lay, refusal

from likeness.digests import sha256_bytes
from likeness.errors import InputError
from likeness.evaluate.face_embeddings import ingested_faces
from likeness.images import encode_jpeg
from likeness.pipeline.manifest import Entry, read_manifest
from likeness.pipeline.verified import read_pictures
from likeness.swap.inputs import read_photos
from likeness.team_keys import PRIVATE_KEY
from likeness.train.door import admit
from likeness.train.native.cache import picture_file
from likeness.train.native.data import read_examples


def test_a_line_more_in_the_metadata_is_refused(training_set):
    path = training_set / "train" / "metadata.jsonl"
    path.write_text(path.read_text() + path.read_text().splitlines()[0] + "\n")
    assert refusal().reason == "dataset-changed"


def test_a_picture_more_in_the_folder_is_refused_by_name(training_set):
    image = next(training_set.rglob("*.jpg"))
    shutil.copy(image, image.with_name("another.jpg"))
    assert "another.jpg" in refusal().message


@pytest.mark.parametrize(
    "name",
    ["train/{}/another.webp", "train/{}/another.JPEG", "train/{}/another.bmp", "train/{}/another.avif", "another.jpg",
     "train/{}/jade-s1-t1-sfw-enhanced.npz", "train/{}/jade-s1-t1-sfw-enhanced.caption", "reg/1_woman/another.jpg",
     "meta_lat.json"],
)  # fmt: skip
def test_what_a_trainer_would_read_besides_is_refused_by_name(training_set, name):
    """Pictures of other suffixes, cached latents, regularisation pictures: sd-scripts reads them all."""
    image = next(training_set.rglob("*.jpg"))
    path = training_set / name.format(image.parent.name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(image.read_bytes())
    assert path.name in refusal().message


def test_a_link_to_another_folder_of_pictures_is_refused(training_set, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (training_set / "train/9_jade woman").symlink_to(tmp_path / "elsewhere")
    assert "9_jade woman" in refusal().message


def test_a_caption_file_edited_is_refused(training_set):
    caption = next((training_set / "train").rglob("*.txt"))
    caption.write_text("jade woman, something else\n")
    assert caption.name in refusal().message


def test_a_picture_exchanged_behind_its_line_is_refused_by_name(training_set):
    image = next(training_set.rglob("*.jpg"))
    image.write_bytes(encode_jpeg(np.zeros((64, 64, 3), np.uint8)))
    error = refusal()
    assert error.reason == "not-in-manifest"
    assert image.name in error.message


def exchange_everywhere(folder: Path, **changes: object) -> None:
    """A picture, its manifest line and its line of metadata, all edited to agree."""
    from likeness.dataset.layout import metadata_line

    def change(entries: list[Entry]) -> list[Entry]:
        data = encode_jpeg(np.full((64, 64, 3), 7, np.uint8))
        (folder / entries[0].file).write_bytes(data)
        return [entries[0].model_copy(update={"sha256": sha256_bytes(data), **changes}), *entries[1:]]

    lay(folder, change)
    lines = [metadata_line(entry) + "\n" for entry in read_manifest(folder).entries]
    (folder / "train" / "metadata.jsonl").write_text("".join(lines))
    entry = read_manifest(folder).entries[0]
    (folder / entry.file).with_suffix(".txt").write_text(f"{entry.text}\n")


@pytest.mark.parametrize(("shows", "reason"), SEEN.values(), ids=SEEN)
def test_the_picture_itself_is_judged_again_at_trainings_door(training_set, shows, reason):
    class Sees(SeesHer):
        def measure(self, rgb):
            return seen() | (shows if rgb.mean() < 8 else {})

    exchange_everywhere(training_set)
    assert refusal(Sees()).reason == reason


@pytest.mark.parametrize(("limit", "reason"), [(0.7, None), (0.4, "explicit")])
def test_a_stricter_setting_holds_at_trainings_door_too(training_set, limit, reason):
    class Rates(SeesHer):
        def measure(self, rgb):
            return seen() | ({"explicit": 0.5} if rgb.mean() < 8 else {})

    exchange_everywhere(training_set)
    ingest = CONFIG.ingest.model_copy(update={"max_explicit": limit})
    run = run_of("train", CONFIG.model_copy(update={"ingest": ingest}), PERSONA)
    with nullcontext() if reason is None else pytest.raises(InputError) as caught:
        admit(run, Rates())
    assert reason is None or caught.value.reason == reason


def test_a_caption_edited_everywhere_is_judged_again(training_set):
    exchange_everywhere(training_set, text="jade woman, naked on a bed")
    assert refusal().reason == "explicit-words"


@pytest.mark.parametrize("roots", [{}, {"target": "1" * 64}], ids=["none", "unlicensed"])
def test_a_training_image_of_no_photograph_that_consent_covers_is_refused(training_set, roots):
    exchange_everywhere(training_set, roots=roots)
    assert refusal().reason == "untraced"


def test_a_training_image_of_a_held_out_photograph_is_refused(training_set, folders):
    held_out = next(one for one in read_manifest(folders.places.ingested).entries if one.held_out)
    exchange_everywhere(training_set, roots={"source": held_out.parents[0]})
    error = refusal()
    assert error.reason == "untraced"
    assert "held out" in error.message


def test_a_training_image_of_a_photograph_that_was_not_ingested_is_refused(training_set, folders):
    """The consent record lists the photograph; ingest refused it."""
    lay(folders.places.ingested, lambda entries: [one for one in entries if one.id != "jade-s1"])
    error = refusal()
    assert error.reason == "untraced"
    assert "ingested/manifest.jsonl does not name" in error.message


def test_a_target_passed_off_as_a_source_is_refused(training_set, folders):
    target = next(one for one in read_manifest(folders.places.ingested).entries if one.target)
    exchange_everywhere(training_set, roots={"source": target.parents[0]})
    assert refusal().reason == "untraced"


def test_a_blurred_face_beside_her_passes_trainings_door_too(training_set):
    class Sees(SeesHer):
        def measure(self, rgb):
            blurred = seen(sharpness=0.1, side_px=60.0, **STRANGER)["faces"]
            return seen() | {"faces": [*seen()["faces"], *blurred]}

    exchange_everywhere(training_set)  # its other bytes are measured anew
    admit(run_of("train", CONFIG, PERSONA), Sees())


class CountsHer(SeesHer):
    """Counts what it measures."""

    def __init__(self, embedder=None):
        self.measured = 0

    def measure(self, rgb):
        self.measured += 1
        return seen()


def test_trainings_door_measures_no_picture_that_the_dataset_stage_measured(training_set):
    gate = CountsHer()
    admit(run_of("train", CONFIG, PERSONA), gate)
    assert gate.measured == 0


def measurement_records() -> list[Path]:
    found = Path(".cache/items/records").glob("??/*.json")
    return [path for path in found if "seal" in json.loads(path.read_text())["record"]]


def forge(change) -> None:
    for path in measurement_records():
        described = json.loads(path.read_text())
        change(described["record"])
        path.write_text(json.dumps(described))


@pytest.mark.parametrize(
    "change",
    [
        lambda record: record["seen"].update(explicit=0.0),
        lambda record: record["seen"]["faces"][0].update(age_years=40.0),
        lambda record: record.pop("seal"),
        lambda record: record["seal"].update(value="AAAA"),
        lambda record: record.update(seal=[1]),
        lambda record: record.update(seal={"key": 3, "value": None}),
        lambda record: record.update(seen=None),
    ],
    ids=["a score", "an age", "no seal", "another seal", "a list", "numbers", "nothing seen"],
)
def test_a_measurement_laid_by_hand_opens_no_door(training_set, change):
    assert len(measurement_records()) == 3
    forge(change)
    gate = CountsHer()
    admit(run_of("train", CONFIG, PERSONA), gate)
    assert gate.measured == 3


def test_a_measurement_of_another_picture_serves_for_none(training_set):
    first, *others = measurement_records()
    for other in others:
        other.write_bytes(first.read_bytes())
    gate = CountsHer()
    admit(run_of("train", CONFIG, PERSONA), gate)
    assert gate.measured == 2


def test_a_measurement_under_another_machines_key_is_made_anew(training_set, monkeypatch, tmp_path_factory):
    signers, home = Path(os.environ["LIKENESS_HOME"]), tmp_path_factory.mktemp("home")
    shutil.copytree(signers, home, dirs_exist_ok=True)
    (home / PRIVATE_KEY).unlink()
    monkeypatch.setenv("LIKENESS_HOME", str(home))
    gate = CountsHer()
    admit(run_of("train", CONFIG, PERSONA), gate)
    assert gate.measured == 3


def test_a_training_image_exchanged_after_the_door_is_not_encoded(training_set):
    example = read_examples(training_set)[0]
    picture = picture_file(example).read()
    example.path.write_bytes(picture[:-1] + b"x")
    with pytest.raises(InputError, match=example.path.name):
        picture_file(example)


@pytest.mark.parametrize(
    "change",
    [lambda path: path.write_text(json.dumps(A_FACE | {"yaw_deg": 6.0})), lambda path: path.unlink(),
     lambda path: (path.rename(path.with_name("x.json")), path.symlink_to("x.json"))],
    ids=["another face", "no face", "a link"],
)  # fmt: skip
def test_a_face_exchanged_beside_its_photograph_reaches_no_stage(folders, change):
    folders.face("s1", A_FACE)
    change(folders.places.ingested / "jade-s1.face.json")
    photographs = [one for one in read_manifest(folders.places.ingested).entries if one.id == "jade-s1"]
    with pytest.raises(InputError, match=r"jade-s1\.face\.json"):
        read_photos(read_pictures(folders.places.ingested))
    with pytest.raises(InputError, match=r"jade-s1\.face\.json"):
        ingested_faces(photographs, folders.places.ingested)
