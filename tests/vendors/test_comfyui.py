"""The client of ComfyUI against the fake server: what is drawn, lost, refused, and what a hostile answer does."""

import threading
from collections.abc import Iterator

import pytest

from fakes.server import FakeServers
from likeness.errors import ConfigError, JobLostError, LikenessError, RejectedError, TransientError
from likeness.http.rate_limit import Limits
from likeness.vendors.comfyui import ComfyUI, Progress
from likeness.vendors.comfyui_answers import lost_keys

LIMITS = Limits(
    in_flight=2, requests_per_minute=None, tokens_per_minute=None, connect_s=2, write_s=2, read_s=5, attempts=3,
    backoff_s=0.01, backoff_max_s=0.02, max_response_mb=2,
)  # fmt: skip
SETTINGS = {
    "comfy_ws": "fine", "comfy_queue_limit": 100, "comfy_restarts": 0, "comfy_draw_s": 0.0, "comfy_answers": "pictures",
    "comfy_lora_loads": True, "comfy_shows_log": True, "comfy_missing_nodes": [],
}  # fmt: skip
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def fakes() -> Iterator[FakeServers]:
    with FakeServers() as running:
        yield running


@pytest.fixture
def services(fakes: FakeServers) -> FakeServers:
    fakes.set(**SETTINGS)
    fakes.set_faults({})
    fakes.reset()
    return fakes


def server(services: FakeServers, **changes) -> ComfyUI:
    options = {"poll_s": 0.01, "job_limit_s": 20.0, "stop": threading.Event()} | changes
    return ComfyUI(base_url=services.comfyui_url, api_key_env=None, limits=LIMITS, **options)


def graph(lora: str | None = None, seed: int = 1) -> dict:
    nodes = {
        "size": {"class_type": "EmptyLatentImage", "inputs": {"width": 64, "height": 64, "batch_size": 1}},
        "text": {"class_type": "CLIPTextEncode", "inputs": {"text": "a woman"}},
        "draw": {"class_type": "KSampler", "inputs": {"seed": seed, "steps": 8}},
        "show": {"class_type": "PreviewImage", "inputs": {"images": ["draw", 0]}},
    }
    if lora is not None:
        nodes["lora"] = {"class_type": "LoraLoader", "inputs": {"lora_name": lora, "strength_model": 1.0}}
    return nodes


def test_a_workflow_becomes_a_picture_and_its_steps_are_told(services):
    services.set(comfy_draw_s=0.4)
    told: list[Progress] = []
    with server(services) as comfy:
        assert comfy.draw(graph(), output="show", on_progress=told.append).startswith(PNG)
    assert any(one.step and one.steps == 8 for one in told)


def test_a_lost_websocket_loses_the_progress_alone(services):
    services.set(comfy_ws="lost", comfy_draw_s=0.4)
    told: list[Progress] = []
    with server(services) as comfy:
        assert comfy.draw(graph(), output="show", on_progress=told.append).startswith(PNG)
    assert not any(one.steps for one in told)
    assert services.counts()["comfyui.prompt"] == 1


def test_a_server_that_restarts_gets_the_workflow_again(services):
    services.set(comfy_restarts=1)
    with server(services) as comfy:
        assert comfy.draw(graph(), output="show").startswith(PNG)
    assert services.counts()["comfyui.prompt"] == 2


def test_a_server_that_always_restarts_is_given_up(fakes):
    with (
        FakeServers(comfy_restarts=100) as services,
        server(services) as comfy,
        pytest.raises(JobLostError, match="forgot"),
    ):
        comfy.draw(graph(), output="show")


def test_a_full_queue_is_tried_again_and_then_told(services):
    services.set(comfy_queue_limit=0)
    with server(services) as comfy, pytest.raises(TransientError, match="queue is full"):
        comfy.draw(graph(), output="show")
    assert services.counts()["comfyui.prompt"] == LIMITS.attempts


def test_who_waits_is_told_how_many_are_before(services):
    services.set(comfy_draw_s=0.2)
    told: list[Progress] = []
    with server(services) as comfy:
        first = threading.Thread(target=lambda: comfy.draw(graph(seed=2), output="show"))
        first.start()
        while not services.counts().get("comfyui.queue"):
            pass
        comfy.draw(graph(), output="show", on_progress=told.append)
        first.join()
    assert told[0].ahead == 1


def test_what_a_node_refuses_is_told_with_the_remedy(services):
    with server(services) as comfy, pytest.raises(ConfigError) as caught:
        comfy.draw(graph(lora="nobody.safetensors"), output="show")
    assert (
        "node lora (LoraLoader): Value not in list: lora_name: 'nobody.safetensors'" in caught.value.message
    )
    assert "models/loras" in caught.value.remedy


def test_a_node_that_fails_is_named(services):
    services.set(comfy_answers="node_fails")
    with (
        server(services) as comfy,
        pytest.raises(RejectedError, match=r"KSampler.*shapes cannot be multiplied"),
    ):
        comfy.draw(graph(), output="show")


def test_nothing_that_moves_no_more_is_waited_for(services):
    services.set(comfy_draw_s=30.0)
    with server(services, job_limit_s=0.3) as comfy, pytest.raises(JobLostError, match="nothing moves"):
        comfy.draw(graph(), output="show")
    services.set(comfy_draw_s=0.0)


def test_a_run_that_is_to_end_ends(services):
    stop = threading.Event()
    services.set(comfy_draw_s=0.5)
    with server(services, stop=stop) as comfy:
        threading.Timer(0.2, stop.set).start()
        with pytest.raises(TransientError, match="stopped"):
            comfy.draw(graph(seed=9), output="show")


@pytest.mark.parametrize(
    ("answers", "error"),
    [("odd_name", RejectedError), ("huge_json", TransientError)],
)
def test_a_hostile_answer_is_an_error(services, answers, error):
    services.set(comfy_answers=answers)
    with server(services) as comfy, pytest.raises(error):
        comfy.draw(graph(), output="show")
    assert "comfyui.view" not in services.counts()


@pytest.mark.parametrize("fault", ["malformed", "wrong_type", "truncated", "drop_after", "server_error"])
def test_faults_that_pass_are_overcome(services, fault):
    services.set_faults({"comfyui.*": [fault]})
    with server(services) as comfy:
        assert comfy.draw(graph(), output="show").startswith(PNG)


def test_the_log_says_which_keys_were_not_loaded(services):
    services.set(comfy_lora_loads=False)
    with server(services) as comfy:
        comfy.draw(graph(lora="jade-v1.safetensors"), output="show")
        assert any(key.startswith("lora_unet_") for key in lost_keys(comfy.log() or []))


def test_a_server_without_a_log_is_no_fault(services):
    services.set(comfy_shows_log=False)
    with server(services) as comfy:
        assert comfy.log() is None


def test_a_node_that_the_server_lacks_has_no_choices(services):
    services.set(comfy_missing_nodes=["LikenessTinyBase"])
    with server(services) as comfy:
        assert comfy.choices("LikenessTinyBase", "") is None
        assert comfy.choices("LoraLoader", "lora_name") == ["jade-v1.safetensors"]
        assert comfy.version() == "0.30.0"


def test_a_server_that_is_not_there_is_told():
    comfy = ComfyUI(base_url="http://127.0.0.1:9", api_key_env=None, limits=LIMITS, poll_s=0.1, job_limit_s=1,
                    stop=threading.Event())  # fmt: skip
    with comfy, pytest.raises(LikenessError, match="ComfyUI"):
        comfy.draw(graph(), output="show")
