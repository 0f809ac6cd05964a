"""loss.csv, metrics.json and the intermediate weights of a finished run, whoever trained it."""

import csv
import io
import json
import shutil
from collections.abc import Callable, Iterable

from likeness.digests import sha256_file
from likeness.disk import write_atomic
from likeness.paths import PersonaPaths
from likeness.pipeline.outputs import materialize, write_text
from likeness.tracking.tracker import Tracker
from likeness.train.trainer import TrainingResult

# Of an empty folder DVC says WARNING.
SAMPLES = "by_step.png is drawn every train.selection.sample_every_steps steps; null draws nothing while training.\n"
NO_CHECKPOINTS = (
    "Weights are kept here every train.checkpoint.weights_every_steps steps; this run had fewer.\n"
)
FLOAT_DIGITS = 6  # significant digits of losses in loss.csv and metrics.json
# The numbers by which weights are judged on the way, and which one of a run metrics.json tells.
JUDGED: dict[str, Callable[[Iterable[float]], float]] = {"validation_loss": min, "identity": max}


def write_results(places: PersonaPaths, result: TrainingResult) -> None:
    """loss.csv, metrics.json and the intermediate weights; no times, so equal runs write equal files."""
    shutil.rmtree(places.training, ignore_errors=True)
    for folder in (places.checkpoints, places.training_samples):
        folder.mkdir(parents=True)
    write_text(places.samples_note, SAMPLES)
    if not result.checkpoints:
        write_text(places.checkpoints_note, NO_CHECKPOINTS)
    for step, path in result.checkpoints.items():
        materialize(path, places.checkpoint(step))
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(("step", "loss", "grad_norm", "lr", *JUDGED))
    norms = result.grad_norms or [None] * len(result.losses)
    for step, (loss, norm, rate) in enumerate(zip(result.losses, norms, result.rates, strict=True)):
        numbers = (result.measured.get(metric, {}).get(step + 1) for metric in JUDGED)
        judged = ("" if number is None else _short(number) for number in numbers)
        writer.writerow((step + 1, _short(loss), "" if norm is None else _short(norm), _short(rate), *judged))
    write_atomic(places.loss_csv, table.getvalue().encode())
    window = max(1, len(result.losses) // 10)
    metrics: dict[str, float] = {"steps": len(result.losses), "images": result.images}
    if result.validation:
        metrics["validation_images"] = sum(result.validation.values())
        metrics["validation_photographs"] = len(result.validation)
    metrics["loss_first_tenth"] = _short(sum(result.losses[:window]) / window)
    metrics["loss_last_tenth"] = _short(sum(result.losses[-window:]) / window)
    metrics |= {name: _short(loss) for name, loss in result.probe.items()}
    for metric, best in JUDGED.items():
        if numbers := result.measured.get(metric):
            metrics[metric] = _short(best(numbers.values()))
    if any(result.measured.values()):
        metrics["chosen_step"] = result.step
    metrics["lora_layers"] = result.check.layers
    metrics["lora_effect"] = _short(result.check.effect)
    metrics["trainable_parameters"] = result.trainable_parameters
    write_atomic(places.training_metrics, (json.dumps(metrics, indent=2) + "\n").encode())


def log_results(tracker: Tracker, places: PersonaPaths) -> None:
    """The losses and the digest of the weights for MLflow."""
    tracker.log_file(places.loss_csv)
    tracker.set_tags({"weights_sha256": sha256_file(places.weights)})


def _short(value: float) -> float:
    return float(f"{value:.{FLOAT_DIGITS}g}")
