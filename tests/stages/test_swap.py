"""The stage swap: what it makes, what it makes again, and what it refuses."""

import json
import shutil
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from ingest_fakes import FakeConsent
from runs import run_of
from swap_portraits import close_up, config

from likeness.digests import sha256_bytes
from likeness.errors import InputError
from likeness.faces import to_json
from likeness.images import encode_png, load_rgb
from likeness.paths import PersonaPaths, image_name, item_id
from likeness.pipeline.manifest import Entry, read_manifest, write_manifest
from likeness.purchases.budget import BudgetConfig
from likeness.swap import Portrait, Swapped
from likeness.swap.local import LocalSwapper
from stages.swap import main

PLACES = PersonaPaths("jade")
SOURCES = {"s1": "sources/jade_01.jpg", "s2": "sources/jade_06.jpg"}
TARGETS = {"t1": "targets/01_hana.jpg", "t2": "targets/06_ingrid.jpg"}
HELD_OUT = {"s7": "sources/jade_07.jpg"}


@cache
def _encoded(name: str) -> bytes:
    return encode_png(close_up(name).rgb)


class Ingested:
    """Writes data/jade/ingested as the stage before does."""

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}
        PLACES.ingested.mkdir(parents=True)
        for label, name in {**SOURCES, **TARGETS, **HELD_OUT}.items():
            self.add(label, close_up(name), held_out=label in HELD_OUT, data=_encoded(name))

    def add(
        self,
        label: str,
        portrait: Portrait,
        *,
        rating: str = "sfw",
        held_out: bool = False,
        data: bytes | None = None,
    ) -> None:
        source, target = (label, None) if label.startswith("s") else (None, label)
        name, photo = (
            image_name("jade", source, target, rating, "ingested", "png"),
            item_id("jade", label, None),
        )
        data = data or encode_png(portrait.rgb)
        (PLACES.ingested / name).write_bytes(data)
        face = json.dumps(to_json(portrait.face)).encode()
        (PLACES.ingested / f"{photo}.face.json").write_bytes(face)
        height, width = portrait.rgb.shape[:2]
        self.entries[label] = Entry(
            id=photo, file=name, sha256=sha256_bytes(data), width=width, height=height, source=source,
            target=target, rating=rating, faces=(), provider="local", cost_usd=0, parents=(),
            origin=f"{label}.jpg", held_out=held_out, face_sha256=sha256_bytes(face),
        )  # fmt: skip
        self.write()

    def write(self) -> None:
        write_manifest(PLACES.ingested, self.entries.values(), [])


@pytest.fixture(scope="module")
def first(tmp_path_factory) -> SimpleNamespace:
    """A first run in a folder of its own, so that most tests swap nothing: the folder, what ingest gave, the manifest and the
    swaps that were asked for."""
    place = tmp_path_factory.mktemp("swapped")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        patch.delenv("DVC_ROOT", raising=False)
        calls = counted(patch)
        return SimpleNamespace(place=place, ingested=Ingested(), manifest=run(), calls=calls)


@pytest.fixture
def nothing_stored(in_tmp):
    return Ingested()


@pytest.fixture
def ingested(nothing_stored, first):
    shutil.copytree(first.place / ".cache" / "items", ".cache/items")
    return nothing_stored


@pytest.fixture
def swapped(monkeypatch):
    return counted(monkeypatch)


def counted(patch: pytest.MonkeyPatch) -> list[str]:
    """What the provider is really asked for from here on."""
    calls: list[str] = []
    original = LocalSwapper.swap

    def swap(self, source, target, *, item):
        calls.append(item)
        return original(self, source, target)

    patch.setattr(LocalSwapper, "swap", swap)
    return calls


def run(*, swap_min: float = 0.6, target_max: float = 0.85, **changes: object):
    cfg = SimpleNamespace(
        swap=config(**changes),
        items=SimpleNamespace(root=".cache/items", remote=None, workers=2, leave_unfinished=False),
        prices={},
        budget=BudgetConfig(max_usd=0),
        faces=SimpleNamespace(embedder=None),
        ingest=SimpleNamespace(review_explicit=0.3, max_explicit=0.7),
    )
    similarity = SimpleNamespace(source_min=0.6, swap_min=swap_min, target_max=target_max)
    persona = SimpleNamespace(name="jade", similarity=similarity)
    main(run_of("swap", cfg, persona, consent=FakeConsent()))
    return read_manifest(PLACES.swapped)


def files() -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in PLACES.swapped.iterdir()}


def ids(manifest) -> list[str]:
    return [entry.id for entry in manifest.entries]


def test_pairs_and_own_photos_are_laid_out_and_held_out_ones_are_not(first):
    manifest, ingested = first.manifest, first.ingested
    assert ids(manifest) == ["jade-s1", "jade-s1-t1", "jade-s1-t2", "jade-s2", "jade-s2-t1", "jade-s2-t2"]
    assert len(first.calls) == 4
    pair = manifest.entries[1]
    assert pair.file == "jade-s1-t1-sfw-swapped.png"
    assert pair.parents == (ingested.entries["s1"].sha256, ingested.entries["t1"].sha256)
    assert pair.scores["to_persona"] > 0.6
    assert pair.scores["to_target"] < 0.85
    assert pair.sha256 == sha256_bytes((first.place / PLACES.swapped / pair.file).read_bytes())
    assert len(pair.faces) == 1
    x, y, w, h = pair.faces[0].box_px
    middle = np.mean(pair.faces[0].outline_px, axis=0)
    assert abs(middle - [x + w / 2, y + h / 2]).max() < 0.25 * h
    assert pair.provider == "local"


def test_the_own_photo_is_the_ingested_one_unchanged(ingested):
    entry = run().entries[0]
    assert (entry.id, entry.source, entry.target) == ("jade-s1", "s1", None)
    ours = (PLACES.swapped / "jade-s1-sfw-swapped.png").read_bytes()
    assert ours == (PLACES.ingested / "jade-s1-sfw-ingested.png").read_bytes()


def test_without_own_photos_only_pairs_are_made(ingested):
    assert ids(run(include_sources=False)) == ["jade-s1-t1", "jade-s1-t2", "jade-s2-t1", "jade-s2-t2"]


def test_a_second_run_swaps_nothing_and_gives_the_same_bytes(ingested, swapped):
    run()
    before, calls = files(), len(swapped)
    (PLACES.swapped / "left-over.png").write_bytes(b"of an earlier run")
    run()
    assert files() == before
    assert len(swapped) == calls


def test_one_source_more_swaps_only_its_own_pairs(ingested, swapped):
    run()
    calls = len(swapped)
    known = close_up(SOURCES["s2"])
    ingested.add("s3", Portrait(rgb=(known.rgb * 0.97).astype(np.uint8), face=known.face))
    assert {"jade-s3", "jade-s3-t1", "jade-s3-t2"} <= set(ids(run()))
    assert len(swapped) == calls + 2


def test_another_picture_under_the_same_name_is_swapped_again(ingested, swapped):
    run()
    before, calls = files(), len(swapped)
    old = load_rgb(PLACES.ingested / ingested.entries["t2"].file)
    brighter = np.clip(old.astype(int) + 6, 0, 255).astype(np.uint8)
    ingested.add("t2", Portrait(rgb=brighter, face=close_up(TARGETS["t2"]).face))
    run()
    assert len(swapped) == calls + 2
    changed = {name for name, data in files().items() if before[name] != data}
    assert changed == {"jade-s1-t2-sfw-swapped.png", "jade-s2-t2-sfw-swapped.png", "manifest.jsonl"}


def test_a_stricter_threshold_judges_anew_without_swapping_and_keeps_no_file(ingested, swapped):
    run()
    calls = len(swapped)
    with pytest.raises(InputError, match="max_failure_ratio"):
        run(swap_min=0.99)
    manifest = read_manifest(PLACES.swapped)
    assert ids(manifest) == ["jade-s1", "jade-s2"]
    assert {failure.reason for failure in manifest.failures} == {"swap-not-the-persona"}
    assert not list(Path(PLACES.swapped).glob("*-t*.png"))
    assert len(swapped) == calls
    assert len(run().entries) == 6  # what was not kept is made again
    assert len(swapped) == calls + 4


def test_a_swap_that_is_still_the_target_is_refused_and_not_kept(nothing_stored, monkeypatch):
    monkeypatch.setattr(LocalSwapper, "swap", lambda self, source, target, item: Swapped(rgb=target.rgb))
    manifest = run(swap_min=0.4, target_max=0.8, max_failure_ratio=1.0)
    assert ids(manifest) == ["jade-s1", "jade-s2"]
    assert {failure.reason for failure in manifest.failures} <= {
        "swap-not-the-persona",
        "swap-still-the-target",
    }
    kept = {path.parent.name + path.name for path in Path(".cache/items/objects").glob("??/*")}
    assert kept == {entry.sha256 for entry in manifest.entries}  # her own photographs, and no swap


def test_a_swap_is_rated_as_the_worst_of_both_photos(ingested):
    ingested.add("t1", close_up(TARGETS["t1"]), rating="review")
    ratings = {entry.id: entry.rating for entry in run().entries}
    assert ratings["jade-s1-t1"] == "review"
    assert ratings["jade-s1-t2"] == "sfw"
    assert (PLACES.swapped / "jade-s1-t1-review-swapped.png").is_file()


def test_pairs_out_of_range_are_listed_and_the_rest_goes_on(ingested):
    limits = {**config().limits.model_dump(), "max_yaw_difference_deg": 3}
    manifest = run(limits=limits)
    skipped = {failure.id: failure.reason for failure in manifest.failures}
    assert "jade-s2-t1" in skipped
    assert set(skipped.values()) == {"yaw-difference"}
    assert "jade-s1-t1" in ids(manifest)


def test_no_pair_and_no_own_photo_is_an_error_with_a_remedy(ingested):
    limits = {**config().limits.model_dump(), "min_face_px": 2000}
    with pytest.raises(InputError) as caught:
        run(limits=limits, include_sources=False)
    assert "no swap on the 2 targets was possible" in caught.value.message
    assert "swap.include_sources: true" in caught.value.remedy
    assert "swap.limits.min_face_px is 2000" in read_manifest(PLACES.swapped).failures[0].detail


def test_where_no_swap_is_accepted_the_own_photos_go_on_and_that_is_said(ingested, capsys):
    manifest = run(swap_min=0.999, max_failure_ratio=1)
    assert ids(manifest) == ["jade-s1", "jade-s2"]
    assert (
        "no swap on the 2 targets was possible and accepted: jade's own photographs alone"
        in capsys.readouterr().err
    )


def test_targets_that_ingest_refused_are_not_called_missing(ingested, capsys):
    before = read_manifest(PLACES.ingested)
    own = [entry for entry in before.entries if entry.target is None]
    refused = next(entry for entry in before.entries if entry.target).failure(
        kind="refused", reason="blurred", detail="blurred", remedy="take another"
    )
    write_manifest(PLACES.ingested, own, [refused])
    assert ids(run()) == ["jade-s1", "jade-s2"]
    assert "none of the 1 targets passed ingest (data/jade/ingested/failures.jsonl" in capsys.readouterr().err
    with pytest.raises(InputError, match="none of the 1 targets passed ingest"):
        run(include_sources=False)


def test_where_no_own_photograph_passed_nobody_is_told_to_let_them_in(ingested):
    before = read_manifest(PLACES.ingested)
    write_manifest(PLACES.ingested, [entry for entry in before.entries if entry.target], [])
    with pytest.raises(InputError, match="jade's own photographs did not pass") as caught:
        run()
    assert "include_sources" not in caught.value.remedy
