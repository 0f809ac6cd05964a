"""What a change costs: the pages docs/adding-*.md are followed in a copy of the repository, and the graph runs there.

The goals are those of the house, tests and docs aside: a stage or a base family 3 files, a provider, a LoRA kind and a trainer 2, a
gate, an optimizer, a manifest column and a metric 1.
"""

import json
import shutil
import sys

import pytest
from guides import commands, follow, touched
from safetensors import safe_open

from likeness.pipeline.manifest import read_manifest
from tools.repository_clone import ROOT, SHORT, RepositoryClone

pytestmark = pytest.mark.slow

JADE = "data/jade"


def type_commands(page: str, clone: RepositoryClone) -> None:
    """Run what the page tells to type."""
    for command in commands(page):
        clone.run(*command)


def check_style(clone: RepositoryClone) -> None:
    """What was written passes the checks of style and layers."""
    files = [name for name in touched(clone) if name.endswith(".py")]
    clone.run("ruff", "check", *files)
    clone.run("ruff", "format", "--check", *files)
    clone.run("lint-imports")


def test_a_stage_costs_three_files(enhanced):
    follow("adding-a-stage.md", enhanced)
    assert touched(enhanced) == {"likeness/pipeline/stage.py", "stages/thumbnail.py", "dvc.yaml"}
    check_style(enhanced)
    type_commands("adding-a-stage.md", enhanced)
    manifest = read_manifest(enhanced.folder / JADE / "thumbnails")
    images = read_manifest(enhanced.folder / JADE / "enhanced").entries
    assert [entry.id for entry in manifest.entries] == [entry.id for entry in images] != []
    assert max(manifest.entries[0].width, manifest.entries[0].height) == 128
    assert touched(enhanced) == {"likeness/pipeline/stage.py", "stages/thumbnail.py", "dvc.yaml"}
    assert enhanced.repro("thumbnail@jade") == ["check"]
    assert "thumbnail" in enhanced.run("python", "-m", "likeness", "summary").stdout
    (enhanced.folder / "tests").mkdir()
    for name in ("test_dvc.py", "conftest.py", "signing.py", "temporary.py", "conf_sections.py"):
        shutil.copy(ROOT / "tests" / name, enhanced.folder / "tests")
    enhanced.run("python", "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/test_dvc.py")


def test_a_provider_costs_two_files(enhanced):
    follow("adding-a-provider.md", enhanced)
    assert touched(enhanced) == {"likeness/swap/paste.py", "conf/swap/paste.yaml"}
    check_style(enhanced)
    type_commands("adding-a-provider.md", enhanced)
    swaps = [entry for entry in read_manifest(enhanced.folder / JADE / "swapped").entries if entry.target]
    assert {(entry.provider, entry.neural) for entry in swaps} == {("paste", False)}
    assert touched(enhanced) == {"likeness/swap/paste.py", "conf/swap/paste.yaml"}


def test_a_base_family_costs_three_files(enhanced):
    """Its tiny random twin passes the contract of all families (tests/diffusion/)."""
    files = {"likeness/diffusion/families/sd2.py", "conf/base/sd2.yaml", "conf/experiment/sd2.yaml"}
    follow("adding-a-base.md", enhanced)
    assert touched(enhanced) == files
    check_style(enhanced)
    type_commands("adding-a-base.md", enhanced)
    assert touched(enhanced) == files
    (enhanced.folder / "tests").mkdir()
    for path in [*(ROOT / "tests").glob("*.py"), ROOT / "tests" / "diffusion"]:
        copy = shutil.copytree if path.is_dir() else shutil.copy
        copy(path, enhanced.folder / "tests" / path.name)
    twin = ("tests/diffusion/test_bases.py", "tests/diffusion/test_generate.py", "-k", "sd2 and not slow")
    said = enhanced.run("python", "-m", "pytest", "-q", "-p", "no:cacheprovider", *twin).stdout
    assert "passed" in said


def test_a_gate_costs_one_file(enhanced):
    follow("adding-a-gate.md", enhanced)
    assert touched(enhanced) == {"likeness/safety/gates.py"}
    check_style(enhanced)
    caption = enhanced.folder / JADE / "captions_override" / "jade-s1.txt"
    caption.write_text("jade woman, in an Acme shirt")
    enhanced.dvc("repro", "caption@jade")
    manifest = read_manifest(enhanced.folder / JADE / "captions")
    refused = {failure.id: (failure.reason, failure.remedy) for failure in manifest.failures}
    assert refused == {"jade-s1": ("caption-brand", "leave the brand out")}
    assert len(manifest.entries) > 5


@pytest.mark.long
def test_an_optimizer_costs_one_file(enhanced):
    follow("adding-an-optimizer.md", enhanced)
    assert touched(enhanced) == {"conf/train/optimizer/rmsprop.yaml"}
    type_commands("adding-an-optimizer.md", enhanced)
    weights = enhanced.folder / "models/jade/jade-v1.safetensors"
    with safe_open(weights, framework="np") as file:
        assert "RMSprop" in file.metadata()["ss_optimizer"]
    assert touched(enhanced) == {"conf/train/optimizer/rmsprop.yaml"}


def insert(clone: RepositoryClone, file: str, above: str, line: str) -> None:
    """Put a line above the one that begins so."""
    path = clone.folder / file
    text = path.read_text()
    assert text.count(above) == 1
    path.write_text(text.replace(above, f"{line}\n{above}"))


@pytest.mark.long
def test_a_kind_of_lora_costs_one_file_and_a_trainer_two(enhanced):
    """Both in one training: of a kind whose lower matrices begin otherwise, by a trainer that says whose it is."""
    kind = enhanced.folder / "likeness/lora/kinds/gaussian.py"
    kind.write_text('''"""A LoRA whose lower matrices begin as peft's `gaussian` draws them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from likeness.lora.kinds.lora import Lora

if TYPE_CHECKING:
    from likeness.lora.config import AdapterConfig


class Gaussian(Lora):
    """A file of it is a LoRA's."""

    NAME = "gaussian"

    @classmethod
    def settings(cls, cfg: AdapterConfig, layers: list[str]) -> Any:
        """See Lora."""
        settings = super().settings(cfg, layers)
        settings.init_lora_weights = "gaussian"
        return settings


KIND = Gaussian
''')
    assert touched(enhanced) == {"likeness/lora/kinds/gaussian.py"}
    trainer = enhanced.folder / "likeness/train/aloud.py"
    trainer.write_text('''"""The native loop, aloud."""

import sys

from likeness.run import Run
from likeness.train.native.trainer import NativeTrainer
from likeness.train.trainer import TrainingResult


class AloudTrainer:
    """Says whose LoRA it makes, of which kind."""

    def train(self, run: Run) -> TrainingResult | None:
        """See Trainer."""
        sys.stderr.write(f"aloud: {run.persona.name}, {run.config.train.lora.kind}\\n")
        return NativeTrainer().train(run)
''')
    line = '    "aloud": ("likeness.train.aloud", "AloudTrainer"),'
    insert(enhanced, "likeness/train/__init__.py", '    "kohya"', line)
    made = {"likeness/lora/kinds/gaussian.py", "likeness/train/aloud.py", "likeness/train/__init__.py"}
    assert touched(enhanced) == made
    check_style(enhanced)
    enhanced.run(
        "python", "-m", "likeness", "params", "train.lora.kind=gaussian", "train.trainer=aloud", *SHORT
    )
    assert "aloud: jade, gaussian\n" in enhanced.dvc("repro", "train@jade")
    with safe_open(enhanced.folder / "models/jade/jade-v1.safetensors", framework="np") as file:
        assert file.metadata()["ss_network_module"] == "networks.lora"
    assert touched(enhanced) == made


def test_a_manifest_column_costs_one_file(enhanced):
    """Written once, it is in the line of every later stage."""
    column = "    camera: str | None = None"
    insert(enhanced, "likeness/pipeline/manifest.py", "    pdq: str | None = None", column)
    assert touched(enhanced) == {"likeness/pipeline/manifest.py"}
    check_style(enhanced)
    manifest = enhanced.folder / JADE / "swapped" / "manifest.jsonl"
    lines = [json.loads(line) for line in manifest.read_text().splitlines()]
    manifest.unlink()  # it may be a link into DVC's cache
    manifest.write_text("".join(json.dumps(line | {"camera": f"of {line['id']}"}) + "\n" for line in lines))
    for stage in ("resize", "enhance", "caption", "dataset"):
        enhanced.run("python", "-m", f"stages.{stage}", "jade")
    made = enhanced.folder / "models/jade/lora_training/manifest.jsonl"
    entries = [json.loads(line) for line in made.read_text().splitlines()]
    assert entries
    assert {entry["camera"] for entry in entries} == {f"of {entry['id']}" for entry in entries}


def test_a_metric_costs_one_file(enhanced):
    """tests/report/test_metrics.py renders the page and the card with it."""
    follow("adding-a-metric.md", enhanced)
    assert touched(enhanced) == {"likeness/report/metrics/faces.py"}
    check_style(enhanced)
    program = "from likeness.report.metrics import metrics; print([metric.words for metric in metrics()])"
    assert "'samples with a face'" in enhanced.run(sys.executable, "-c", program).stdout


def test_a_provider_that_needs_torch_adds_no_line_to_a_lint_file(enhanced):
    path = enhanced.folder / "likeness" / "enhance" / "doubled.py"
    path.write_text('''"""Every pixel four times, by torch."""

import dataclasses
from typing import ClassVar

import torch
from pydantic.dataclasses import dataclass

from likeness.enhance import Enhanced
from likeness.images import RGB
from likeness.providers import Local
from likeness.store.items import Json


@dataclass(frozen=True, kw_only=True)
class DoubledEnhancer(Local):
    """Enlarges by `scale`."""

    scale: int

    name: ClassVar[str] = "doubled"
    neural: ClassVar[bool] = False

    def identity(self) -> dict[str, Json]:
        """The settings."""
        return {"name": self.name, **dataclasses.asdict(self)}

    def enhance(self, rgb: RGB, *, item: str = "") -> Enhanced:
        """Enlarge uint8 [H, W, 3] RGB to [scale * H, scale * W, 3]."""
        pixels = torch.from_numpy(rgb)
        return Enhanced(rgb=pixels.repeat_interleave(self.scale, 0).repeat_interleave(self.scale, 1).numpy())
''')
    conf = enhanced.folder / "conf" / "enhance" / "doubled.yaml"
    conf.write_text(
        "defaults: [_images, _self_]\n\n"
        "provider: {_target_: likeness.enhance.doubled.DoubledEnhancer, scale: 2}\n"
    )
    assert touched(enhanced) == {"likeness/enhance/doubled.py", "conf/enhance/doubled.yaml"}
    check_style(enhanced)
    program = "import sys, likeness.plan, stages.enhance, stages.check; sys.exit('torch' in sys.modules)"
    enhanced.run(sys.executable, "-c", program)
    enhanced.run("python", "-m", "likeness", "params", "enhance=doubled")
    enhanced.dvc("repro", "enhance@jade")
    made = {entry.provider for entry in read_manifest(enhanced.folder / JADE / "enhanced").entries}
    assert "doubled" in made
