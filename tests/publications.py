"""A small publication in a folder, made by `publish` itself, and the repository that it came from."""

import os
import sys
from pathlib import Path

import numpy as np
import yaml
from conf_sections import providers, settings
from doors import SeesHer
from persona_folders import Folders
from persona_results import write_evaluation, write_training
from runs import run_of
from safetensors.numpy import save_file

from fakes.s3 import S3Server
from likeness.config import Config, ItemsConfig
from likeness.dataset import DatasetConfig
from likeness.diffusion.config import BaseModelConfig
from likeness.digests import sha256_file
from likeness.ingest import IngestConfig
from likeness.marks.config import MarksConfig
from likeness.paths import PersonaPaths, RepositoryPaths
from likeness.persona import Persona
from likeness.pipeline.manifest import read_manifest, write_manifest
from likeness.publish import publish
from likeness.publish.origins import Check
from likeness.publish.verify import verify
from likeness.report import ReportConfig
from likeness.safety.consent import load_consent
from likeness.store.s3_config import FROM_ENVIRONMENT, PublishConfig
from likeness.train.config import TrainConfig
from stages import dataset, report

PICTURE = "images/jade-s1-t1-sfw-enhanced.jpg"
ARCHIVE = "jade_lora_dataset.zip"
WEIGHTS = "jade-v1.safetensors"
PAIRS = (("s1", "t1"), ("s2", None))
PERSONA = settings(Persona, "persona/jade.yaml")


def config(url: str) -> Config:
    """Settings of a persona's tiny repository that publishes to `url`."""
    return Config.model_construct(
        dataset=settings(DatasetConfig, "dataset/default.yaml", side_px=64),
        report=settings(ReportConfig, "report/default.yaml"),
        base=settings(BaseModelConfig, "base/tiny_random.yaml"),
        train=settings(TrainConfig, "train/default.yaml"),
        ingest=settings(IngestConfig, "ingest/default.yaml"),
        items=settings(ItemsConfig, "items/local.yaml"),
        marks=settings(MarksConfig, "marks/default.yaml"),
        **providers(),
        s3=FROM_ENVIRONMENT,
        publish=PublishConfig(url=url),
    )


def publish_in(root: Path, pairs: tuple[tuple[str, str | None], ...] = PAIRS) -> Path:
    """Make the repository in `root`, publish to root/out, and give the publication's folder."""
    before, gate = Path.cwd(), dataset.PictureGate
    publish_module = sys.modules[publish.__module__]
    os.chdir(root)
    dataset.PictureGate = publish_module.PictureGate = SeesHer
    try:
        cfg, folders = config(f"file://{root / 'out'}"), Folders(root)
        folders.everything(pairs)
        texts = folders.places.captions
        lines = [
            one.model_copy(update={"sha256": sha256_file(texts / one.file)})
            for one in read_manifest(texts).entries
        ]
        write_manifest(texts, lines, [])
        dataset.main(run_of("dataset", cfg, PERSONA))
        write_training(folders)
        said = said_by_weights(yaml.safe_load(Path("consent/jade.yaml").read_text())["id"])
        save_file({"a": np.float32([4.0, 5.0])}, folders.places.weights, metadata=said)
        write_evaluation(folders)
        reporting = run_of("report", cfg, PERSONA)
        vars(reporting)["gate"] = SeesHer()
        report.main(reporting)
        write_manifest(folders.places.ingested, read_manifest(folders.places.ingested).entries, [])
        publish(cfg, load_consent(Path("consent").absolute(), PERSONA.name), dry_run=False)
    finally:
        dataset.PictureGate = publish_module.PictureGate = gate
        os.chdir(before)
    return root / "out" / PERSONA.name


def said_by_weights(consent_id: str) -> dict[str, str]:
    """What weights trained on the present training set say."""
    training_set = sha256_file(PersonaPaths(PERSONA.name).dataset_metadata)
    return {"likeness.consent_id": consent_id, "likeness.training_set_sha256": training_set}


def publish_jade(cfg: Config, *, dry_run: bool = False) -> str:
    return publish(cfg, load_consent(Path("consent").absolute(), PERSONA.name), dry_run=dry_run)


def on_s3(s3: S3Server, cfg: Config) -> dict[str, Path]:
    root = s3.path(f"{cfg.publish.url}/jade")
    return {path.relative_to(root).as_posix(): path for path in root.rglob("*") if path.is_file()}


def elsewhere(folder: Path) -> RepositoryPaths:
    """A machine that has the publication and no repository."""
    return RepositoryPaths(folder / "nothing here")


def faults(path: Path) -> list[Check]:
    return [one for one in verify(path, elsewhere(path.parent)) if one.state in ("changed", "missing")]


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(bytes(data))
