"""Everything the report tells, read from the files the stages left; no pictures yet."""

import csv
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from operator import attrgetter
from pathlib import Path
from typing import Any, cast

from pydantic import ConfigDict
from safetensors import safe_open

from likeness.digests import sha256_file
from likeness.errors import InputError
from likeness.evaluate.evaluation import CheckpointScore
from likeness.evaluate.identity import Identity
from likeness.lazy import Index
from likeness.paths import PersonaPaths, require_file
from likeness.pipeline.manifest import MANIFEST, Entry, Manifest, made_again, read_manifest
from likeness.pipeline.stage import folders_before
from likeness.pipeline.verified import Picture, verified
from likeness.run import Run
from likeness.settings import Record
from likeness.stage_input import judge_picture


class PartialRecord(Record):
    """Base of what is read here: unknown keys are another stage's business."""

    model_config = ConfigDict(extra="ignore")


class Sample(PartialRecord):
    """One picture the evaluation drew; no `file` when refused, `rating` as in manifests or `explicit`."""

    id: str
    prompt: str
    seed: int
    lora: bool
    reference: bool = False
    file: str | None
    rating: str
    similarity: float | None


class Evaluation(PartialRecord):
    """evaluation/samples/details.json; a sample's `file` lies beside it."""

    lora_effect: float | None
    groups: dict[str, Identity]
    samples: tuple[Sample, ...]
    checkpoints: tuple[CheckpointScore, ...] = ()
    measures: dict[str, Any] | None = None
    verdict: dict[str, Any] | None = None
    named: tuple[str, ...] = ()
    class_word: str = "person"
    drawn_with: Mapping[str, Any] | None = None
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Deliverable:
    """A file that leaves the pipeline; `path` is relative to the persona's models folder."""

    path: str
    what: str
    size: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Training:
    """The loss at each logged step, what judges measured by step (empty where one did not), the numbers of
    training/metrics.json and the weights' own metadata."""

    steps: tuple[int, ...]
    losses: tuple[float, ...]
    judged: tuple[tuple[str, str, str], ...]
    metrics: Mapping[str, float]
    metadata: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Collected:
    """All of it; `steps` maps a stage's folder name to its manifest, in pipeline order."""

    places: PersonaPaths
    judge: Callable[[Picture], None]
    steps: Mapping[str, Manifest]
    folders: Mapping[str, Path]
    evaluation: Evaluation
    samples: Manifest
    training: Training
    deliverables: tuple[Deliverable, ...]

    @cached_property
    def _by_id(self) -> Mapping[str, Index[Entry]]:
        return {step: Index(manifest.entries, attrgetter("id")) for step, manifest in self.steps.items()}

    def entry(self, step: str, name: str) -> Entry | None:
        """A stage's entry by its id."""
        return self._by_id[step].get(name)

    def picture(self, step: str, entry: Entry) -> Path:
        """The file of a stage's entry; where there is one, it is the one that the entry names, and passes the gates if
        no stage here made it.

        Raises:
            InputError: `not-in-manifest`: it was exchanged behind its line; or a gate's reason.
        """
        return self._shown(self.folders[step], entry)

    def sample(self, file: str) -> Path:
        """The same of a drawn picture.

        Raises:
            InputError: as `picture`; or no line of the manifest names it.
        """
        places = self.places
        for entry in self.samples.entries:
            if entry.file == file:
                return self._shown(places.samples, entry)
        raise InputError(
            f"{places.evaluation_details} names {file[:80]!r}, and no line of {places.samples}/{MANIFEST} does",
            reason="not-in-manifest",
            remedy=made_again(places.evaluation),
        )

    def _shown(self, folder: Path, entry: Entry) -> Path:
        path = folder / entry.file
        if path.exists():
            verified(folder, entry)
            self.judge(Picture(entry, path))
        return path

    def photo(self, label: str | None) -> Entry | None:
        """The ingested photograph `s1` or `t1`."""
        return self.entry("ingested", f"{self.places.persona}-{label}") if label else None


def collect(run: Run) -> Collected:
    """Read all stages' outputs of a persona.

    Raises:
        InputError: something is missing or does not read; names the file and the remedy.
    """
    places = run.paths
    folders = folders_before("train", places)
    return Collected(
        places=places,
        judge=partial(judge_picture, run),
        steps={name: read_manifest(folder) for name, folder in folders.items()},
        folders=folders,
        evaluation=Evaluation.model_validate_json(_text(places.evaluation_details)),
        samples=read_manifest(places.samples),
        training=_training(places),
        deliverables=(
            _deliverable(places, places.weights, "LoRA weights; the model card says what loads them"),
            _deliverable(places, places.dataset_zip, "training set as one archive with reproducible bytes"),
            _deliverable(places, places.dataset_card, "dataset card"),
            _deliverable(places, places.contact_sheet, "samples with and without the LoRA"),
        ),
    )


def _training(places: PersonaPaths) -> Training:
    rows = list(csv.DictReader(_text(places.loss_csv).splitlines()))
    metrics = json.loads(_text(places.training_metrics))
    require_file(places.weights, remedy=made_again(places.weights.parent))
    with cast(Any, safe_open)(places.weights, framework="np") as weights:  # an untyped extension module
        metadata: dict[str, str] = weights.metadata() or {}
    return Training(
        steps=tuple(int(row["step"]) for row in rows),
        losses=tuple(float(row["loss"]) for row in rows),
        judged=tuple(
            (row["step"], *numbers)
            for row in rows
            if any(numbers := (row["validation_loss"], row["identity"]))
        ),
        metrics={name: float(value) for name, value in metrics.items() if isinstance(value, int | float)},
        metadata=metadata,
    )


def _deliverable(places: PersonaPaths, path: Path, what: str) -> Deliverable:
    require_file(path, remedy=made_again(path.parent))
    return Deliverable(
        path=path.relative_to(places.models).as_posix(),
        what=what,
        size=path.stat().st_size,
        sha256=sha256_file(path),
    )


def _text(path: Path) -> str:
    return require_file(path, remedy=made_again(path.parent)).read_text(encoding="utf-8")
