"""The stage resize: files, names and boxes; only what changed is made again."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from runs import run_of

from likeness.digests import sha256_bytes
from likeness.images import encode_png, load_rgb
from likeness.paths import PersonaPaths, image_name, item_id
from likeness.pipeline.manifest import Entry, FaceEntry, read_manifest, write_manifest
from likeness.resize import ResizeConfig
from stages.resize import main

PERSONA = SimpleNamespace(name="jade")
PLACES = PersonaPaths("jade")


def config(**changes) -> SimpleNamespace:
    resize = ResizeConfig(
        side_px=64,
        step_px=16,
        max_aspect=1,
        face_fraction_min=0.2,
        max_upscale=2,
        headroom=0.5,
        max_failure_ratio=0.5,
    )
    items = SimpleNamespace(root=".cache/items", remote=None, workers=2, leave_unfinished=False)
    return SimpleNamespace(resize=resize.model_copy(update=changes), items=items)


def swapped(source: str, target: str | None, seed: int, *, known_face: bool = True) -> Entry:
    """An image of noise with a black square where the manifest says that a face is."""
    rgb = np.random.default_rng(seed).integers(100, 255, (200, 150, 3), dtype=np.uint8)
    rgb[60:100, 50:80] = 0
    face = FaceEntry(box_px=(50, 60, 30, 40), score=0.9, yaw_deg=0, pitch_deg=0, sharpness=1, age_years=30)
    name = image_name("jade", source, target, "sfw", "swapped", "png")
    PLACES.swapped.mkdir(parents=True, exist_ok=True)
    (PLACES.swapped / name).write_bytes(data := encode_png(rgb))
    return Entry(
        id=item_id("jade", source, target),
        file=name,
        sha256=sha256_bytes(data),
        width=150,
        height=200,
        source=source,
        target=target,
        rating="sfw",
        faces=(face,) if known_face else (),
        provider="local",
        cost_usd=0,
        parents=(),
    )


def contents() -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in PLACES.resized.iterdir()}


@pytest.fixture(autouse=True)
def _folder(in_tmp: Path) -> None:
    write_manifest(PLACES.swapped, [swapped("s1", "t1", 1), swapped("s2", None, 2)], [])


def test_every_image_is_cut_to_size_with_its_face_where_the_manifest_says():
    main(run_of("resize", config(), PERSONA, consent="any"))
    entries = read_manifest(PLACES.resized).entries
    assert [entry.file for entry in entries] == ["jade-s1-t1-sfw-resized.png", "jade-s2-sfw-resized.png"]
    for entry in entries:
        rgb = load_rgb(PLACES.resized / entry.file)
        assert rgb.shape == (128, 128, 3)  # the crop has 150 pixels of its own, and twice the size is kept
        assert (entry.width, entry.height, entry.bucket_px) == (128, 128, (64, 64))
        x, y, w, h = entry.faces[0].box_px
        assert rgb[int(y) + 2 : int(y + h) - 2, int(x) + 2 : int(x + w) - 2].max() < 40
        assert entry.parents


def test_a_second_run_makes_nothing_and_gives_the_same_bytes(monkeypatch):
    main(run_of("resize", config(), PERSONA, consent="any"))
    before = contents()
    monkeypatch.setattr("likeness.resize.items.fit", None)
    main(run_of("resize", config(), PERSONA, consent="any"))
    assert contents() == before


def test_a_replaced_photo_and_another_setting_are_made_again():
    main(run_of("resize", config(), PERSONA, consent="any"))
    before = contents()
    write_manifest(PLACES.swapped, [swapped("s1", "t1", 9), swapped("s2", None, 2)], [])
    main(run_of("resize", config(), PERSONA, consent="any"))
    after = contents()
    assert after["jade-s1-t1-sfw-resized.png"] != before["jade-s1-t1-sfw-resized.png"]
    assert after["jade-s2-sfw-resized.png"] == before["jade-s2-sfw-resized.png"]
    main(run_of("resize", config(max_aspect=2), PERSONA, consent="any"))
    assert {e.bucket_px for e in read_manifest(PLACES.resized).entries} == {(48, 80)}


@pytest.mark.parametrize("side_px", [96, 1024])
def test_a_crop_without_twice_the_pixels_is_the_photographs_own_unchanged(side_px):
    main(run_of("resize", config(side_px=side_px), PERSONA, consent="any"))
    for entry in read_manifest(PLACES.resized).entries:
        assert (entry.width, entry.height, entry.bucket_px) == (150, 150, (side_px, side_px))
        x, y, w, h = entry.faces[0].box_px
        assert (x, w, h) == (50, 30, 40)
        crop = load_rgb(PLACES.resized / entry.file)
        photo = load_rgb(PLACES.swapped / entry.file.replace("resized", "swapped"))
        top = int(60 - y)
        assert np.array_equal(crop, photo[top : top + 150])


def test_an_image_without_a_known_face_fails_alone():
    write_manifest(PLACES.swapped, [swapped("s1", "t1", 1), swapped("s2", None, 2, known_face=False)], [])
    main(run_of("resize", config(), PERSONA, consent="any"))
    manifest = read_manifest(PLACES.resized)
    assert [entry.id for entry in manifest.entries] == ["jade-s1-t1"]
    assert [(line.id, line.reason) for line in manifest.failures] == [("jade-s2", "no-face")]
