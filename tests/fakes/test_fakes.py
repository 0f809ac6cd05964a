"""The fake servers keep to the vendors' contracts, and every fault they promise really happens."""

import base64
import hashlib
import io
import time
from typing import Any

import httpx
import pytest
from fake_orders import BOX, JOB_WITHIN_S, SCHEMA, ask, finished, order, png, question, swapped
from PIL import Image

from fakes.server import FakeServers
from likeness.faces import FaceAnalyzer, similarity
from likeness.images import decode_rgb, load_rgb


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


@pytest.mark.slow
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
