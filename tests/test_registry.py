"""The registry of providers: installed packages, what is refused by name, and what an API-only run loads."""

import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import acme
import pytest
import yaml
from conf_sections import ROOT, providers, section, settings
from doors import SeesHer
from persona_folders import Folders
from persona_results import write_evaluation, write_training
from runs import run_of

from likeness.caption import CaptionConfig
from likeness.config import Config, ItemsConfig, load_config
from likeness.dataset import DatasetConfig
from likeness.diffusion.config import BaseModelConfig
from likeness.errors import ConfigError
from likeness.ingest import IngestConfig
from likeness.persona import Persona
from likeness.pipeline.manifest import read_manifest, write_manifest
from likeness.providers import TARGET, build, installed, own, provider_class
from likeness.purchases.prices import Price
from likeness.report import ReportConfig
from likeness.train.config import TrainConfig
from stages import dataset, report

# What the report reads beside the providers.
SECTIONS = {
    "dataset": (DatasetConfig, "default"),
    "report": (ReportConfig, "default"),
    "base": (BaseModelConfig, "tiny"),
    "train": (TrainConfig, "default"),
    "ingest": (IngestConfig, "default"),
    "items": (ItemsConfig, "local"),
}


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


def test_the_report_tells_what_an_installed_packages_provider_cost(foreign, monkeypatch):
    monkeypatch.setattr("stages.dataset.PictureGate", SeesHer)  # patterns pass the dataset's door
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
