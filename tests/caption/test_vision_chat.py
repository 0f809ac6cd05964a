"""Captions bought from xAI and from OpenAI-compatible servers, against fake servers that speak their APIs."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from paid import PRICES, buyer_at, each_look_takes_a_second, provider

from fakes.server import FakeServers
from likeness.caption import Described
from likeness.caption.openai import completion_text
from likeness.caption.vision_answer import strip_fence
from likeness.errors import AuthError, ConfigError, InputError, QuotaError, TransientError
from likeness.purchases.buy import Buyer

RGB = np.random.default_rng(0).integers(0, 255, (60, 40, 3), np.uint8)
KEY = "planted-xai-key"


@pytest.fixture(scope="module")
def services() -> Iterator[FakeServers]:
    with FakeServers(keys={"xai": KEY}) as running:
        yield running


@pytest.fixture(autouse=True)
def _fresh(services: FakeServers, monkeypatch: pytest.MonkeyPatch) -> None:
    services.set_faults({})
    services.set(rating="sfw", batch_s=0.0)
    services.reset()
    monkeypatch.setenv("XAI_API_KEY", KEY)


def grok(services: FakeServers, buyer: Buyer, **changes) -> Described:
    with provider("caption/grok", {"base_url": services.xai_url, **changes}).opened(buyer) as captioner:
        return captioner.describe(RGB, face=None, swapped=False)


def openai(services: FakeServers, buyer: Buyer, **changes) -> Described:
    chosen = provider("caption/openai", **{"base_url": services.openai_url, "model": "llava", **changes})
    with chosen.opened(buyer) as captioner:
        return captioner.describe(RGB, face=None, swapped=False)


def test_groks_caption_costs_what_its_usage_says_and_is_bought_once(services, tmp_path):
    buyer = buyer_at(tmp_path)
    first, again = grok(services, buyer), grok(services, buyer_at(tmp_path))
    assert first == again
    assert first.text.startswith("a ")
    assert 0 < first.cost_usd < 0.0039
    assert buyer.spending.total_usd == pytest.approx(first.cost_usd)
    assert [purchase.what for purchase in services.purchases()] == ["xai.responses"]


def batched(services: FakeServers, buyer: Buyer, rgb=RGB, **changes) -> Described:
    settings = {"base_url": services.xai_url, "poll_s": 0.02, "job_limit_s": 2, **changes}
    with provider("caption/grok_batch", settings).opened(buyer) as captioner:
        return captioner.describe(rgb, face=None, swapped=False)


def test_a_batch_costs_less_and_shares_its_captions_with_single_calls(services, tmp_path):
    buyer = buyer_at(tmp_path)
    cheaper, same = batched(services, buyer), grok(services, buyer)
    alone = grok(services, buyer_at(tmp_path / "other"))
    assert cheaper == same
    assert cheaper.text == alone.text
    assert cheaper.cost_usd == pytest.approx(0.8 * alone.cost_usd)
    assert [purchase.what for purchase in services.purchases()] == ["xai.batch", "xai.responses"]


def test_a_set_goes_into_one_batch_and_a_stopped_run_is_gone_on_with(services, tmp_path):
    pictures = [np.roll(RGB, n, axis=0) for n in range(6)]
    services.set(batch_s=600.0)
    settings = {"base_url": services.xai_url, "poll_s": 0.02, "job_limit_s": 60}
    first = buyer_at(tmp_path)

    def stop_when_all_are_ordered() -> None:
        while services.counts().get("xai.batch_add", 0) < len(pictures):
            time.sleep(0.01)
        first.stop.set()

    threading.Thread(target=stop_when_all_are_ordered, daemon=True).start()

    def tried(captioner, rgb) -> str:
        try:
            return captioner.describe(rgb, face=None, swapped=False).text
        except TransientError as error:
            return error.reason

    with (
        provider("caption/grok_batch", settings).opened(first) as captioner,
        ThreadPoolExecutor(6) as pool,
    ):
        assert set(pool.map(lambda rgb: tried(captioner, rgb), pictures)) == {"stopped"}
    services.set(batch_s=0.0)
    with (
        provider("caption/grok_batch", settings).opened(buyer_at(tmp_path)) as captioner,
        ThreadPoolExecutor(6) as pool,
    ):
        assert len(set(pool.map(lambda rgb: tried(captioner, rgb), pictures)) - {"stopped"}) > 1
    assert services.counts()["xai.batches"] == 1
    assert services.counts()["xai.batch_add"] == 6


@pytest.mark.parametrize("fault", ["job_fails", "job_stuck"])
def test_a_lost_request_of_a_batch_is_ordered_again(services, tmp_path, fault, monkeypatch):
    each_look_takes_a_second(monkeypatch)
    services.set_faults({"xai.batch_add": [fault, None]})
    buyer = buyer_at(tmp_path)
    assert batched(services, buyer, job_limit_s=30).text
    assert buyer.spending.in_doubt == 1


def test_nothing_is_stored_at_xai(services, tmp_path):
    grok(services, buyer_at(tmp_path))
    assert [entry["store"] for entry in services.log() if entry["endpoint"] == "xai.responses"] == [False]


def test_a_model_the_key_may_not_use_is_told_before_anything_is_paid(services, tmp_path):
    buyer = buyer_at(tmp_path)
    with pytest.raises(ConfigError, match="no price for 'grok-99 input'"):
        grok(services, buyer, model="grok-99")
    prices = {
        **PRICES,
        "xai": {f"grok-99 {kind}": PRICES["openai"][f"local {kind}"] for kind in ("input", "output")},
    }
    buyer.spending.prices = prices
    with pytest.raises(ConfigError, match="may not use 'grok-99'"):
        grok(services, buyer, model="grok-99")
    assert services.purchases() == []


def test_an_address_that_is_not_there_stops_at_once_and_costs_nothing(services, tmp_path):
    buyer = buyer_at(tmp_path)
    with pytest.raises(ConfigError, match="no such address or model") as caught:
        openai(services, buyer, base_url=f"{services.openai_url}/v2")
    assert "caption.provider.base_url" in caught.value.remedy
    assert buyer.spending.total_usd == 0


def test_a_wrong_key_and_used_up_credits_stop_at_once(services, tmp_path, monkeypatch):
    services.set_faults({"xai.responses": ["credits"]})
    with pytest.raises(QuotaError) as caught:
        grok(services, buyer_at(tmp_path))
    assert caught.value.reason == "credits"
    assert services.counts()["xai.responses"] == 1
    monkeypatch.setenv("XAI_API_KEY", "wrong")
    with pytest.raises(AuthError, match="does not know the key"):
        grok(services, buyer_at(tmp_path))


def test_a_rate_limit_is_waited_for(services, tmp_path):
    services.set_faults({"xai.responses": ["rate_limit", None]})
    assert grok(services, buyer_at(tmp_path)).text
    assert services.counts()["xai.responses"] == 2


@pytest.mark.parametrize("ask", [grok, openai])
def test_an_explicit_rating_refuses_the_picture_and_is_not_asked_for_twice(services, tmp_path, ask):
    services.set(rating="explicit")
    for _ in range(2):
        with pytest.raises(InputError) as caught:
            ask(services, buyer_at(tmp_path))
        assert (caught.value.kind, caught.value.reason) == ("refused", "caption-explicit")
    assert len(services.purchases()) == 1


@pytest.mark.parametrize("ask", [grok, openai])
def test_an_answer_that_is_not_what_was_asked_for_was_paid_and_is_asked_again(services, tmp_path, ask):
    endpoint = "xai.responses" if ask is grok else "openai.chat"
    services.set_faults({endpoint: ["nonsense", None]})
    buyer = buyer_at(tmp_path)
    assert ask(services, buyer).text
    assert buyer.spending.in_doubt == 1
    assert len(services.purchases()) == 2


def test_a_local_server_needs_no_key_and_costs_nothing(services, tmp_path):
    buyer = buyer_at(tmp_path, max_usd=0)
    assert openai(services, buyer).cost_usd == 0
    assert buyer.spending.purchases == 1


def test_other_questions_other_models_and_other_servers_are_other_items(services):
    one = provider("caption/openai", model="llava")
    others = [
        provider("caption/openai", model="qwen-vl"),
        provider("caption/openai", model="llava", prompt="Say it in French."),
        provider("caption/openai", model="llava", base_url="https://models.example.org/v1"),
    ]
    same = provider(
        "caption/openai", model="llava", api_key_env="VLLM_API_KEY", seconds=1, limits={"attempts": 1}
    )
    assert len({str(each.identity()) for each in (one, *others)}) == 4
    assert same.identity() == one.identity()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"caption": "a"}', '{"caption": "a"}'),
        ('```json\n{"caption": "a"}\n```', '{"caption": "a"}'),
        ("no json", "no json"),
        ("} {", "} {"),
    ],
)
def test_the_json_is_found_in_what_small_models_write_around_it(text, expected):
    assert strip_fence(text) == expected


@pytest.mark.parametrize(
    "output", [None, [], ["x"], [{"content": [{"type": "output_text"}]}], [{"content": "x"}]]
)
def test_a_response_without_text_has_none(output):
    assert provider("caption/grok").text({"output": output}) == ""


@pytest.mark.parametrize(
    "answer", [{}, {"choices": []}, {"choices": [{"message": {"content": None}}]}, {"choices": [1]}]
)
def test_a_completion_without_text_has_none(answer):
    assert completion_text(answer) == ""


@pytest.mark.parametrize("ask", [grok, openai])
def test_an_answer_without_text_was_paid_and_is_asked_again(services, tmp_path, monkeypatch, ask):
    texts = iter(["", '{"caption": "a hat", "rating": "sfw"}'])
    kind = "grok.GrokCaptioner" if ask is grok else "openai.OpenAICaptioner"
    monkeypatch.setattr(f"likeness.caption.{kind}.text", lambda self, answer: next(texts))
    buyer = buyer_at(tmp_path)
    assert ask(services, buyer).text == "a hat"
    assert buyer.spending.in_doubt == 1
