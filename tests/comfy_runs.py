"""A persona with a LoRA of the tiny base, and the settings with which a ComfyUI server is tried."""

from pathlib import Path

import numpy as np
import torch
from conf_sections import section, settings
from known_faces import known_face
from persona_folders import Folders
from runs import run_of

from likeness.comfy import ComfyConfig
from likeness.config import Config, ItemsConfig, TrackingConfig
from likeness.dataset import DatasetConfig
from likeness.diffusion.config import BaseModelConfig
from likeness.diffusion.load import load_base
from likeness.evaluate import EvaluateConfig
from likeness.faces import to_json
from likeness.ingest import IngestConfig
from likeness.lora.adapter import add_lora
from likeness.lora.export import kohya_tensors
from likeness.lora.safetensors_io import weights_bytes
from likeness.persona import Persona
from likeness.run import Run
from likeness.train.config import TrainConfig

PERSONA = settings(Persona, "persona/jade.yaml")
QUICK = {"attempts": 3, "backoff_s": 0.01, "backoff_max_s": 0.02, "connect_s": 2, "read_s": 20}


def config(base_url: str, *, evaluate: dict[str, object] | None = None, **comfy: object) -> Config:
    """The tiny base, one prompt and seed, and a server; `comfy` changes settings of that section."""
    values = section("comfy/default.yaml")
    limits = values["limits"] | QUICK | comfy.pop("limits", {})
    train = section("train/default.yaml")
    train["system"]["device"] = "cpu"
    drawn = {
        "prompts": ["{trigger} {class_word}, a portrait (front)"],
        "seeds": [3],
        "side_px": 64,
        "cell_px": 64,
    }
    return Config.model_construct(
        comfy=ComfyConfig.model_validate(values | {"base_url": base_url, "poll_s": 0.05, "limits": limits} | comfy),
        dataset=settings(DatasetConfig, "dataset/default.yaml", side_px=64),
        evaluate=settings(EvaluateConfig, "evaluate/default.yaml", **drawn | (evaluate or {})),
        base=settings(BaseModelConfig, "base/tiny.yaml"),
        train=TrainConfig.model_validate(train),
        ingest=settings(IngestConfig, "ingest/default.yaml"),
        items=settings(ItemsConfig, "items/local.yaml"),
        tracking=TrackingConfig(enabled=False, uri="sqlite:///unused.db", experiment="test"),
    )  # fmt: skip


def persona_folders(root: Path) -> Folders:
    """What the stages before evaluate leave behind, with one held-out photograph, and no LoRA."""
    made = Folders(root)
    made.everything((("s1", "t1"), ("s2", None)))
    for name in ("s1", "s2", "s9", "t1"):
        face = to_json(known_face(np.eye(128)[int(name[1:]) % 3].tolist(), yaw_deg=5.0))
        made.face(name, face)
    made.places.weights.parent.mkdir(parents=True, exist_ok=True)
    return made


def write_lora(path: Path, *, size: float = 0.02) -> dict[str, torch.Tensor]:
    """A LoRA of every layer that the demo trains, text encoders too, with weights that change what is drawn."""
    base = load_base(settings(BaseModelConfig, "base/tiny.yaml"), device="cpu")
    adapter = settings(TrainConfig, "train/default.yaml").lora
    random = torch.Generator().manual_seed(7)
    parameters = add_lora(base, adapter, seed=7, text_encoders=True)
    drawn = {
        name: size * torch.randn(parameter.shape, generator=random)
        if ".lora_B." in name
        else parameter.detach()
        for name, parameter in parameters.items()
    }
    tensors = kohya_tensors(base, drawn, alpha=adapter.file_alpha, dtype=torch.float32)
    path.write_bytes(weights_bytes(tensors, {}))
    return tensors


def trial_run(cfg: Config) -> Run:
    """A run of `likeness comfy test`."""
    return run_of("evaluate", cfg, PERSONA)
