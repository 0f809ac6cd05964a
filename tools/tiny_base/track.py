"""Logs a training's settings, curves, sheets and scores to MLflow, as one run; MLFLOW_TRACKING_URI says where."""

import csv
import json
from pathlib import Path

import mlflow
from mlflow.entities import Metric
from omegaconf import DictConfig, OmegaConf

from likeness.settings import flatten

NOT_CURVES = {"time", "step"}
BATCH = 1000  # metrics that MLflow takes in one call


def main(cfg: DictConfig) -> bool:
    """Log what WORK holds so far."""
    work = Path(cfg.work)
    mlflow.set_experiment("tiny-base")
    with mlflow.start_run() as run:
        mlflow.log_params(dict(flatten(OmegaConf.to_container(cfg))))
        curves = [metric for file in sorted(work.glob("*/*.csv")) for metric in _curves(file)]
        for first in range(0, len(curves), BATCH):
            mlflow.MlflowClient().log_batch(run.info.run_id, metrics=curves[first : first + BATCH])
        for sheet in sorted(work.glob("*/sheet_*.png")):
            mlflow.log_artifact(str(sheet), sheet.parent.name)
        if (scores := work / "base.scores.json").exists():
            mlflow.log_dict(json.loads(scores.read_text()), "scores.json")
            mlflow.log_artifact(str(work / "base.sheet.png"))
    return True


def _curves(file: Path) -> list[Metric]:
    """The numbers of a csv, named STEP/FILE/COLUMN."""
    found: list[Metric] = []
    for number, row in enumerate(csv.DictReader(file.open(newline=""))):
        prefix = f"{file.parent.name}/{file.stem}"
        found += [
            Metric(f"{prefix}/{key}", float(value), number, int(row["step"]))
            for key, value in row.items()
            if key not in NOT_CURVES
        ]
    return found
