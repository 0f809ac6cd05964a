"""Folders of all stages, as the stages leave them, and a training set of them."""

from pathlib import Path

import numpy as np
import pytest
from conf_sections import settings
from doors import SeesHer, seen
from persona_folders import Folders
from runs import run_of

from likeness.config import Config, ItemsConfig
from likeness.dataset import DatasetConfig
from likeness.errors import InputError
from likeness.ingest import IngestConfig
from likeness.persona import Persona
from likeness.pipeline.manifest import read_manifest, write_manifest
from likeness.safety.identity import RESNET, SFACE, vectors_json
from likeness.train.door import admit
from stages.dataset import main as dataset

PAIRS = (("s1", "t1"), ("s2", "t1"), ("s3", None))


PERSONA = settings(Persona, "persona/jade.yaml")


CONFIG = Config.model_construct(
    dataset=settings(DatasetConfig, "dataset/default.yaml", side_px=64, repeats=10, max_failure_ratio=1.0),
    ingest=settings(IngestConfig, "ingest/default.yaml"),
    items=settings(ItemsConfig, "items/local.yaml"),
)


@pytest.fixture
def folders(in_tmp, monkeypatch) -> Folders:
    monkeypatch.setattr("stages.dataset.PictureGate", SeesHer)
    made = Folders(in_tmp)
    made.everything(PAIRS)
    return made


def lay(folder: Path, change) -> None:
    """Edit a folder's manifest as a person would: `change` gives the entries that stand there then."""
    manifest = read_manifest(folder)
    write_manifest(folder, change(list(manifest.entries)), manifest.failures)


STRANGER = vectors_json({SFACE: np.eye(1, 128, 5, np.float32)[0], RESNET: np.eye(1, 128, 5, np.float32)[0]})


SEEN = {
    "explicit": ({"explicit": 0.9}, "explicit"),
    "not rated": ({"explicit": None}, "not-rated"),
    "no face": ({"faces": []}, "unknown-face"),
    "a stranger": (seen(**STRANGER), "unknown-face"),
    "a stranger beside her": ({"faces": [*seen()["faces"], *seen(side_px=60.0, **STRANGER)["faces"]]}, "unknown-face"),
    "a child": (seen(age_years=8.0), "apparent-child"),
    "a child beside her": ({"faces": [*seen()["faces"], *seen(age_years=7.0, **STRANGER)["faces"]]}, "apparent-child"),
    "a minor beside her": ({"faces": [*seen()["faces"], *seen(age_years=15.0, **STRANGER)["faces"]]}, "apparent-minor"),
    "like her to one embedder": (seen(**vectors_json({SFACE: np.eye(1, 128, dtype=np.float32)[0],
                                                      RESNET: np.eye(1, 128, 5, np.float32)[0]})), "unknown-face"),
}  # fmt: skip


@pytest.fixture
def training_set(folders) -> Path:
    dataset(run_of("dataset", CONFIG, PERSONA))
    return folders.places.lora_training


def refusal(gate=None) -> InputError:
    with pytest.raises(InputError) as caught:
        admit(run_of("train", CONFIG, PERSONA), gate or SeesHer())
    return caught.value


A_FACE = {"embedding": np.eye(1, 128, dtype=np.float32)[0].tolist(), "yaw_deg": 5.0}
