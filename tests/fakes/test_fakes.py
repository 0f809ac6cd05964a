"""The fake servers keep to the vendors' contracts, and every fault they promise really happens."""

import base64
import hashlib
import http.server
import io
import os
import signal
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from fakes.faults import KINDS, TRANSIENT, Faults, mixture
from fakes.s3 import S3Server
from fakes.server import FakeServers
from likeness.faces import FaceAnalyzer, similarity
from likeness.images import decode_rgb, load_rgb

MODEL = "grok-4.20-0309-non-reasoning"
SCHEMA = {
    "type": "object",
    "properties": {"caption": {"type": "string"}, "rating": {"enum": ["sfw", "review"]}},
}
JOB_WITHIN_S = 30.0
BOX = {"x": 20, "y": 20, "width": 40, "height": 40}


@pytest.fixture(scope="module")
def services() -> Iterator[FakeServers]:
    with FakeServers(swap="echo", detect="middle", keys={"maxstudio": "right", "xai": "right"}) as running:
        yield running


@pytest.fixture(autouse=True)
def _fresh(services: FakeServers) -> None:
    services.set_faults({})
    services.reset()


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lent")
    for name, colour in (("red", (200, 40, 30)), ("blue", (20, 40, 220)), ("grey", (128, 128, 128))):
        Image.new("RGB", (96, 80), colour).save(folder / f"{name}.png")
    return folder


@pytest.fixture(scope="module")
def lent(pictures: Path) -> Iterator[str]:
    """The address of a bucket's worth of pictures; `/tests/photos` are the synthetic people."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: Any) -> None: ...

    for name in ("sources", "targets"):
        (pictures / name).symlink_to(Path(__file__).parents[1] / "photos" / name)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=pictures))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    headers = {"x-api-key": "right", "Authorization": "Bearer right"}
    with httpx.Client(headers=headers, timeout=30, trust_env=False) as one:
        yield one


def order(
    client: httpx.Client, services: FakeServers, lent: str, target: str = "grey", **change: Any
) -> httpx.Response:
    body = {
        "mediaUrl": f"{lent}/{target}.png?X-Amz-Signature=s",
        "faces": [{"originalFace": BOX, "newFace": f"{lent}/red.png"}],
    }
    return client.post(f"{services.maxstudio_url}/swap-image", json=body | change)


def finished(client: httpx.Client, url: str) -> dict[str, Any]:
    """The job's answer when it runs no longer."""
    deadline = time.monotonic() + JOB_WITHIN_S
    while (answer := client.get(url).json())["status"] in {"queued", "processing"}:
        assert time.monotonic() < deadline, answer
        time.sleep(0.02)
    return answer


def swapped(client: httpx.Client, services: FakeServers, ordered: httpx.Response) -> dict[str, Any]:
    return finished(client, f"{services.maxstudio_url}/swap-image/{ordered.json()['jobId']}")


def png(colour: tuple[int, int, int] = (90, 120, 60)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (40, 30), colour).save(buffer, "PNG")
    return buffer.getvalue()


def question(data: bytes, **change: Any) -> dict[str, Any]:
    url = f"data:image/png;base64,{base64.b64encode(data).decode()}"
    content = [
        {"type": "input_image", "image_url": url, "detail": "high"},
        {"type": "input_text", "text": "One sentence."},
    ]
    return {"model": MODEL, "store": False, "input": [{"role": "user", "content": content}], **change}


def ask(client: httpx.Client, services: FakeServers, **change: Any) -> httpx.Response:
    return client.post(f"{services.xai_url}/responses", json=question(png(), **change))


def test_a_swap_is_detected_ordered_polled_and_downloaded(client, services, lent):
    detected = client.post(
        f"{services.maxstudio_url}/detect-face-image", json={"imageUrl": f"{lent}/grey.png"}
    ).json()
    assert set(detected["detectedFaces"][0]) == {"x", "y", "width", "height"}
    answer = swapped(client, services, order(client, services, lent))
    picture = client.get(answer["result"]["mediaUrl"])
    assert picture.headers["content-type"] == "image/png"
    pixels = decode_rgb(picture.content)
    assert pixels.shape == (80, 96, 3)
    assert (pixels[0, 0] == 128).all()
    assert (pixels[40, 40] != 128).any()


def test_one_input_is_booked_under_one_digest_whatever_its_signature(client, services, lent):
    for _ in range(2):
        swapped(client, services, order(client, services, lent))
    order(client, services, lent, target="blue")
    bought = services.purchases()
    assert [purchase.what for purchase in bought] == ["maxstudio.swap"] * 3
    assert bought[0] == bought[1] != bought[2]
    assert services.bookings()[0]["delivered"] is False


def test_the_chosen_face_gets_the_sources_face(lent, synthetic_people, client):
    with FakeServers() as real:
        target = f"{lent}/targets/01_hana.jpg"
        slow = httpx.Timeout(60)
        boxes = client.post(
            f"{real.maxstudio_url}/detect-face-image", json={"imageUrl": target}, timeout=slow
        ).json()
        face = {"originalFace": boxes["detectedFaces"][0], "newFace": f"{lent}/sources/jade_01.jpg"}
        ordered = client.post(f"{real.maxstudio_url}/swap-image", json={"mediaUrl": target, "faces": [face]})
        result = decode_rgb(client.get(swapped(client, real, ordered)["result"]["mediaUrl"]).content)
        outside = {"originalFace": {"x": 0, "y": 0, "width": 5, "height": 5}, "newFace": face["newFace"]}
        refused = client.post(
            f"{real.maxstudio_url}/swap-image", json={"mediaUrl": target, "faces": [outside]}
        )
        assert swapped(client, real, refused) == {
            "status": "failed",
            "error": "No face of mediaUrl is in originalFace",
        }
    analyzer = FaceAnalyzer()
    source, before = (
        load_rgb(synthetic_people / name) for name in ("sources/jade_01.jpg", "targets/01_hana.jpg")
    )
    jade, hana, now = (analyzer.faces(rgb)[0].embedding for rgb in (source, before, result))
    assert similarity(now, jade) > similarity(now, hana)


def test_an_enlargement_has_exactly_twice_the_size(client, services):
    ordered = client.post(
        f"{services.maxstudio_url}/image-enhancer", json={"image": base64.b64encode(png()).decode()}
    )
    answer = finished(client, f"{services.maxstudio_url}/image-enhancer/{ordered.json()['jobId']}")
    assert decode_rgb(base64.b64decode(answer["result"])).shape == (60, 80, 3)
    assert services.purchases()[0].digest == hashlib.sha256(png()).hexdigest()


def test_maxstudio_refuses_as_the_vendor_does(client, services, lent):
    url = services.maxstudio_url
    wrong = {"x-api-key": "wrong"}
    nested = [{"originalFace": BOX, "newFace": {"imageUrl": f"{lent}/red.png"}}]
    s3 = "https://bucket.s3.amazonaws.com/key?X-Amz-Signature=s"
    assert client.get(f"{url}/swap-image/probe", headers=wrong).status_code == 500
    assert client.get(f"{url}/swap-image/probe").json() == {"status": "not-found"}
    assert order(client, services, lent, faces=nested).status_code == 400
    assert (
        client.post(f"{url}/detect-face-image", json={"imageUrl": "data:image/png;base64,AA"}).status_code
        == 500
    )
    assert client.post(f"{url}/detect-face-image", json={"imageUrl": s3}).status_code == 307
    assert order(client, services, lent, mediaUrl=s3).status_code == 307
    assert client.post(f"{url}/image-enhancer", json={"image": "data:image/png;base64,AA"}).status_code == 400
    assert services.purchases() == []


def test_an_input_that_cannot_be_fetched_fails_a_job_that_is_billed(client, services, lent):
    for target in (f"{lent}/missing.png?X-Amz-Signature=s", "https://example.com/picture.png"):
        answer = swapped(client, services, order(client, services, lent, mediaUrl=target))
        assert answer["status"] == "failed"
        assert "Could not download" in answer["error"]
    assert len(services.purchases()) == 2


def test_captions_follow_from_the_image_and_the_schema(client, services):
    answer = ask(
        client, services, text={"format": {"type": "json_schema", "name": "c", "schema": SCHEMA}}
    ).json()
    (content,) = answer["output"][0]["content"]
    assert content["type"] == "output_text"
    assert set(httpx.Response(200, text=content["text"]).json()) == {"caption", "rating"}
    assert answer["usage"]["input_tokens"] > 256
    assert ask(client, services).json()["output"][0]["content"][0]["text"] in content["text"]
    assert [entry["store"] for entry in services.log()] == [False, False]
    assert services.purchases()[0].digest == hashlib.sha256(png()).hexdigest()


def test_xai_refuses_flatly(client, services):
    gif = io.BytesIO()
    Image.new("P", (8, 8)).save(gif, "GIF")
    with httpx.Client(trust_env=False) as nobody:
        none = ask(nobody, services)
    wrong = client.get(f"{services.xai_url}/language-models", headers={"Authorization": "Bearer wrong"})
    no_gif = client.post(f"{services.xai_url}/responses", json=question(gif.getvalue()))
    answers = [wrong, none, ask(client, services, model="grok-0"), ask(client, services, input=[{}]), no_gif]
    assert [answer.status_code for answer in answers] == [400, 401, 404, 422, 400]
    assert all(set(answer.json()) == {"code", "error"} for answer in answers)
    assert wrong.json()["error"].startswith("Incorrect API key provided")
    assert services.purchases() == []


def test_an_openai_compatible_server_asks_for_no_key(services):
    url = question(png())["input"][0]["content"][0]["image_url"]
    content = [{"type": "text", "text": "One sentence."}, {"type": "image_url", "image_url": {"url": url}}]
    schema = {"type": "json_schema", "json_schema": {"name": "c", "strict": True, "schema": SCHEMA}}
    body = {"model": "any", "messages": [{"role": "user", "content": content}], "response_format": schema}
    answer = httpx.post(f"{services.openai_url}/chat/completions", json=body, trust_env=False).json()
    assert '"rating": "sfw"' in answer["choices"][0]["message"]["content"]
    assert set(answer["usage"]) == {"prompt_tokens", "completion_tokens", "total_tokens"}
    assert httpx.get(f"{services.openai_url}/models", trust_env=False).json()["object"] == "list"


def batch_results(client: httpx.Client, url: str, requests: int) -> list[dict[str, Any]]:
    deadline = time.monotonic() + JOB_WITHIN_S
    while (state := client.get(url).json()["state"])["num_requests"] < requests or state["num_pending"]:
        assert time.monotonic() < deadline, state
    pages, token = [], ""
    while token is not None:
        page = client.get(f"{url}/results", params={"limit": 1, "pagination_token": token}).json()
        pages, token = pages + page["results"], page["pagination_token"]
    return pages


def test_a_batch_is_filled_inline_and_read_page_by_page(client, services):
    batch = client.post(f"{services.xai_url}/batches", json={"name": "captions"}).json()
    url = f"{services.xai_url}/batches/{batch['batch_id']}"
    wanted = [
        {"batch_request_id": name, "batch_request": {"responses": body}}
        for name, body in (("b", question(png())), ("a", question(b"no picture")))
    ]
    assert client.post(f"{url}/requests", json={"batch_requests": wanted}).status_code == 200
    blind = [{"batch_request": {"responses": question(png(), model="grok-4.5")}}]
    assert (
        "not supported for batch"
        in client.post(f"{url}/requests", json={"batch_requests": blind}).json()["error"]
    )
    first, second = batch_results(client, url, 2)
    assert first == {"batch_request_id": "a", "batch_result": {"error": "the image cannot be decoded"}}
    whole = second["batch_result"]["response"]["chat_get_completion"]
    assert whole["choices"][0]["message"]["content"]
    assert whole["usage"]["cost_in_usd_ticks"] > 0
    assert [purchase.what for purchase in services.purchases()] == ["xai.batch"]


def test_a_batch_is_filled_from_a_file_or_cancelled_for_a_bad_line(client, services):
    line = httpx.Request("POST", "http://x", json={"custom_id": "a", "method": "POST", "url": "/v1/responses", "body": question(png())})  # fmt: skip  # noqa: E501
    for data, bad in ((line.content, False), (line.content + b"\n{", True)):
        uploaded = client.post(f"{services.xai_url}/files", files={"file": ("batch.jsonl", data)}).json()
        batch = client.post(
            f"{services.xai_url}/batches", json={"name": "n", "input_file_id": uploaded["id"]}
        ).json()
        assert batch["state"]["num_requests"] == 0
        url = f"{services.xai_url}/batches/{batch['batch_id']}"
        if bad:
            assert "line 2" in client.get(url).json()["cancel_by_xai_message"]
        else:
            assert batch_results(client, url, 1)[0]["batch_request_id"] == "a"
            assert client.post(f"{url}/requests", json={"batch_requests": []}).status_code == 412


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
        {"xai.models": [{"fault": "latency", "s": 0.3}, {"fault": "drip", "every_s": 0.05}, "giant"]}
    )
    began = time.monotonic()
    url = f"{services.xai_url}/language-models"
    assert client.get(url).status_code == 200
    assert time.monotonic() - began >= 0.3
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
    services.set_faults({"maxstudio.swap_job": {"latency": {"share": 1, "s": 1.5}}})
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
