"""Which price counts, and when it is too old or too high."""

import datetime
from pathlib import Path

import pytest
from conf_sections import section

from likeness.cloud import CloudConfig, Machine
from likeness.cloud.engine import Offer
from likeness.cloud.prices import priced_machines
from likeness.errors import ConfigError
from likeness.purchases.prices import Price

TODAY = datetime.date(2026, 11, 28)
CHOICES = sorted(path.stem for path in (Path(__file__).parents[2] / "conf" / "cloud").glob("[a-z]*.yaml"))
CLOUD = CloudConfig.model_validate(section("cloud/runpod.yaml"))


def offer(usd: float, date: datetime.date = TODAY, region: str = "US") -> Offer:
    return Offer(region=region, usd=usd, date=date)


def own(usd: float, date: datetime.date = TODAY, per: str = "hour") -> Price:
    return Price.model_validate({"usd": usd, "per": per, "source": "my contract", "date": date})


def price(offers, prices=None, **unread: str):
    return priced_machines(CLOUD, prices or {}, offers, TODAY, unread)


def test_the_cheapest_comes_first_and_the_others_say_why_not():
    found, refused = price({"runpod L40S": [offer(0.79)], "runpod RTX4090": [offer(0.60)]})
    assert [(one.machine.gpu, one.usd) for one in found] == [("RTX4090", 0.60), ("L40S", 0.79)]
    assert refused == ["runpod A100-80GB: neither conf/prices.yaml nor the engine's catalogue has a price"]


@pytest.mark.parametrize("choice", CHOICES)
def test_a_first_launch_fits_into_the_budget(choice):
    cloud = CloudConfig.model_validate(section(f"cloud/{choice}.yaml"))
    rented = any(not one.own for one in cloud.machines)
    assert not rented or cloud.max_hours * cloud.max_usd_per_hour <= section("budget/default.yaml")["max_usd"]


def test_a_price_says_whose_it_is():
    told = Offer(region="secure", usd=0.6, date=TODAY, source="RunPod")
    found, _ = price({"runpod RTX4090": [told], "runpod L40S": [offer(0.79)]})
    assert [one.source for one in found] == ["RunPod", "SkyPilot's catalogue"]


def test_a_catalogue_that_does_not_read_is_told_as_that():
    _, refused = price({"runpod L40S": [offer(0.79)]}, **{"runpod RTX4090": "ConnectionError: no network"})
    assert refused[0] == (
        "runpod RTX4090: conf/prices.yaml has no price, and the engine's catalogue cannot be read: ConnectionError: no network"
    )


def test_one_cause_is_told_once():
    why = "ConnectionError: no network"
    with pytest.raises(ConfigError) as caught:
        price({}, **{one.words: why for one in CLOUD.machines})
    assert str(caught.value).count(why) == 1
    assert "runpod RTX4090, runpod L40S, runpod A100-80GB: conf/prices.yaml has no price" in str(caught.value)


def test_the_dearest_region_that_may_be_taken_is_what_it_can_cost():
    (found,), _ = price({"runpod RTX4090": [offer(0.60), offer(0.69, region="SE"), offer(2.5, region="JP")]})
    assert found.usd == 0.69


def test_conf_prices_wins():
    (found,), _ = price({"runpod RTX4090": [offer(0.60)]}, {"runpod": {"RTX4090": own(0.34)}})
    assert (found.usd, found.source) == (0.34, "my contract")


@pytest.mark.parametrize(
    ("offers", "prices"),
    [
        ({"runpod RTX4090": [offer(0.60, TODAY - datetime.timedelta(days=31))]}, {}),
        ({}, {"runpod": {"RTX4090": own(0.34, TODAY - datetime.timedelta(days=31))}}),
        ({}, {"runpod": {"RTX4090": own(0.34, TODAY + datetime.timedelta(days=365))}}),
        ({"runpod RTX4090": [offer(2.01)]}, {}),
        ({"runpod RTX4090": [offer(0.0)]}, {}),
        ({}, {}),
    ],
    ids=[
        "an old catalogue",
        "an old line",
        "a line of next year",
        "too dear",
        "for nothing",
        "no price at all",
    ],
)
def test_nothing_is_rented_at_a_price_that_is_old_too_high_or_unknown(offers, prices):
    with pytest.raises(ConfigError, match="no machine may be rented") as caught:
        price(offers, prices)
    assert "runpod RTX4090" in str(caught.value)
    assert "conf/prices.yaml" in caught.value.remedy


def test_a_price_by_the_call_is_no_price_of_a_machine():
    with pytest.raises(ConfigError, match="per call"):
        price({}, {"runpod": {"RTX4090": own(0.34, per="call")}})


@pytest.mark.parametrize(
    ("gpu", "device", "same"),
    [
        ("RTX4090", "NVIDIA GeForce RTX 4090", True),
        ("L4", "NVIDIA L40S", False),
        ("L4", "NVIDIA L4", True),
        ("A100-80GB", "NVIDIA A100-SXM4-80GB", True),
        ("A100-80GB", "NVIDIA A100-SXM4-40GB", False),
        ("H100", "NVIDIA H200", False),
    ],
)
def test_a_card_is_known_by_its_name(gpu, device, same):
    assert Machine(infra="runpod", gpu=gpu).is_card(device) is same
