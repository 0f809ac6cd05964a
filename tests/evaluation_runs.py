"""The stage `evaluate` on a random base: its settings, its LoRA, and the folders that it reads."""

from pathlib import Path

import numpy as np
import pytest
import torch
from conf_sections import section, settings
from doors import SeesHer
from known_faces import known_face
from persona_folders import Folders
from runs import run_of
from safetensors.torch import save_file

from likeness.config import Config, ItemsConfig, TrackingConfig
from likeness.dataset import DatasetConfig
from likeness.diffusion.config import BaseModelConfig
from likeness.diffusion.families.sd import SDXL
from likeness.evaluate import ChoiceConfig, EvaluateConfig
from likeness.faces import to_json
from likeness.ingest import IngestConfig
from likeness.persona import Persona
from likeness.train.config import TrainConfig
from stages import dataset

PERSONA = settings(Persona, "persona/jade.yaml")
LAYER = "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn1_to_v"


def on_cpu() -> TrainConfig:
    values = section("train/default.yaml")
    values["system"]["device"] = "cpu"
    return TrainConfig.model_validate(values)


def config(**changes) -> Config:
    options = {
        "prompts": ["{trigger} {class_word}", "a tree"],
        "seeds": [3],
        "steps": 1,
        "side_px": 64,
        "cell_px": 64,
    }
    return Config.model_construct(
        dataset=settings(DatasetConfig, "dataset/default.yaml", side_px=64),
        evaluate=settings(EvaluateConfig, "evaluate/default.yaml", **options | changes),
        choice=settings(ChoiceConfig, "choice/default.yaml"),
        base=settings(BaseModelConfig, "base/tiny_random.yaml"),
        train=on_cpu(),
        ingest=settings(IngestConfig, "ingest/default.yaml"),
        items=settings(ItemsConfig, "items/local.yaml"),
        tracking=TrackingConfig(enabled=False, uri="sqlite:///unused.db", experiment="test"),
    )


def write_lora(folders: Folders, strength: float) -> None:
    """A LoRA on one layer of the tiny UNet's middle."""
    width = SDXL.TINY_NETWORK["block_out_channels"][-1]
    tensors = {
        f"{LAYER}.lora_down.weight": torch.randn(2, width, generator=torch.Generator().manual_seed(0)),
        f"{LAYER}.lora_up.weight": strength * torch.linspace(-1, 1, 2 * width).reshape(width, 2),
        f"{LAYER}.alpha": torch.tensor(2.0),
    }
    save_file(tensors, folders.places.weights)


def ready_folders(in_tmp: Path, monkeypatch: pytest.MonkeyPatch) -> Folders:
    """Everything that the stage reads, with a training set of a swap and a photograph."""
    monkeypatch.setattr("stages.dataset.PictureGate", SeesHer)  # patterns pass the dataset's door
    made = Folders(in_tmp)
    made.everything((("s1", "t1"), ("s2", None)))
    dataset.main(run_of("dataset", config(), PERSONA))
    for name in ("s1", "s2", "s9", "t1"):
        face = to_json(known_face(np.eye(128)[int(name[1:]) % 3].tolist(), yaw_deg=5.0))
        made.face(name, face)
    write_lora(made, 5.0)
    return made
