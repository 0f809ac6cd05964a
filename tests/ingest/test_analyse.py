"""likeness.ingest.analyse: one photo -> an item."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from ingest_fakes import FACE_PX, fake_instruments, photo, png

from likeness.digests import sha256_file
from likeness.errors import InputError
from likeness.faces import from_json
from likeness.images import decode_rgb
from likeness.ingest.analyse import FACE, PHOTO, analyse, photo_key
from likeness.ingest.decode import Limits
from likeness.ingest.records import Measured

LIMITS = Limits(max_file_mb=5, max_megapixels=2, max_side_px=512, background_rgb=(255, 255, 255))


def made(tmp_path: Path, **what: int):
    (tmp_path / "a.png").write_bytes(png(**what))
    return analyse(tmp_path / "a.png", sha256_file(tmp_path / "a.png"), LIMITS, fake_instruments())


def test_the_item_holds_the_pixels_the_face_and_what_was_measured(tmp_path: Path) -> None:
    item = made(tmp_path, age=41, explicit=7)
    assert np.array_equal(decode_rgb(item.files[PHOTO]), photo(age=41, explicit=7))
    assert from_json(json.loads(item.files[FACE])).box_px[2] == FACE_PX
    measured = Measured.model_validate(json.loads(json.dumps(item.record)))
    assert (measured.width, measured.height, measured.format) == (320, 320, "PNG")
    assert measured.explicit == 0.07
    assert [face.age_years for face in measured.faces] == [41.0]
    assert np.linalg.norm(measured.faces[0].vector) == pytest.approx(1, abs=1e-4)


def test_a_photo_without_a_face_is_an_item_without_a_face_file(tmp_path: Path) -> None:
    item = made(tmp_path, faces=0)
    assert list(item.files) == [PHOTO]
    assert item.record["faces"] == []


def test_the_same_photo_gives_the_same_bytes_and_record(tmp_path: Path) -> None:
    assert made(tmp_path, seed=3) == made(tmp_path, seed=3)


def test_what_is_no_number_counts_as_not_measured(tmp_path: Path) -> None:
    assert made(tmp_path, explicit=255).record["explicit"] is None


def test_of_faces_behind_only_large_ones_are_judged_by_age(tmp_path: Path) -> None:
    ages = [face["age_years"] for face in made(tmp_path, faces=7, age=33).record["faces"]]
    assert ages == [33.0] * 5 + [None] * 2  # 150, 145, ... 130 px, then 125 and 120


def test_an_unreadable_photo_raises_and_nothing_is_measured(tmp_path: Path) -> None:
    instruments = fake_instruments()
    (tmp_path / "a.png").write_bytes(png()[:500])
    with pytest.raises(InputError):
        analyse(tmp_path / "a.png", sha256_file(tmp_path / "a.png"), LIMITS, instruments)
    assert instruments.faces.calls == 0  # type: ignore[attr-defined]


def test_a_file_that_is_replaced_before_it_is_read_is_not_taken_for_the_one_that_was_there(
    tmp_path: Path,
) -> None:
    (tmp_path / "a.png").write_bytes(png(seed=1))
    before = sha256_file(tmp_path / "a.png")
    (tmp_path / "a.png").write_bytes(png(seed=2))
    with pytest.raises(InputError) as caught:
        analyse(tmp_path / "a.png", before, LIMITS, fake_instruments())
    assert caught.value.reason == "changed-while-read"
    assert not caught.value.repeats  # the next run looks again


def test_the_key_changes_with_everything_that_decides_the_item_and_with_nothing_else() -> None:
    tools = fake_instruments()
    key = photo_key("ab", LIMITS, tools)
    assert key == photo_key("ab", LIMITS, fake_instruments())
    others = [
        photo_key("cd", LIMITS, tools),
        photo_key("ab", dataclasses.replace(LIMITS, max_side_px=300), tools),
        photo_key("ab", LIMITS, dataclasses.replace(tools, digest="other")),
        photo_key("ab", LIMITS, dataclasses.replace(tools, faces_version=2)),
    ]
    assert len({key, *others}) == 5
