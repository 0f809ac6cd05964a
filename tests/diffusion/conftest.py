"""The fixtures of tests/lora_fixtures.py, and a single file with whatever a test wants to stand in it."""

import pytest
import torch
from ldm_file import write_single_file
from lora_fixtures import few_threads, folder, fresh
from lora_runs import base_config
from safetensors.torch import load_file, save_file

__all__ = ["few_threads", "folder", "fresh"]


@pytest.fixture
def single(tmp_path, in_tmp, fresh):
    """Writes an SD 1.5 file with further keys and metadata, and the folder of its configuration; settings to load it."""

    def write(
        keys=(),
        metadata=None,
        prediction="epsilon",
        *,
        scheduler=None,
        tensors=lambda found: found,
        **changes,
    ):
        pipeline = fresh("sd15").pipeline
        pipeline.scheduler.register_to_config(prediction_type=prediction, **(scheduler or {}))
        pipeline.save_pretrained(tmp_path / "model")
        for weights in (tmp_path / "model").rglob("*.safetensors"):
            weights.unlink()
        file = tmp_path / "model.safetensors"
        write_single_file(pipeline, file)
        save_file(tensors(load_file(file)) | {key: torch.zeros(0) for key in keys}, file, metadata)
        settings = {"source": str(file), "config": str(tmp_path / "model"), "seed": None}
        return base_config("sd15", **(settings | changes))

    return write
