"""Attacks at the doors between stages: a picture exchanged behind its line, laid by hand, or reached by a link."""

import shutil
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from doors import seen
from persona_folders import Folders
from runs import run_of
from training_door import A_FACE, CONFIG, PAIRS, PERSONA, STRANGER, lay

from likeness.errors import InputError
from likeness.faces.face import Face
from likeness.images import encode_png, load_rgb
from likeness.pipeline.manifest import read_manifest
from likeness.pipeline.verified import read_pictures, read_verified
from likeness.run import Run
from likeness.stage_input import held_out_photographs, read_judged
from likeness.swap.inputs import Photo, read_photos


def exchange(folder: Path) -> str:
    entry = read_manifest(folder).entries[0]
    rgb = load_rgb(folder / entry.file)
    (folder / entry.file).write_bytes(encode_png(255 - rgb))
    return entry.file


@pytest.mark.parametrize("stage", ["swapped", "resized", "enhanced"])
def test_a_picture_exchanged_behind_its_line_reaches_no_stage(folders, stage):
    file = exchange(folders.places.data / stage)
    with pytest.raises(InputError, match=file) as caught:
        read_pictures(folders.places.data / stage)
    assert caught.value.reason == "not-in-manifest"


def test_an_ingested_photograph_exchanged_behind_its_line_reaches_no_swap(folders):
    file = exchange(folders.places.ingested)
    with pytest.raises(InputError, match=file):
        read_photos(read_pictures(folders.places.ingested))


@pytest.mark.parametrize("stage", ["swapped", "resized", "enhanced"])
def test_a_picture_exchanged_between_its_check_and_its_use_is_not_used(folders, stage):
    """An item of other pixels under a picture's key would be wrong for good."""
    pictures = read_pictures(folders.places.data / stage)
    file = exchange(folders.places.data / stage)
    picture = next(one for one in pictures if one.entry.file == file)
    for read in (picture.data, picture.rgb):
        with pytest.raises(InputError, match=file):
            read()


class Counted:
    """A gate that sees the same in every picture."""

    def __init__(self, shows: dict) -> None:
        self.shows, self.times = shows, 0

    def measure(self, rgb: np.ndarray) -> dict:
        self.times += 1
        return self.shows


def reading(folders: Folders, stage: str, shows: dict) -> tuple[Run, Counted, Path]:
    """A run of a stage, its gate, and the folder that it reads."""
    run, gate = run_of(stage, CONFIG, PERSONA), Counted(shows)
    vars(run)["gate"] = gate
    of = {"swap": "ingested", "resize": "swapped", "enhance": "resized", "caption": "enhanced"}
    return run, gate, folders.places.data / of[stage]


EXPLICIT = {"explicit": 0.9, "faces": []}


@pytest.mark.parametrize(
    ("stage", "shows", "reason"),
    [
        *((stage, EXPLICIT, "explicit") for stage in ("swap", "resize", "enhance", "caption")),
        *((stage, seen(age_years=8.0), "apparent-child") for stage in ("swap", "resize", "enhance", "caption")),
        *((stage, seen(age_years=15.0, **STRANGER), "apparent-minor")
          for stage in ("resize", "enhance", "caption")),
    ],
)  # fmt: skip
def test_a_picture_laid_by_hand_is_neither_swapped_cut_enlarged_nor_captioned(folders, stage, shows, reason):
    run, _, folder = reading(folders, stage, shows)
    pictures, refused = read_judged(run, folder)
    assert pictures == []
    assert {failure.reason for failure in refused} == {reason}
    assert len(refused) == len(read_manifest(folder).entries)


def test_what_a_stage_here_made_is_measured_no_second_time(folders):
    run, gate, folder = reading(folders, "caption", EXPLICIT)
    laid, *made = read_pictures(folder)
    for number, picture in enumerate(made):
        run.items.put(str(number) * 64, {"image.jpg": picture.data()}, {})
    pictures, refused = read_judged(run, folder)
    assert [one.entry.id for one in pictures] == [one.entry.id for one in made]
    assert [one.id for one in refused] == [laid.entry.id]
    assert gate.times == 1
    read_judged(run, folder)
    assert gate.times == 1


def test_what_another_machine_made_goes_on_when_it_passes_here(folders):
    run, gate, folder = reading(folders, "enhance", seen())
    pictures, refused = read_judged(run, folder)
    assert (len(pictures), refused, gate.times) == (len(PAIRS), [], len(PAIRS))


@pytest.mark.parametrize(
    ("shows", "reason"), [(EXPLICIT, "explicit"), (seen(age_years=8.0), "apparent-child")]
)
def test_a_held_out_photograph_laid_by_hand_is_on_no_sheet(folders, shows, reason):
    """The sheets of training, evaluation and `likeness comfy test` show these photographs."""
    lay(
        folders.places.ingested,
        lambda entries: [one.model_copy(update={"held_out": one.id == "jade-s3"}) for one in entries],
    )
    run, gate, _ = reading(folders, "swap", shows)
    with pytest.raises(InputError, match="jade-s3") as caught:
        held_out_photographs(run)
    assert (caught.value.reason, gate.times) == (reason, 1)


def test_a_photograph_exchanged_between_its_check_and_its_swap_is_not_used(folders):
    entry = read_verified(folders.places.ingested).entries[0]
    path = folders.places.ingested / exchange(folders.places.ingested)
    photo = Photo(entry=entry, path=path, face=cast("Face", None), face_sha256="")
    for read in (photo.data, photo.portrait):
        with pytest.raises(InputError, match=path.name):
            read()


def test_a_face_that_no_manifest_line_names_is_not_read(folders):
    folders.face("s1", A_FACE)
    lay(
        folders.places.ingested,
        lambda entries: [one.model_copy(update={"face_sha256": None}) for one in entries],
    )
    with pytest.raises(InputError, match=r"face\.json"):
        read_photos(read_pictures(folders.places.ingested))


def test_a_link_out_of_the_folder_is_refused(folders, tmp_path_factory):
    folder = folders.places.resized
    entry = read_manifest(folder).entries[0]
    outside = tmp_path_factory.mktemp("outside") / "a.png"
    shutil.move(folder / entry.file, outside)
    (folder / entry.file).symlink_to(outside)
    with pytest.raises(InputError) as caught:
        read_pictures(folder)
    assert caught.value.reason == "not-in-manifest"
