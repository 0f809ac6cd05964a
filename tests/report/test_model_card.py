"""The model card's lines run as they stand for the base that they name, and say what is true of it."""

import re
import warnings
from pathlib import Path

import pytest
from conf_sections import providers, settings
from doors import SeesHer
from ldm_file import write_single_file
from lora_runs import base_config, make_folder, random_base, run_in, train_config
from persona_folders import Folders
from persona_results import write_evaluation, write_training
from runs import run_of
from safetensors.torch import load, save

from likeness.config import Config, ItemsConfig
from likeness.dataset import DatasetConfig
from likeness.diffusion.config import BaseModelConfig
from likeness.ingest import IngestConfig
from likeness.lora.safetensors_io import read_metadata
from likeness.persona import Persona
from likeness.report import ReportConfig
from likeness.report.card import model_card
from likeness.report.collect import collect
from likeness.train.config import TrainConfig
from stages import dataset

PERSONA = settings(Persona, "persona/jade.yaml")


@pytest.fixture
def card(in_tmp, monkeypatch):
    """Writes the card of a base, and of a LoRA file where one is given; also gives the folder that it lies in."""
    monkeypatch.setattr("stages.dataset.PictureGate", SeesHer)
    folders = Folders(in_tmp)
    folders.everything((("s1", "t1"),))

    def write(base, lora=None) -> str:
        cfg = Config.model_construct(
            dataset=settings(DatasetConfig, "dataset/default.yaml", side_px=64),
            report=settings(ReportConfig, "report/default.yaml"),
            base=base,
            train=settings(TrainConfig, "train/default.yaml"),
            ingest=settings(IngestConfig, "ingest/default.yaml"),
            items=settings(ItemsConfig, "items/local.yaml"),
            **providers(),
        )
        dataset.main(run_of("dataset", cfg, PERSONA))
        write_training(folders)
        write_evaluation(folders)
        run = run_of("report", cfg, PERSONA)
        if lora is not None:
            run.paths.weights.write_bytes(lora)
        return model_card(run, collect(run))

    return write


def ran(text, monkeypatch, folder):
    """What the card's lines make, on a machine without a GPU."""
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    code = re.sub(r"torch\.b?float16", "torch.float32", code).replace('.to("cuda")', "")
    monkeypatch.chdir(folder)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # diffusers' own
        exec(compile(code, "the card", "exec"), made := {})
    return made


@pytest.fixture
def lora(in_tmp, tmp_path):
    """The file of a run of one step on SD 1.5's small random base."""
    settings = train_config("sd15", steps=1, warmup_steps=0)
    return run_in(tmp_path / "run", make_folder(tmp_path / "set"), settings, architecture="sd15").data


def test_the_lines_run_for_a_folder_and_leave_its_place_out(card, lora, monkeypatch, in_tmp):
    models = in_tmp / "models/jade"
    random_base("sd15").pipeline.save_pretrained(models / "my-base")
    text = card(base_config("sd15", source=str(models / "my-base"), seed=None), lora)
    made = ran(text, monkeypatch, models)
    assert made["image"].size == (128, 128)
    assert made["pipe"].get_list_adapters() == {"unet": ["default_0"]}
    assert str(in_tmp) not in text
    assert "DDIMScheduler" not in text


@pytest.mark.slow  # three networks are built, and one step of each is trained
@pytest.mark.parametrize("architecture", ["sdxl", "flux2", "zimage"])
def test_the_lines_run_for_each_family(card, monkeypatch, in_tmp, tmp_path, architecture):
    settings = train_config(architecture, steps=1, warmup_steps=0)
    lora = run_in(tmp_path / "run", make_folder(tmp_path / "set"), settings, architecture=architecture).data
    models = in_tmp / "models/jade"
    random_base(architecture).pipeline.save_pretrained(models / "my-base")
    made = ran(
        card(base_config(architecture, source=str(models / "my-base"), seed=None), lora), monkeypatch, models
    )
    assert made["image"].size[0] > 0
    assert [*made["pipe"].get_list_adapters().values()] == [["default_0"]]


def test_the_lines_for_a_file_that_predicts_v_say_so_to_diffusers(card, lora, monkeypatch, in_tmp):
    models, pipeline = in_tmp / "models/jade", random_base("sd15").pipeline
    pipeline.save_pretrained(models / "my-configuration")
    for weights in (models / "my-configuration").rglob("*.safetensors"):
        weights.unlink()
    write_single_file(pipeline, models / "v.safetensors")
    metadata = read_metadata(lora) | {"modelspec.prediction_type": "v", "ss_zero_terminal_snr": "True"}
    place = {"source": str(models / "v.safetensors"), "config": str(models / "my-configuration")}
    text = card(base_config("sd15", **place, seed=None), save(load(lora), metadata))
    scheduler = ran(text, monkeypatch, models)["pipe"].scheduler
    assert scheduler.config.prediction_type == "v_prediction"
    assert scheduler.config.rescale_betas_zero_snr
    assert str(in_tmp) not in text


def test_the_lines_draw_the_first_sample_by_the_settings_that_drew_it(card):
    text = card(settings(BaseModelConfig, "base/tiny.yaml"))
    (call,) = re.findall(r"image = pipe\((.*?)\n\)", text, re.DOTALL)
    said = dict(re.findall(r"^    (\w+)=(.*),$", call, re.MULTILINE))
    assert said == {
        "prompt": '"jade woman, a portrait"', "negative_prompt": '""', "height": "128", "width": "128",
        "num_inference_steps": "2", "guidance_scale": "2.0", "generator": 'torch.Generator("cpu").manual_seed(1)',
    }  # fmt: skip
    assert "pipe.set_adapters(pipe.get_active_adapters(), 0.8)" in text
    assert "negative_prompt" not in card(settings(BaseModelConfig, "base/flux2.yaml"))


def test_what_is_said_of_comfyui_is_of_that_base(card):
    assert "ComfyUI and other tools cannot load this base" in card(base_config())
    tiny = card(settings(BaseModelConfig, "base/tiny.yaml"))
    assert "ComfyUI loads this base with likeness's own node" in tiny
    assert (Path(__file__).parents[2] / "integrations/comfyui").is_dir()
    flux = card(settings(BaseModelConfig, "base/flux2.yaml"))
    assert "ComfyUI reads the file as it is" in flux
    assert "Forge" not in flux
