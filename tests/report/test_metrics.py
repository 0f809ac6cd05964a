"""The figures of the report: a module each, as docs/adding-a-metric.md says."""

import re
import warnings
from pathlib import Path

import pytest
import torch
from conf_sections import providers, settings
from diffusers import StableDiffusionXLPipeline
from doors import SeesHer
from guides import BLOCK, DOCS
from persona_folders import Folders
from persona_results import write_evaluation, write_training
from runs import run_of
from safetensors.torch import save_file

from likeness.config import Config, ItemsConfig
from likeness.dataset import DatasetConfig
from likeness.diffusion.config import BaseModelConfig
from likeness.diffusion.load import TINY_FOLDER
from likeness.ingest import IngestConfig
from likeness.persona import Persona
from likeness.report import ReportConfig, metrics
from likeness.report.card import model_card
from likeness.report.collect import collect
from likeness.report.page import page
from likeness.train.config import TrainConfig
from stages import dataset


@pytest.fixture(autouse=True)
def _patterns_pass_the_datasets_door(monkeypatch):
    monkeypatch.setattr("stages.dataset.PictureGate", SeesHer)


PAIRS = (("s1", "t1"), ("s2", None))
PERSONA = settings(Persona, "persona/jade.yaml")


@pytest.fixture
def run(in_tmp):
    folders = Folders(in_tmp)
    folders.everything(PAIRS)
    cfg = Config.model_construct(
        dataset=settings(DatasetConfig, "dataset/default.yaml", side_px=64),
        report=settings(ReportConfig, "report/default.yaml"),
        base=settings(BaseModelConfig, "base/tiny.yaml"),
        train=settings(TrainConfig, "train/default.yaml"),
        ingest=settings(IngestConfig, "ingest/default.yaml"),
        items=settings(ItemsConfig, "items/local.yaml"),
        **providers(),
    )
    dataset.main(run_of("dataset", cfg, PERSONA))
    write_training(folders)
    write_evaluation(folders)
    return run_of("report", cfg, PERSONA)


def test_the_guides_metric_costs_one_file(run, tmp_path, monkeypatch):
    (block,) = BLOCK.finditer((DOCS / "adding-a-metric.md").read_text())
    folder, name = block["file"].rsplit("/", 1)
    assert folder == "likeness/report/metrics"
    got = collect(run)
    for text in (page(run, got), model_card(run, got)):
        assert "amples with a face" not in text
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / name).write_text(block["text"])
    monkeypatch.setattr(metrics, "__path__", [*metrics.__path__, str(tmp_path / "more")])
    assert "<dt>samples with a face</dt><dd>2 of 2</dd>" in page(run, got)
    assert "- Samples with a face: 2 of 2\n" in model_card(run, got)


def test_what_is_not_known_is_not_shown(run, monkeypatch):
    got = collect(run)
    known = metrics.Metric(words="known", place="dataset", read=lambda _: "1", note=lambda _: ": a note")
    unknown = metrics.Metric(words="unknown", place="dataset", read=lambda _: None)
    monkeypatch.setattr(metrics, "metrics", lambda: [unknown, known])
    assert metrics.figures(got, "dataset") == [("known: a note", "1")]
    assert metrics.figures(got, "samples") == []


@pytest.mark.slow
def test_the_cards_lines_for_the_tiny_base_run_as_written(run, monkeypatch, tmp_path):
    write_lora(run.paths.weights)
    text = model_card(run, collect(run))
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    monkeypatch.chdir(run.paths.models)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # diffusers' own
        exec(compile(code, "the card", "exec"), made := {})
    assert made["image"].size == (128, 128)
    assert "unet" in made["pipe"].get_list_adapters()
    assert "ComfyUI loads this base with likeness's own node" in text


def write_lora(path: Path) -> None:
    """A LoRA on one layer of the tiny base, under the names that training writes."""
    layer = "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn1_to_v"
    unet = StableDiffusionXLPipeline.from_pretrained(str(TINY_FOLDER)).unet
    width = unet.mid_block.attentions[0].transformer_blocks[0].attn1.to_v.weight.shape[0]
    tensors = {
        f"{layer}.lora_down.weight": torch.ones(2, width),
        f"{layer}.lora_up.weight": torch.ones(width, 2),
        f"{layer}.alpha": torch.tensor(2.0),
    }
    save_file(tensors, path, metadata={"ss_network_module": "networks.lora"})
