"""The registry: one contract over every provider, and nothing but a provider is ever built."""

import json
import re
import subprocess
import sys
from dataclasses import fields
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import acme
import pytest
import yaml
from conf_sections import ROOT, providers, section, settings
from doors import SeesHer
from paid import PRICES
from persona_folders import Folders
from persona_results import write_evaluation, write_training
from runs import run_of

from likeness.caption import CaptionConfig
from likeness.config import Config, ItemsConfig, load_config
from likeness.dataset import DatasetConfig
from likeness.diffusion.config import BaseModelConfig
from likeness.digests import sha256_bytes
from likeness.errors import ConfigError
from likeness.ingest import IngestConfig
from likeness.persona import Persona
from likeness.pipeline.manifest import read_manifest, write_manifest
from likeness.providers import TARGET, TASKS, build, installed, own, provider_class, registered
from likeness.purchases.buy import Buyer
from likeness.purchases.prices import Price
from likeness.report import ReportConfig
from likeness.train.config import TrainConfig
from stages import dataset, report


@pytest.fixture(autouse=True)
def _patterns_pass_the_datasets_door(monkeypatch):
    monkeypatch.setattr("stages.dataset.PictureGate", SeesHer)


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
# What the report reads beside the providers.
SECTIONS = {
    "dataset": (DatasetConfig, "default"),
    "report": (ReportConfig, "default"),
    "base": (BaseModelConfig, "tiny"),
    "train": (TrainConfig, "default"),
    "ingest": (IngestConfig, "default"),
    "items": (ItemsConfig, "local"),
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


@pytest.fixture
def foreign(in_tmp, monkeypatch) -> Path:
    """A folder of sys.path with a package that registers a provider."""
    (in_tmp / "site").mkdir()
    acme.install(in_tmp / "site")
    monkeypatch.syspath_prepend(in_tmp / "site")
    yield in_tmp / "site"
    sys.modules.pop("acme_captions", None)


def test_an_installed_packages_entry_point_registers_a_provider(foreign):
    assert installed("caption") == {acme.TARGET: "acme_captions:AcmeCaptioner"}
    assert installed("swap") == {}
    assert "acme_captions" not in sys.modules
    one = build("caption", yaml.safe_load(acme.CONF)["provider"])
    assert (one.name, one.remote, one.url) == ("acme", True, "http://127.0.0.1:1")


def test_a_package_that_does_not_import_or_lacks_a_part_is_refused_with_what_is_wrong(foreign):
    (foreign / "acme_captions.py").write_text("import no_such_module\n")
    with pytest.raises(ConfigError, match="no_such_module") as caught:
        provider_class("caption", acme.TARGET)
    assert caught.value.reason == "broken-provider"
    (foreign / "acme_captions.py").write_text(acme.PACKAGE.replace("def quote", "def guess"))
    sys.modules.pop("acme_captions", None)
    with pytest.raises(ConfigError, match="lacks quote"):
        provider_class("caption", acme.TARGET)


@pytest.mark.parametrize(
    "target",
    [
        "numpy.load",
        "pathlib.Path.write_text",
        "urllib.request.urlretrieve",
        "os.system",
        "likeness.store.items.ItemStore",
        "likeness.swap.Swapper",
        "likeness.swap.local.warp_face",
        "likeness.swap.local.LocalSwapper.swap",
        "likeness.enhance.lanczos.LanczosEnhancer",
        "acme_captions.AcmeCaptioner",
        "",
        None,
        7,
        ["likeness.swap.local.LocalSwapper"],
    ],
    ids=str,
)
def test_what_is_not_registered_is_refused_by_name_and_nothing_is_imported(target, tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.import_module", lambda name: pytest.fail(f"{name} is imported"))
    with pytest.raises(ConfigError) as caught:
        build("swap", {TARGET: target})
    for known in own("swap"):
        assert known in str(caught.value)
    values = yaml.safe_load((ROOT / "params.yaml").read_text())
    values["swap"]["provider"] = {TARGET: target}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(values))
    with pytest.raises(ConfigError) as caught:
        load_config(tmp_path / "params.yaml")
    assert "likeness.swap.local.LocalSwapper" in str(caught.value)


def test_no_other_place_of_the_settings_names_a_class(tmp_path):
    values = yaml.safe_load((ROOT / "params.yaml").read_text())
    values["ingest"]["near_duplicate"][TARGET] = "likeness.swap.local.LocalSwapper"
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(values))
    with pytest.raises(ConfigError, match=r"only train\.optimizer and swap\.provider, enhance"):
        load_config(tmp_path / "params.yaml")


API_ONLY = (
    "swap=maxstudio",
    "swap.provider.inputs_url=s3://bucket/inputs",
    "enhance=maxstudio",
    "caption=grok",
)
PROGRAM = """
import sys
from pathlib import Path
from likeness.config import load_config
import stages.swap, stages.enhance, stages.caption, stages.check
config = load_config(Path("params.yaml"))
for name in ("swap", "enhance", "caption"):
    getattr(config, name).built()
print([name for name in ("torch", "transformers", "diffusers", "peft", "mlflow") if name in sys.modules])
"""


def test_an_api_only_run_builds_its_providers_without_torch(tmp_path):
    from likeness.cli.compose import compose

    compose(ROOT, tmp_path / "params.yaml", API_ONLY)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert done.stdout.strip() == "[]", done.stderr


def test_the_report_tells_what_an_installed_packages_provider_cost(foreign):
    folders = Folders(Path.cwd())
    folders.everything((("s1", "t1"), ("s2", None)))
    manifest = read_manifest(folders.places.captions)
    paid = [entry.model_copy(update={"provider": "acme", "cost_usd": 0.03}) for entry in manifest.entries]
    write_manifest(folders.places.captions, paid, manifest.failures)
    listed = yaml.safe_load(acme.PRICE)["acme"]["caption"]
    config = Config.model_construct(
        **{name: settings(kind, f"{name}/{file}.yaml") for name, (kind, file) in SECTIONS.items()},
        **providers() | {"caption": CaptionConfig(**yaml.safe_load(acme.CONF))},
    )
    config.prices["acme"] = {"caption": Price(**listed)}
    persona = settings(Persona, "persona/jade.yaml")
    dataset.main(run_of("dataset", config, persona))
    write_training(folders)
    write_evaluation(folders)
    report.main(run_of("report", config, persona))
    table = folders.places.report_page.read_text().partition("<h3>Money</h3>")[2].partition("</table>")[0]
    assert re.findall(r"<td[^>]*>(.*?)</td>", table)[:6] == [
        "Caption",
        "acme",
        "2",
        "$0.03",
        "$0.06",
        "$0.06",
    ]


def test_every_number_that_a_provider_of_ours_takes_has_a_range():
    """`check` builds each and so refuses what makes no sense, before hours are spent on it."""
    free = [
        f"{provider.__name__}.{field.name}"
        for task in ("swap", "enhance", "caption")
        for name in own(task)
        for provider in [provider_class(task, name)]
        for field in fields(provider)
        if str(field.type) in ("<class 'int'>", "<class 'float'>")
        and not getattr(field.default, "metadata", ())
    ]
    assert free == []


@pytest.mark.parametrize(
    ("setting", "value"), [("erode", -1), ("feather", 0), ("outline_falloff", float("nan"))]
)
def test_a_number_of_the_swapper_that_makes_no_sense_is_refused(setting, value):
    swap = section("swap/local.yaml")
    with pytest.raises(ConfigError, match=setting):
        build("swap", dict(swap["provider"]) | {setting: value})
