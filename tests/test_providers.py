"""One contract over every registered provider."""

import json
from dataclasses import fields
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from conf_sections import ROOT, section
from paid import PRICES

from likeness.digests import sha256_bytes
from likeness.errors import ConfigError
from likeness.providers import TARGET, TASKS, build, registered
from likeness.purchases.buy import Buyer

NETWORK = b"a network"
# What only a user has, for the settings that conf/ leaves open.
OF_A_USER: dict[str, dict[str, Any]] = {
    "likeness.swap.onnx.OnnxSwapper": {
        "swapper": "network",
        "swapper_sha256": sha256_bytes(NETWORK),
        "recogniser": "network",
        "recogniser_sha256": sha256_bytes(NETWORK),
        "licence": "made up",
    },
    "likeness.swap.maxstudio.MaxStudioSwapper": {"inputs_url": "s3://bucket/inputs"},
    "likeness.enhance.superres.SuperresEnhancer": {
        "weights": "network",
        "sha256": sha256_bytes(NETWORK),
        "licence": "made up",
    },
    "likeness.caption.openai.OpenAICaptioner": {"model": "llava"},
    "likeness.caption.vlm.VlmCaptioner": {"model": "a/b", "revision": "a" * 40, "licence": "made up"},
}
METHODS = {"swap": "swap", "enhance": "enhance", "caption": "describe"}
# What each task's Protocol gives `purchase_key`.
FACE = SimpleNamespace(box_px=(1.0, 2.0, 3.0, 4.0))
ORDERS = {"swap": ("a" * 64, "b" * 64, FACE), "enhance": ("a" * 64,), "caption": ("a" * 64,)}
OTHERS = {"swap": ("a" * 64, "c" * 64, FACE), "enhance": ("c" * 64,), "caption": ("c" * 64,)}
REGISTERED = [(task, target) for task in TASKS for target in registered(task)]


@cache  # not at import: each worker of the tests imports every module
def settings_in_conf() -> dict[str, dict[str, Any]]:
    """The provider's settings of every file in conf/, by its class."""
    found = {}
    for task in TASKS:
        for path in sorted((ROOT / "conf" / task).glob("[a-z]*.yaml")):
            settings = section(f"{task}/{path.name}")["provider"]
            found[settings[TARGET]] = settings
    return found


@pytest.fixture
def made(in_tmp, monkeypatch):
    """Builds a provider as conf/ has it; the files of a user are there."""
    settings = settings_in_conf()
    Path("network").write_bytes(NETWORK)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: SimpleNamespace(name=name))
    return lambda task, target: build(task, {**settings[target], **OF_A_USER.get(target, {})})


def test_every_registered_provider_has_a_file_in_conf_and_the_other_way_round():
    assert {target for _, target in REGISTERED} == settings_in_conf().keys()


@pytest.mark.parametrize("said", ["none", " Unknown ", "x"])
@pytest.mark.parametrize(
    ("task", "target"),
    [one for one in REGISTERED if "licence" in OF_A_USER.get(one[1], {})],
    ids=lambda value: value.rpartition(".")[2],
)
def test_a_network_of_the_users_needs_a_licence(task, target, said, made, monkeypatch):
    monkeypatch.setitem(OF_A_USER[target], "licence", said)
    with pytest.raises(ConfigError, match="say which licence allows the use of this network"):
        made(task, target)


@pytest.mark.parametrize(("task", "target"), REGISTERED, ids=lambda value: value.rpartition(".")[2])
class TestContract:
    """Everything that a stage may ask of a provider (likeness.providers.Provider)."""

    def test_says_who_it_is_and_what_it_is(self, task, target, made):
        one = made(task, target)
        assert one.name
        assert one.name == one.name.lower()
        assert {type(one.remote), type(one.neural)} == {bool}
        assert isinstance(one.in_flight, int)
        assert one.in_flight >= 1
        assert one.api_key_env is None or one.api_key_env.isupper()

    def test_identity_is_json_and_stable_and_holds_no_secret_and_no_place(self, task, target, made):
        one = made(task, target)
        told = json.dumps(one.identity(), sort_keys=True)
        assert told == json.dumps(made(task, target).identity(), sort_keys=True)
        assert json.loads(told) == one.identity()
        assert one.identity()["name"] == one.name
        assert one.api_key_env is None or one.api_key_env not in told
        assert str(Path.cwd()) not in told

    def test_who_asks_for_money_quotes_it_and_who_has_no_price_is_refused(self, task, target, made):
        one = made(task, target)
        quote = one.quote(PRICES)
        assert (quote is not None) == one.remote
        if quote is not None:
            assert quote.calls >= 1
            assert quote.usd >= 0
            assert quote.seconds > 0
            with pytest.raises(ConfigError, match="has no price"):
                one.quote({})

    def test_a_purchase_has_a_key_of_its_content(self, task, target, made):
        one = made(task, target)
        key, again, other = (one.purchase_key(*of) for of in (ORDERS[task], ORDERS[task], OTHERS[task]))
        assert key == again
        if one.quote(PRICES) is None:
            assert key is None
        else:
            assert len(key) == 64
            assert key != other

    def test_opens_without_a_key_or_a_server_and_has_the_tasks_method(
        self, task, target, made, buyer: Buyer, monkeypatch
    ):
        one = made(task, target)
        if one.api_key_env:
            monkeypatch.delenv(one.api_key_env, raising=False)
        monkeypatch.setattr("socket.socket.connect", lambda *_: pytest.fail("it connects before it is asked"))
        with one.opened(buyer) as worker:
            assert callable(getattr(worker, METHODS[task]))

    def test_settings_are_frozen_and_strict(self, task, target, made):
        one = made(task, target)
        name = next(iter(fields(one))).name
        with pytest.raises((AttributeError, TypeError)):
            setattr(one, name, getattr(one, name))
        with pytest.raises(ConfigError, match="no such setting") as caught:
            build(task, {**settings_in_conf()[target], **OF_A_USER.get(target, {}), "colour": "red"})
        assert f"{task}.provider.colour" in str(caught.value)
