"""Keys sent where they do not belong: another host, another variable, plain http, a redirect, an error's words."""

import pytest

from likeness.errors import ConfigError
from likeness.http.auth import Auth
from likeness.http.client import Client
from likeness.http.keys import ALLOWED_HOSTS, KEY_HOSTS, check_place
from likeness.http.rate_limit import Limits
from likeness.providers import build
from likeness.strict_yaml import read_yaml
from tools.repository_clone import ROOT

LIMITS = Limits(
    in_flight=1, requests_per_minute=None, tokens_per_minute=None, connect_s=1, write_s=1, read_s=1, attempts=1, backoff_s=0,
    backoff_max_s=0, max_response_mb=1,
)  # fmt: skip

MAXSTUDIO, XAI = "MAXSTUDIO_API_KEY", "XAI_API_KEY"
REFUSED = {
    "a cloud's secret over plain http": ("http://collect.example", "AWS_SECRET_ACCESS_KEY", "not-https"),
    "a cloud's secret over https": ("https://collect.example", "AWS_SECRET_ACCESS_KEY", "unknown-key"),
    "a cloud's secret to this machine": ("http://127.0.0.1:9000", "AWS_SECRET_ACCESS_KEY", "unknown-key"),
    "a forge's token": ("https://api.x.ai/v1", "GITHUB_TOKEN", "unknown-key"),
    "any other variable": ("https://api.x.ai/v1", "HOME", "unknown-key"),
    "a vendor's key to another host": ("https://collect.example/v1", XAI, "key-elsewhere"),
    "one vendor's key to another vendor": ("https://api.x.ai/v1", MAXSTUDIO, "key-elsewhere"),
    "a vendor's key over plain http": ("http://api.x.ai/v1", XAI, "not-https"),
    "a host that begins like the vendor's": ("https://api.x.ai.collect.example", XAI, "key-elsewhere"),
    "a host that ends like the vendor's": ("https://evilapi.x.ai", XAI, "key-elsewhere"),
    "the vendor's name as user": ("https://api.x.ai@collect.example/v1", XAI, "key-elsewhere"),
    "this machine's name as a label": ("http://127.0.0.1.collect.example", XAI, "not-https"),
    "localhost as a label": ("http://localhost.collect.example", XAI, "not-https"),
    "a machine of the network": ("http://192.168.1.7:8000/v1", XAI, "not-https"),
    "pictures over plain http": ("http://192.168.1.7:8000/v1", None, "not-https"),
    "another scheme": ("ftp://api.x.ai", XAI, "not-https"),
}


@pytest.fixture(autouse=True)
def _nothing_allowed(monkeypatch):
    monkeypatch.delenv(ALLOWED_HOSTS, raising=False)


@pytest.mark.parametrize(("url", "env", "reason"), REFUSED.values(), ids=REFUSED)
def test_a_key_goes_nowhere_else(url, env, reason, monkeypatch):
    monkeypatch.setenv(env or "UNUSED", "planted-secret")
    with pytest.raises(ConfigError) as caught:
        check_place("vendor", url, env)
    assert caught.value.reason == reason
    assert "planted-secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "env"),
    [
        ("https://api.x.ai/v1", XAI), ("https://eu-west-1.api.x.ai/v1", XAI), ("https://api.maxstudio.ai", MAXSTUDIO),
        ("http://127.0.0.1:8765/xai/v1", XAI), ("http://[::1]:1/v1", XAI), ("http://localhost:11434/v1", None),
        ("https://models.example.org/v1", None),
    ],
)  # fmt: skip
def test_a_key_goes_to_its_vendor_and_to_this_machine(url, env):
    check_place("vendor", url, env)


def test_the_environment_allows_one_host_for_one_key(monkeypatch):
    monkeypatch.setenv(ALLOWED_HOSTS, "OPENAI_API_KEY=llm.example.org, MY_KEY=api.example.org http=nas.local")
    check_place("vendor", "https://llm.example.org/v1", "OPENAI_API_KEY")
    check_place("vendor", "https://api.example.org/v1", "MY_KEY")
    check_place("vendor", "http://nas.local:8000", None)
    for url, env in (
        ("https://llm.example.org", XAI),
        ("http://llm.example.org", "OPENAI_API_KEY"),
        ("http://nas.local", XAI),
    ):
        with pytest.raises(ConfigError):
            check_place("vendor", url, env)


@pytest.mark.parametrize("env", ["AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "GITHUB_TOKEN", "HF_TOKEN"])
def test_nothing_allows_a_clouds_key(env, monkeypatch):
    monkeypatch.setenv(ALLOWED_HOSTS, f"{env}=api.example.org")
    with pytest.raises(ConfigError):
        check_place("vendor", "https://api.example.org", env)


def test_a_providers_own_code_may_name_its_hosts():
    auth = Auth(header="x-key", scheme="", env="ACME_KEY", hosts=("api.acme.example",))
    Client("Acme", "https://api.acme.example", auth=auth, limits=LIMITS, stop=None)
    with pytest.raises(ConfigError):
        Client("Acme", "https://collect.example", auth=auth, limits=LIMITS, stop=None)


@pytest.mark.parametrize(
    ("task", "choice"), [("swap", "maxstudio"), ("enhance", "maxstudio"), ("caption", "grok")]
)
@pytest.mark.parametrize(
    "change",
    [{"base_url": "http://collect.example"}, {"api_key_env": "AWS_SECRET_ACCESS_KEY"}],
    ids=["host", "variable"],
)
def test_a_provider_of_such_settings_is_not_even_built(task, choice, change):
    vendor = read_yaml(ROOT / f"conf/vendor/{'xai' if choice == 'grok' else choice}.yaml", remedy="")
    limits = read_yaml(ROOT / "conf/vendor/_limits.yaml", remedy="")["limits"]
    own = read_yaml(ROOT / f"conf/{task}/{choice}.yaml", remedy="")["provider"]
    common = {} if choice != "grok" else read_yaml(ROOT / "conf/caption/_vision.yaml", remedy="")["provider"]
    s3 = {"endpoint_url": None, "region": None, "profile": None}
    settings = common | vendor | own | {"limits": limits | vendor.get("limits", {})}
    settings = {key: value for key, value in settings.items() if key != "defaults"}
    settings |= {"s3": s3, "inputs_url": "s3://bucket/inputs"} if task == "swap" else {}
    build(task, settings)
    with pytest.raises(ConfigError) as caught:
        build(task, settings | change)
    assert caught.value.reason in ("not-https", "unknown-key")


def test_every_variable_of_conf_is_known():
    for path in (ROOT / "conf").rglob("*.yaml"):
        values = read_yaml(path, remedy="") or {}
        for section in (values, values.get("provider") or {}):
            if isinstance(section, dict) and section.get("api_key_env"):
                assert section["api_key_env"] in KEY_HOSTS
