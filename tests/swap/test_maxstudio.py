"""Swaps bought from MaxStudio, against a fake that speaks its API and an S3 server that checks signatures."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from paid import buyer_at, each_look_takes_a_second, provider

from fakes.s3 import S3Server
from fakes.server import FakeServers
from likeness.errors import AuthError, ConfigError, InputError, JobLostError, QuotaError
from likeness.faces import FaceAnalyzer
from likeness.images import RGB, load_rgb
from likeness.purchases.buy import ORDERS, Buyer
from likeness.swap import Portrait, Swapped

PHOTOS = Path(__file__).parents[1] / "photos"
KEY = "planted-maxstudio-key"


@pytest.fixture(scope="module")
def services() -> Iterator[FakeServers]:
    with FakeServers(keys={"maxstudio": KEY}) as running:
        yield running


@pytest.fixture(autouse=True)
def _fresh(services: FakeServers, s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    services.set_faults({})
    services.set(swap="echo", detect="real", detect_answers="detectedFaces")
    services.reset()
    monkeypatch.setenv("MAXSTUDIO_API_KEY", KEY)


@pytest.fixture
def place(s3: S3Server) -> str:
    return f"s3://{s3.new_bucket()}/inputs"


def portrait(rgb: RGB, index: int = 0) -> Portrait:
    return Portrait(rgb=rgb, face=FaceAnalyzer().faces(rgb)[index])


@pytest.fixture(scope="module")
def jade() -> Portrait:
    return portrait(load_rgb(PHOTOS / "sources/jade_01.jpg")[::2, ::2].copy())


@pytest.fixture(scope="module")
def hana() -> Portrait:
    return portrait(load_rgb(PHOTOS / "targets/01_hana.jpg")[::2, ::2].copy())


def swap(
    services: FakeServers, buyer: Buyer, place: str, source: Portrait, target: Portrait, **changes
) -> Swapped:
    chosen = provider("swap/maxstudio", {"base_url": services.maxstudio_url, "inputs_url": place, **changes})
    with chosen.opened(buyer) as swapper:
        return swapper.swap(source, target)


def test_a_swap_is_bought_once_and_found_afterwards_without_key_or_network(
    services, tmp_path, place, jade, hana, monkeypatch
):
    bought = swap(services, buyer_at(tmp_path), place, jade, hana)
    assert bought.rgb.shape == hana.rgb.shape
    assert bought.cost_usd == 0.10
    monkeypatch.delenv("MAXSTUDIO_API_KEY")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    monkeypatch.setenv("LIKENESS_ALLOWED_HOSTS", "MAXSTUDIO_API_KEY=nobody.invalid")
    found = swap(
        services, buyer_at(tmp_path, max_usd=0), place, jade, hana, base_url="https://nobody.invalid"
    )
    np.testing.assert_array_equal(found.rgb, bought.rgb)
    assert [purchase.what for purchase in services.purchases()] == ["maxstudio.swap"]


@pytest.mark.parametrize("answers", ["detectedFaces", "faces"])
def test_of_two_faces_the_one_that_is_meant_is_swapped(services, tmp_path, place, jade, answers):
    """The fake tints the face it was told to; the vendor's two spellings of the answer are both understood."""
    services.set(detect_answers=answers)
    rgb = load_rgb(PHOTOS / "extras/two_people.jpg")
    faces = FaceAnalyzer().faces(rgb)
    assert len(faces) == 2
    for meant, other in ((faces[0], faces[1]), (faces[1], faces[0])):
        done = swap(services, buyer_at(tmp_path), place, jade, Portrait(rgb=rgb, face=meant)).rgb
        changed = np.abs(done.astype(int) - rgb).max(axis=2)
        assert middle_of(changed, meant.box_px) > 10 > middle_of(changed, other.box_px)
    assert services.counts()["maxstudio.detect"] == 1, "the boxes of one target are asked for once"


def middle_of(changed: np.ndarray, box: tuple[float, float, float, float]) -> float:
    x, y, width, height = (int(value) for value in box)
    return float(changed[y + height // 3 : y + 2 * height // 3, x + width // 3 : x + 2 * width // 3].mean())


def test_photographs_are_lent_by_addresses_of_the_bucket_that_expire(
    services, tmp_path, place, s3, jade, hana
):
    swap(services, buyer_at(tmp_path), place, jade, hana)
    lent = list(s3.path(place).rglob("*.png"))
    assert len(lent) == 2
    assert all(len(path.stem) == 64 for path in lent)


def test_a_wrong_key_is_told_before_anything_is_ordered(services, tmp_path, place, jade, hana, monkeypatch):
    monkeypatch.setenv("MAXSTUDIO_API_KEY", "wrong")
    buyer = buyer_at(tmp_path)
    with pytest.raises(AuthError, match="500") as caught:
        swap(services, buyer, place, jade, hana)
    assert "MAXSTUDIO_API_KEY" in caught.value.remedy
    assert "maxstudio.swap" not in services.counts()
    assert buyer.spending.total_usd == 0


def test_a_wrong_bucket_is_told_before_anything_is_ordered(services, tmp_path, jade, hana):
    with pytest.raises(ConfigError, match="nowhere"):
        swap(services, buyer_at(tmp_path), "s3://nowhere/inputs", jade, hana)
    assert services.counts() == {}


def test_who_set_nothing_is_told_at_once_of_all_that_is_missing(services, tmp_path, jade, hana, monkeypatch):
    for name in [name for name in os.environ if name.startswith(("AWS_", "MAXSTUDIO_"))]:
        monkeypatch.delenv(name)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(AuthError) as caught:
        swap(services, buyer_at(tmp_path), "s3://bucket/inputs", jade, hana)
    told = str(caught.value)
    assert all(words in told for words in ("MAXSTUDIO_API_KEY is not set", "no region", "no keys for it"))
    remedies = ("export MAXSTUDIO_API_KEY=", "AWS_REGION to the bucket's region", "set AWS_ACCESS_KEY_ID")
    assert all(words in told for words in remedies)
    assert services.purchases() == []


def test_over_the_budget_nothing_is_ordered(services, tmp_path, place, jade, hana):
    with pytest.raises(QuotaError):
        swap(services, buyer_at(tmp_path, max_usd=0.09), place, jade, hana)
    assert "maxstudio.swap" not in services.counts()


@pytest.mark.parametrize("fault", ["job_fails", "job_vanishes", "result_expires", "job_stuck"])
def test_a_lost_job_is_ordered_again_and_counts_twice(
    services, tmp_path, place, jade, hana, fault, monkeypatch
):
    each_look_takes_a_second(monkeypatch)
    services.set_faults({"maxstudio.swap": [fault, None]})
    buyer = buyer_at(tmp_path)
    swap(services, buyer, place, jade, hana, job_limit_s=30)
    assert services.counts()["maxstudio.swap"] == 2
    assert buyer.spending.total_usd == pytest.approx(0.20)
    assert buyer.spending.in_doubt == 1


def test_a_job_that_always_fails_ends_with_the_vendors_words(services, tmp_path, place, jade, hana):
    services.set_faults({"maxstudio.swap": {"job_fails": {"share": 1, "error": "No face in the source"}}})
    with pytest.raises(JobLostError, match="No face in the source"):
        swap(services, buyer_at(tmp_path), place, jade, hana)
    assert services.counts()["maxstudio.swap"] == ORDERS


def test_a_target_in_which_the_vendor_sees_no_such_face_is_skipped(services, tmp_path, place, jade, hana):
    x, y, width, height = hana.face.box_px
    away = Portrait(rgb=hana.rgb, face=replace(hana.face, box_px=(x, y + 3000, width, height)))
    buyer = buyer_at(tmp_path)
    with pytest.raises(InputError) as caught:
        swap(services, buyer, place, jade, away)
    assert (caught.value.kind, caught.value.reason) == ("skipped", "provider-no-face")
    assert buyer.spending.total_usd == 0


@pytest.mark.slow
def test_the_real_swapper_of_the_fake_gives_the_persona(services, tmp_path, place):
    """The default fake swaps for real: what comes back passes through decoding with the target's size."""
    services.set(swap="local")
    source, target = (
        portrait(load_rgb(PHOTOS / name)) for name in ("sources/jade_01.jpg", "targets/01_hana.jpg")
    )
    done = swap(services, buyer_at(tmp_path), place, source, target, job_limit_s=60).rgb
    face = FaceAnalyzer().faces(done)[0]
    before, after = (float(source.face.embedding @ e) for e in (target.face.embedding, face.embedding))
    assert after > before + 0.1
