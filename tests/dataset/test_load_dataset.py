"""Hugging Face's `datasets` reads images with their captions, from the folder and from the unpacked zip."""

import json
import os
import subprocess
import sys
import zipfile

import pytest
from conf_sections import settings
from doors import SeesHer
from persona_folders import Folders
from runs import run_of

from likeness.config import Config, ItemsConfig
from likeness.dataset import DatasetConfig
from likeness.ingest import IngestConfig
from likeness.persona import Persona
from stages.dataset import main

pytestmark = pytest.mark.slow

PAIRS = (("s1", "t1"), ("s2", "t1"), ("s2", "t2"), ("s10", None))
READ = """
import json, sys
from datasets import load_dataset
rows = load_dataset(*json.loads(sys.argv[1]), **json.loads(sys.argv[2]), split="train")
print(json.dumps([[row["text"], row["sha256"], row["image"].size] for row in rows]))
"""


def read(tmp_path, *arguments, **options) -> list:
    """What `load_dataset` makes of it, in a process of its own without a network."""
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}
    options |= {"cache_dir": str(tmp_path / "cache")}
    command = [sys.executable, "-c", READ, json.dumps(arguments), json.dumps(options)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@pytest.mark.parametrize("packed", [False, True])
def test_load_dataset_gives_images_with_captions(in_tmp, packed, monkeypatch):
    monkeypatch.setattr("stages.dataset.PictureGate", SeesHer)
    folders = Folders(in_tmp)
    folders.everything(PAIRS)
    cfg = Config.model_construct(
        dataset=settings(DatasetConfig, "dataset/default.yaml", side_px=64, max_failure_ratio=0.5),
        ingest=settings(IngestConfig, "ingest/default.yaml"),
        items=settings(ItemsConfig, "items/local.yaml"),
    )
    main(run_of("dataset", cfg, settings(Persona, "persona/jade.yaml")))
    folder = in_tmp / folders.places.lora_training
    if packed:
        folder = in_tmp / "unpacked"
        with zipfile.ZipFile(folders.places.dataset_zip) as archive:
            archive.extractall(folder)
    lines = map(json.loads, folders.places.dataset_metadata.read_text().splitlines())
    expected = sorted([line["text"], line["sha256"], [64, 64]] for line in lines)
    assert len(expected) == len(PAIRS)
    assert sorted(read(in_tmp, str(folder))) == expected
    assert sorted(read(in_tmp, "imagefolder", data_dir=str(folder))) == expected
    if packed:
        archive = str((in_tmp / folders.places.dataset_zip).resolve())
        assert sorted(read(in_tmp, "imagefolder", data_files=archive)) == expected
