"""Enlargements bought from MaxStudio, against a fake that speaks its API."""

from collections.abc import Iterator

import numpy as np
import pytest
from paid import buyer_at, provider

from fakes.server import FakeServers
from likeness.enhance import Enhanced
from likeness.errors import RejectedError
from likeness.purchases.buy import Buyer

RGB = np.kron(np.random.default_rng(0).integers(0, 255, (8, 6, 3), np.uint8), np.ones((8, 8, 1), np.uint8))


@pytest.fixture(scope="module")
def services() -> Iterator[FakeServers]:
    with FakeServers() as running:
        yield running


@pytest.fixture(autouse=True)
def _fresh(services: FakeServers, monkeypatch: pytest.MonkeyPatch) -> None:
    services.set_faults({})
    services.reset()
    monkeypatch.setenv("MAXSTUDIO_API_KEY", "any")


def enhance(services: FakeServers, buyer: Buyer, **changes) -> Enhanced:
    chosen = provider("enhance/maxstudio", base_url=services.maxstudio_url, **changes)
    with chosen.opened(buyer) as enhancer:
        return enhancer.enhance(RGB)


def test_it_doubles_the_size_and_is_bought_once(services, tmp_path):
    first, again = (enhance(services, buyer_at(tmp_path)) for _ in range(2))
    assert first.rgb.shape == (128, 96, 3)
    assert first.cost_usd == again.cost_usd == 0.02
    np.testing.assert_array_equal(first.rgb, again.rgb)
    assert len(services.purchases()) == 1


def test_another_size_is_refused_and_neither_thrown_away_nor_bought_again(services, tmp_path):
    services.set_faults({"maxstudio.enhance": ["wrong_size"]})
    for _ in range(2):
        with pytest.raises(RejectedError, match="not 2x of 48x64") as caught:
            enhance(services, buyer_at(tmp_path))
        assert caught.value.reason == "provider-wrong-size"
    assert len(services.purchases()) == 1


def test_a_dropped_answer_is_in_doubt_bought_again_and_counted_twice(services, tmp_path):
    services.set_faults({"maxstudio.enhance": ["drop_after", None]})
    buyer = buyer_at(tmp_path)
    assert enhance(services, buyer).rgb.shape == (128, 96, 3)
    assert buyer.spending.total_usd == pytest.approx(0.04)
    assert (buyer.spending.purchases, buyer.spending.in_doubt) == (1, 1)
