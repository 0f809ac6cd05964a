"""Every fault that the fake servers promise really happens; what they log, and how they end."""

import base64
import os
import signal
import threading
import time
from pathlib import Path

import httpx
import pytest
from fake_orders import ask, finished, order, png, swapped

from fakes.faults import KINDS, TRANSIENT, Faults, mixture
from fakes.s3 import S3Server
from fakes.server import FakeServers
from likeness.images import decode_rgb


def test_faults_before_the_work_book_nothing(client, services):
    later = {"fault": "rate_limit_after", "s": 7}
    dated = {"fault": "rate_limit_after", "date": True}
    script = [
        "rate_limit",
        later,
        dated,
        "credits",
        "server_error",
        {"fault": "server_error", "status": 503},
        "forbidden",
    ]
    services.set_faults({"xai.responses": script})
    answers = [ask(client, services) for _ in script]
    assert [answer.status_code for answer in answers] == [429, 429, 429, 429, 500, 503, 403]
    assert "retry-after" not in answers[0].headers
    assert answers[1].headers["retry-after"] == "7"
    assert answers[2].headers["retry-after"].endswith("GMT")
    assert "used all available credits" in answers[3].json()["error"]
    services.set_faults({"xai.responses": ["drop_before", {"fault": "drop_before", "reset": True}]})
    for _ in range(2):
        with pytest.raises(httpx.TransportError):
            ask(client, services)
    assert services.purchases() == []
    assert ask(client, services).status_code == 200


def test_faults_after_the_work_have_booked_it(client, services):
    services.set_faults(
        {"xai.responses": ["drop_after", "truncated", "malformed", "wrong_type", "nonsense", None]}
    )
    for _ in range(2):
        with pytest.raises(httpx.RemoteProtocolError):
            ask(client, services)
    malformed, wrong, nonsense, sound = (ask(client, services) for _ in range(4))
    with pytest.raises(ValueError, match=r"column"):
        malformed.json()
    assert wrong.headers["content-type"].startswith("text/html")
    assert nonsense.json()["output"][0]["content"][0]["text"].startswith("Sure!")
    assert sound.status_code == 200
    bookings = services.bookings()
    assert [it["answered"] for it in bookings] == [False, False, False, False, True, True]
    assert [it["fault"] for it in bookings] == [
        "drop_after",
        "truncated",
        "malformed",
        "wrong_type",
        "nonsense",
        "",
    ]


def test_answers_come_late_drop_by_drop_or_without_end(client, services):
    services.set_faults(
        {"xai.models": [{"fault": "latency", "s": 0.1}, {"fault": "drip", "every_s": 0.05}, "giant"]}
    )
    began = time.monotonic()
    url = f"{services.xai_url}/language-models"
    assert client.get(url).status_code == 200
    assert time.monotonic() - began >= 0.1
    with client.stream("GET", url) as drip:
        assert len(next(drip.iter_raw())) < 20
    with client.stream("GET", url) as giant:
        assert sum(len(piece) for piece, _ in zip(giant.iter_raw(), range(200), strict=False)) > 1_000_000


def test_jobs_fail_stick_vanish_and_their_results_expire(client, services, lent):
    services.set_faults(
        {"maxstudio.swap": ["job_fails", "job_stuck", "job_vanishes", "result_expires", None]}
    )
    failed, stuck, vanished, expired, sound = (order(client, services, lent) for _ in range(5))
    assert swapped(client, services, failed) == {"status": "failed", "error": "Internal error"}
    assert swapped(client, services, vanished) == {"status": "not-found"}
    assert client.get(swapped(client, services, expired)["result"]["mediaUrl"]).status_code == 404
    url = swapped(client, services, sound)["result"]["mediaUrl"]
    assert (
        client.get(f"{services.maxstudio_url}/swap-image/{stuck.json()['jobId']}").json()["status"]
        == "processing"
    )
    services.set(results_expire_s=0.0, expired_status=410)
    assert client.get(url).status_code == 410
    services.set(results_expire_s=600.0, expired_status=404)
    assert [it["delivered"] for it in services.bookings()] == [False] * 5


def test_an_enlargement_may_have_the_wrong_size(client, services):
    services.set_faults({"maxstudio.enhance": {"wrong_size": 1.0}})
    ordered = client.post(
        f"{services.maxstudio_url}/image-enhancer", json={"image": base64.b64encode(png()).decode()}
    )
    answer = finished(client, f"{services.maxstudio_url}/image-enhancer/{ordered.json()['jobId']}")
    assert decode_rgb(base64.b64decode(answer["result"])).shape == (45, 60, 3)


def test_a_job_takes_its_time_and_the_most_in_flight_is_seen(client, services, lent):
    services.set(swap_s=0.2)
    services.set_faults({"maxstudio.swap_job": {"latency": {"share": 1, "s": 0.5}}})
    ordered = order(client, services, lent)
    url = f"{services.maxstudio_url}/swap-image/{ordered.json()['jobId']}"
    threads = [threading.Thread(target=client.get, args=(url,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    services.set(swap_s=0.0)
    assert services.most_in_flight()["maxstudio"] == 3
    assert services.counts()["maxstudio.swap_job"] == 3


def test_shares_strike_alike_under_one_seed():
    one, same, other = Faults(mixture(0.2), 1), Faults(mixture(0.2), 1), Faults(mixture(0.2), 2)
    first = [one.draw("maxstudio.enhance") for _ in range(2000)]
    assert first == [same.draw("maxstudio.enhance") for _ in range(2000)]
    assert first != [other.draw("maxstudio.enhance") for _ in range(2000)]
    assert 0.17 < sum(drawn.answer is not None for drawn in first) / 2000 < 0.23
    jobs = {kind for kind, it in KINDS.items() if it.when == "job"} - {"result_expires"}
    assert set(one.applied["maxstudio.enhance"]) == {*TRANSIENT, *jobs, "latency"}


def test_an_unknown_fault_or_setting_is_told(services):
    with pytest.raises(ValueError, match="no fault 'flood'"):
        services.set_faults({"*": {"flood": 0.5}})
    with pytest.raises(ValueError, match="shares"):
        services.set_faults({"*": {"truncated": 0.6, "giant": 0.6}})
    with pytest.raises(ValueError, match="no setting"):
        services.set(speed=2)
    with pytest.raises(ValueError, match="no setting"):
        FakeServers(speed=2)


def test_the_log_holds_no_key_and_no_signature(client, services, lent):
    client.get(f"{services.maxstudio_url}/swap-image/probe?X-Amz-Signature=secret")
    assert "secret" not in str(services.log())
    assert "right" not in str(services.log())
    assert services.log()[-1]["key_sent"] is True


def test_the_server_survives_its_clients_and_ends_with_the_test():
    with FakeServers() as running:
        assert os.getsid(running.pid) != os.getsid(0)
        pid = running.pid
    with pytest.raises(ProcessLookupError):
        os.kill(pid, signal.SIG_DFL)


def test_the_s3_server_leaves_nothing_beside_its_folder(tmp_path):
    with S3Server(tmp_path / "s3") as server:
        assert Path(server.environment()["AWS_CONFIG_FILE"]).is_file()
    assert [path.name for path in tmp_path.iterdir()] == ["s3"]
