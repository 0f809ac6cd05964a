"""The stage enhance: twice the pixels, boxes too, through whatever provider conf/ names."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from runs import run_of

from likeness.digests import sha256_bytes
from likeness.enhance import EnhanceConfig
from likeness.enhance.lanczos import LanczosEnhancer
from likeness.images import encode_png, load_rgb
from likeness.paths import PersonaPaths
from likeness.pipeline.manifest import Entry, FaceEntry, read_manifest, write_manifest
from likeness.pipeline.verified import Picture
from likeness.purchases.budget import BudgetConfig
from stages.enhance import main

PERSONA = SimpleNamespace(name="jade")
PLACES = PersonaPaths("jade")
LANCZOS = {
    "_target_": "likeness.enhance.lanczos.LanczosEnhancer",
    "scale": 2,
    "unsharp_radius_px": 0.8,
    "unsharp_percent": 40,
    "unsharp_threshold": 0,
}


def config(side_px: int | None = 48, **changes) -> SimpleNamespace:
    enhance = EnhanceConfig(provider=LANCZOS | changes, jpeg_quality=95, max_failure_ratio=0.5)
    return SimpleNamespace(
        enhance=enhance,
        items=SimpleNamespace(root=".cache/items", remote=None, workers=2, leave_unfinished=False),
        prices={},
        budget=BudgetConfig(max_usd=0),
        dataset=SimpleNamespace(side_px=side_px),
    )


@pytest.fixture(autouse=True)
def _folder(in_tmp: Path) -> None:
    resized()


def resized(bucket_px: tuple[int, int] | None = None) -> np.ndarray:
    """One resized image of 64x48 with the size that it is trained at."""
    y, x = np.mgrid[0:48, 0:64]
    rgb = np.stack([x * 4, y * 5, (x + y) * 2], -1).astype(np.uint8)
    PLACES.resized.mkdir(parents=True, exist_ok=True)
    (PLACES.resized / "jade-s1-t1-review-resized.png").write_bytes(data := encode_png(rgb))
    face = FaceEntry(box_px=(10, 12, 20, 25.5), score=0.9, yaw_deg=3, pitch_deg=0, sharpness=1, age_years=30)
    entry = Entry(
        id="jade-s1-t1",
        file="jade-s1-t1-review-resized.png",
        sha256=sha256_bytes(data),
        width=64,
        height=48,
        source="s1",
        target="t1",
        rating="review",
        faces=(face,),
        provider="pillow",
        cost_usd=0,
        parents=(),
        bucket_px=bucket_px,
    )
    write_manifest(PLACES.resized, [entry], [])
    return rgb


def test_the_image_doubles_and_the_manifest_with_it():
    main(run_of("enhance", config(), PERSONA, consent="any"))
    (entry,) = read_manifest(PLACES.enhanced).entries
    assert entry.file == "jade-s1-t1-review-enhanced.jpg"
    assert (entry.width, entry.height, entry.rating, entry.provider) == (128, 96, "review", "lanczos")
    assert entry.faces[0].box_px == (20, 24, 40, 51)
    assert entry.faces[0].yaw_deg == 3
    data = (PLACES.enhanced / entry.file).read_bytes()
    assert sha256_bytes(data) == entry.sha256
    big, small = (
        load_rgb(PLACES.enhanced / entry.file),
        load_rgb(PLACES.resized / "jade-s1-t1-review-resized.png"),
    )
    assert big.shape == (96, 128, 3)
    assert np.abs(big[1::2, 1::2].astype(int) - small).mean() < 6


def test_a_second_run_makes_nothing_and_a_setting_makes_it_again(monkeypatch):
    main(run_of("enhance", config(), PERSONA, consent="any"))
    first = (PLACES.enhanced / "jade-s1-t1-review-enhanced.jpg").read_bytes()
    made = []
    monkeypatch.setattr(Picture, "rgb", lambda one: made.append(one.path) or load_rgb(one.path))
    main(run_of("enhance", config(), PERSONA, consent="any"))
    assert made == []
    assert (PLACES.enhanced / "jade-s1-t1-review-enhanced.jpg").read_bytes() == first
    main(run_of("enhance", config(unsharp_percent=0), PERSONA, consent="any"))
    assert len(made) == 1


def enhanced(bucket_px: tuple[int, int], side_px: int | None = 48) -> Entry:
    resized(bucket_px)
    main(run_of("enhance", config(side_px), PERSONA, consent="any"))
    (entry,) = read_manifest(PLACES.enhanced).entries
    assert load_rgb(PLACES.enhanced / entry.file).shape == (entry.height, entry.width, 3)
    return entry


def test_an_image_with_pixels_enough_of_its_own_reaches_no_provider(monkeypatch):
    monkeypatch.setattr(LanczosEnhancer, "enhance", None)
    entry = enhanced((32, 24))
    assert (entry.width, entry.height, entry.provider, entry.cost_usd) == (64, 48, "none", 0)
    error = np.abs(load_rgb(PLACES.enhanced / entry.file).astype(int) - resized((32, 24))).mean()
    assert error < 3  # a JPEG of the same pixels


@pytest.mark.parametrize(
    ("bucket_px", "size"),
    [
        ((64, 48), (128, 96)),  # as many pixels as it is trained at: twice that
        ((48, 36), (96, 72)),  # more: enlarged from all of them, and no larger than twice the training size
        ((128, 96), (128, 96)),  # fewer: twice its own, once
    ],
)
def test_what_lacks_pixels_is_enlarged_once_from_all_that_it_has(monkeypatch, bucket_px, size):
    given = []
    enhance = LanczosEnhancer.enhance
    monkeypatch.setattr(
        LanczosEnhancer, "enhance", lambda self, rgb, item="": given.append(rgb.shape) or enhance(self, rgb)
    )
    entry = enhanced(bucket_px)
    assert (entry.width, entry.height) == size
    assert given == [(48, 64, 3)]
    assert entry.faces[0].box_px[0] == 10 * size[0] / 64


@pytest.mark.parametrize(
    ("remote", "side_px", "size", "provider"),
    [
        (True, 40, (64, 48), "none"),  # the dataset takes the crop's own pixels: nothing is bought
        (True, None, (96, 72), "lanczos"),  # it takes twice the bucket, which the crop lacks
        (False, 40, (96, 72), "lanczos"),  # nothing is paid for
    ],
    ids=["bought for nothing", "the dataset takes all pixels", "at no price"],
)
def test_a_crop_that_fills_its_training_size_is_not_sent_elsewhere(
    monkeypatch, remote, side_px, size, provider
):
    monkeypatch.setattr(LanczosEnhancer, "remote", remote)
    entry = enhanced((48, 36), side_px)
    assert ((entry.width, entry.height), entry.provider) == (size, provider)


@pytest.mark.parametrize("bucket_px", [(72, 54), (66, 48), (64, 50)], ids=str)
def test_a_crop_that_is_a_few_pixels_short_is_sent(monkeypatch, bucket_px):
    monkeypatch.setattr(LanczosEnhancer, "remote", True)
    assert enhanced(bucket_px, 60).provider == "lanczos"
