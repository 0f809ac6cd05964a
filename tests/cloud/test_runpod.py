"""RunPod's word on prices and on what bills, with its odd moments."""

import datetime
import threading
from types import SimpleNamespace
from typing import Any

import pytest
from conf_sections import section

from fakes.server import FakeServers
from likeness.cli.cloud import _terminate
from likeness.cloud import CloudConfig, RunPodConfig
from likeness.cloud.machine import end_pod, given_by_runpod
from likeness.cloud.runpod import Pod, RunPod
from likeness.errors import AuthError, ConfigError, JobLostError, RejectedError, TransientError

POD = {"id": "pod1", "name": "likeness-jade-1-x-head", "status": "RUNNING", "cost": 0.6}
CLOUD = section("cloud/runpod.yaml")


@pytest.fixture(scope="module")
def servers():
    with FakeServers(keys={"runpod": "right"}) as running:
        yield running


@pytest.fixture
def account(servers, monkeypatch):
    servers.set_faults({})
    servers.set(runpod_pods=[POD], runpod_does_nothing=False, runpod_no_stock=[], runpod_page=100)
    monkeypatch.setenv("RUNPOD_API_KEY", "right")
    with RunPod(config(servers.runpod_url), stop=threading.Event(), poll_s=0.0) as opened:
        yield opened


def config(url: str) -> RunPodConfig:
    values = CLOUD["runpod"]
    limits = {**values["limits"], "backoff_s": 0.0, "attempts": 4}
    return RunPodConfig.model_validate({**values, "base_url": url, "limits": limits})


def test_what_bills(account):
    assert [(pod.id, pod.status, pod.usd_per_hour) for pod in account.pods()] == [("pod1", "RUNNING", 0.6)]


@pytest.mark.parametrize(
    ("status", "bills"), [("TERMINATED", False), ("EXITED", True), ("ERROR", True), ("A_NEW_WORD", True)]
)
def test_only_what_is_gone_does_not_bill(account, servers, status, bills):
    servers.set(runpod_pods=[{**POD, "status": status}])
    assert bool(account.pods()) is bills


def test_an_ended_pod_is_gone(account):
    account.terminate("pod1")
    assert account.pods() == []


def test_a_machine_that_nobody_may_be_left_to_end_ends_itself(account, servers, monkeypatch, tmp_path):
    monkeypatch.delenv("RUNPOD_API_KEY")
    first = tmp_path / "environ"
    # Its own key may list nothing.
    first.write_bytes(b"RUNPOD_POD_ID=pod1\0RUNPOD_API_KEY=scoped:pod1\0")
    assert end_pod(config(servers.runpod_url), first, poll_s=0.0) == "RunPod ended the pod pod1"
    monkeypatch.setenv("RUNPOD_API_KEY", "right")
    assert account.pods() == []
    assert "only who rented" in end_pod(config(servers.runpod_url), tmp_path / "another cloud")


def test_a_yes_that_did_nothing_is_found_out(account, servers):
    servers.set(runpod_does_nothing=True)
    with pytest.raises(JobLostError, match="still there and bills") as caught:
        account.terminate("pod1")
    assert "console.runpod.io" in caught.value.remedy


def test_a_pod_that_is_lost_already_is_no_error(account):
    account.terminate("pod-of-yesterday")


def test_a_pod_that_is_listed_and_gone_is_looked_for_again(account, monkeypatch):
    pods, old = account.pods, [account.pods()] * 3
    account.terminate("pod1")
    monkeypatch.setattr(account, "pods", lambda: old.pop() if old else pods())
    account.terminate("pod1")
    assert old == []
    old += [[Pod(id="pod1", name="x", status="RUNNING", usd_per_hour=0.6)]] * 99
    with pytest.raises(RejectedError, match="404"):
        account.terminate("pod1")


def test_a_storm_of_refusals_ends_after_as_many_tries_as_are_set(account, servers):
    servers.set_faults({"runpod.pods": {"rate_limit": {"share": 1.0}}})
    before = servers.counts().get("runpod.pods", 0)
    with pytest.raises(TransientError, match="429"):
        account.pods()
    assert servers.counts()["runpod.pods"] == before + 4


def test_all_pages_are_one_list(account, servers):
    servers.set(runpod_pods=[{**POD, "id": f"pod{number}"} for number in range(7)], runpod_page=3)
    assert [one.id for one in account.pods()] == [f"pod{number}" for number in range(7)]
    account.terminate("pod6")
    assert len(account.pods()) == 6


@pytest.mark.parametrize(
    "more",
    [
        {"nextCursor": "x"}, {"hasMore": "x"}, {"next_page": "x"}, {"pagination": {"hasNextPage": True}},
        {"pagination": {"hasNextPage": True, "nextCursor": None}}, {"pagination": {"nextCursor": "x"}},
    ],
)  # fmt: skip
def test_a_list_that_goes_on_elsewhere_is_no_list_of_what_bills(account, monkeypatch, more):
    answer = {"pods": [POD], "total": 7, **more}
    monkeypatch.setattr(account._client, "get", lambda path: SimpleNamespace(json=lambda: answer))
    with pytest.raises(TransientError, match="goes on"):
        account.pods()


def test_a_cursor_beside_the_word_that_nothing_follows_is_none(account, monkeypatch):
    answer = {"pods": [POD], "pagination": {"hasNextPage": False, "nextCursor": "x"}}
    monkeypatch.setattr(account._client, "get", lambda path: SimpleNamespace(json=lambda: answer))
    assert len(account.pods()) == 1


def test_a_pod_that_cannot_be_ended_does_not_keep_the_others_alive(account, servers, monkeypatch):
    twin = {**POD, "id": "pod2"}
    servers.set(runpod_pods=[POD, twin])
    servers.set_faults({"runpod.delete": ["server_error"] * 4})
    here: Any = SimpleNamespace(cfg=SimpleNamespace(cloud=SimpleNamespace(runpod=config(servers.runpod_url))))
    with pytest.raises(TransientError):
        _terminate(here, ["pod1", "pod2"])
    assert [one.id for one in account.pods()] == ["pod1"]


@pytest.mark.parametrize("half", [None, "pod1", {"id": "pod1", "name": POD["name"]}, {"status": "RUNNING"}])
def test_half_an_answer_is_no_list_of_what_bills(account, servers, half):
    servers.set(runpod_pods=[POD, half])
    with pytest.raises(TransientError, match="cannot be read"):
        account.pods()


def test_an_answer_that_breaks_off_is_asked_for_again(account, servers):
    servers.set_faults({"runpod.pods": ["truncated", "malformed", "drop_after"]})
    assert len(account.pods()) == 1


def test_a_busy_provider_is_asked_again(account, servers):
    servers.set_faults({"runpod.*": ["rate_limit", "server_error"]})
    assert len(account.pods()) == 1


def test_a_provider_that_stays_down_is_an_error_and_no_empty_list(account, servers):
    servers.set_faults({"runpod.pods": {"server_error": {"share": 1.0}}})
    with pytest.raises(TransientError):
        account.pods()


def test_a_wrong_key_is_said_so(account, monkeypatch):
    monkeypatch.setenv("RUNPOD_API_KEY", "wrong-key-canary")
    with pytest.raises(AuthError) as caught:
        account.pods()
    assert "canary" not in str(caught.value)


def test_todays_prices_and_what_has_no_stock(account, servers):
    servers.set(runpod_no_stock=["NVIDIA L40S"])
    machines = CloudConfig.model_validate(CLOUD).machines
    offers, none = account.offers(machines, datetime.date(2026, 11, 28))
    assert {words: one[0].usd for words, one in offers.items()} == {
        "runpod RTX4090": 0.60, "runpod L40S": 1.40, "runpod A100-80GB": 1.79,
    }  # fmt: skip
    assert none == ["runpod L40S"]


@pytest.mark.parametrize("price", ["on request", {"usd": 1}])
def test_a_price_that_is_no_number_is_no_catalogue(account, monkeypatch, price):
    answer = {"gpus": [{"id": "NVIDIA L40S", "price": {"secure": price}, "availability": "HIGH"}]}
    monkeypatch.setattr(account._client, "get", lambda path: SimpleNamespace(json=lambda: answer))
    with pytest.raises(TransientError, match="cannot be read"):
        account.offers(CloudConfig.model_validate(CLOUD).machines, datetime.date(2026, 11, 28))


def test_a_card_that_costs_nothing_is_not_offered_there(account, monkeypatch):
    answer = {"gpus": [{"id": "NVIDIA L40S", "price": {"secure": 0}, "availability": "HIGH"}]}
    monkeypatch.setattr(account._client, "get", lambda path: SimpleNamespace(json=lambda: answer))
    assert account.offers(CloudConfig.model_validate(CLOUD).machines, datetime.date(2026, 11, 28)) == ({}, [])


def test_the_key_goes_nowhere_else():
    with pytest.raises(ConfigError, match="RUNPOD_API_KEY"):
        RunPod(config("https://runpod.example.org/v2"), stop=threading.Event())


MONTH = {"startTime": "2026-10-01T00:00:00Z", "endTime": "2026-11-01T00:00:00Z"}
BILL = {**MONTH, "podId": "pod1", "totalAmount": 0.31, "gpuAmount": 0.3, "cpuAmount": 0.0, "diskAmount": 0.01}
SINCE = datetime.date(2026, 1, 17), datetime.date(2026, 12, 31)


@pytest.mark.parametrize("buckets", [["hour", "day", "week", "month", "year"], ["hour", "day"]])
def test_a_pods_buckets_make_one_bill(account, servers, buckets, monkeypatch):
    servers.set(
        runpod_bills=[BILL, {**BILL, "podId": "pod2", "totalAmount": 2}, {**BILL, "totalAmount": 0.5}],
        runpod_buckets=buckets,
    )
    asked, get = [], account._client.get
    monkeypatch.setattr(account._client, "get", lambda path: asked.append(path) or get(path))
    assert account.bills(*SINCE) == {"pod1": pytest.approx(0.81), "pod2": 2.0}
    # On a month's bounds, and both: of one alone it says 400.
    assert "startTime=2026-01-01T00:00:00Z&endTime=2027-01-01T00:00:00Z" in asked[-1]
    assert len(asked) == (1 if "month" in buckets else 2)


@pytest.mark.parametrize(
    "half",
    [None, "pod1", {"podId": "pod1"}, {"totalAmount": 1}, *({**BILL, "totalAmount": bad} for bad in ("1", True, None, -1))],
)  # fmt: skip
def test_half_a_bill_is_none(account, servers, half):
    servers.set(runpod_bills=[BILL, half])
    with pytest.raises(TransientError, match="list of bills cannot be read"):
        account.bills(*SINCE)


def test_a_pod_knows_by_which_name_it_is_billed(tmp_path):
    (tmp_path / "environ").write_bytes(b"HOME=/root\0RUNPOD_POD_ID=pod1\0RUNPOD_API_KEY=its own\0")
    assert given_by_runpod(config("https://api.runpod.io/v2"), tmp_path / "environ") == ("pod1", "its own")
    assert given_by_runpod(config("https://api.runpod.io/v2"), tmp_path / "elsewhere") == ("", "")
