"""The stage `train`: what it writes, that it repeats byte for byte, and what it says before and after."""

import csv
import json
from pathlib import Path

import pytest
import torch
from conf_sections import section, settings
from lora_runs import base_config, make_folder, train_config, with_drawing
from persona_folders import Folders
from runs import run_of
from safetensors import safe_open

from likeness.config import Config, ItemsConfig, TrackingConfig
from likeness.digests import sha256_file
from likeness.errors import ConfigError, InputError
from likeness.evaluate import EvaluateConfig
from likeness.ingest import IngestConfig
from likeness.paths import PersonaPaths, RepositoryPaths
from likeness.persona import Persona, Similarity
from likeness.safety.rating import Rater
from likeness.train.pace import recall
from stages.train import main

PERSONA = Persona(name="jade", trigger="jade", class_word="woman", held_out=(),
                  similarity=Similarity(source_min=0.7, swap_min=0.6, target_max=0.8))  # fmt: skip


def config(**changes) -> Config:
    cfg = Config.model_construct(
        base=base_config(),
        ingest=settings(IngestConfig, "ingest/default.yaml"),
        evaluate=settings(EvaluateConfig, "evaluate/default.yaml", steps=2),
        train=train_config(**({"weights_every_steps": 4} | changes)),
        items=ItemsConfig(**section("items/local.yaml")),
        tracking=TrackingConfig(enabled=False, uri="sqlite:///mlflow.db", experiment="likeness"),
    )
    return with_drawing(cfg)


@pytest.fixture
def places(in_tmp: Path, monkeypatch) -> PersonaPaths:
    monkeypatch.setattr("likeness.train.door.admit", lambda run: None)  # its folder is of no dataset stage
    torch.set_num_threads(1)
    Folders(in_tmp).consent([])
    places = PersonaPaths("jade")
    make_folder(places.lora_training)
    return places


def contents(places: PersonaPaths) -> dict[str, str]:
    files = [places.weights, *(path for path in places.training.rglob("*") if path.is_file())]
    return {path.as_posix(): sha256_file(path) for path in files}


def test_everything_promised_is_written_and_repeats(places, in_tmp, capfd):
    main(run_of("train", config(), PERSONA))
    first = contents(places)
    assert set(first) == {
        "models/jade/jade-v1.safetensors",
        "models/jade/training/loss.csv",
        "models/jade/training/metrics.json",
        "models/jade/training/checkpoints/jade-v1-step-000004.safetensors",
        "models/jade/training/samples/README.txt",
    }
    said = capfd.readouterr().err
    assert "3 images (64x64: 3), with repeats 6 an epoch" in said
    assert "3 steps an epoch of 2 x 1 images, 6 steps in all (2.0 epochs)" in said
    assert "changes 36 layers, loaded and checked" in said

    rows = list(csv.DictReader((places.training / "loss.csv").read_text().splitlines()))
    assert [row["step"] for row in rows] == ["1", "2", "3", "4", "5", "6"]
    metrics = json.loads((places.training / "metrics.json").read_text())
    assert (metrics["steps"], metrics["images"], metrics["lora_layers"]) == (6, 3, 36)
    assert metrics["lora_effect"] > 0
    assert metrics["probe_loss_before"] != metrics["probe_loss_after"]
    with safe_open(places.weights, framework="pt") as file:
        assert file.metadata()["likeness.consent_id"] == "jade-2026-01"
        assert file.metadata()["ss_output_name"] == "jade-v1"

    # DVC deletes a stage's outputs before it runs it.
    for name in first:
        Path(name).unlink()
    main(run_of("train", config(), PERSONA))
    assert contents(places) == first
    assert "6 resumed" in capfd.readouterr().err


def test_epochs_are_counted_in_steps_of_the_dataset(places, capfd):
    main(run_of("train", config(epochs=1.5, steps=1, weights_every_steps=None), PERSONA))
    assert "3 steps an epoch of 2 x 1 images, 5 steps in all (1.7 epochs)" in capfd.readouterr().err
    rows = list(csv.DictReader((places.training / "loss.csv").read_text().splitlines()))
    assert len(rows) == 5
    by_epochs = sha256_file(places.weights)
    main(run_of("train", config(steps=5, weights_every_steps=None), PERSONA))
    assert "5 resumed" in capfd.readouterr().err  # the very same run
    assert sha256_file(places.weights) == by_epochs


def test_epochs_that_leave_nothing_after_warm_up_are_refused(places):
    with pytest.raises(ConfigError, match=r"1 steps, of which train.schedule.warmup_steps 1 leaves nothing"):
        main(run_of("train", config(epochs=0.1), PERSONA))
    assert not places.weights.exists()


def test_an_empty_dataset_is_refused_before_the_base_is_loaded(places):
    places.dataset_metadata.write_text("")
    with pytest.raises(InputError) as caught:
        main(run_of("train", config(), PERSONA))
    assert caught.value.reason == "empty-dataset"
    assert not places.weights.exists()
    assert not Path(".cache").exists()


def test_intermediate_weights_of_earlier_settings_do_not_stay(places):
    main(run_of("train", config(steps=2, weights_every_steps=1), PERSONA))
    assert len(list((places.training / "checkpoints").iterdir())) == 1
    main(run_of("train", config(steps=2, weights_every_steps=None), PERSONA))
    assert [path.name for path in (places.training / "checkpoints").iterdir()] == ["README.txt"]


@pytest.fixture
def rated(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What the gate says of each picture that is drawn, in their order."""
    scores: list[float] = []
    monkeypatch.setattr(Rater, "explicit", lambda self, rgb: scores.pop(0))
    return scores


def test_pictures_of_the_class_are_drawn_once_and_learned(places, rated, capfd):
    rated += [0.0, 0.99, 0.4]  # sfw, explicit, review
    main(run_of("train", config(prior_images=3, steps=2), PERSONA))
    said = capfd.readouterr().err
    assert "2 of 3 pictures of the class are left out" in said
    assert "4 images (64x64: 4), 1 of them of the class, drawn by the base, with repeats 12 an epoch" in said
    assert "6 steps an epoch" in said
    with safe_open(places.weights, framework="pt") as file:
        assert (file.metadata()["ss_num_train_images"], file.metadata()["ss_num_reg_images"]) == ("6", "1")
    assert json.loads((places.training / "metrics.json").read_text())["images"] == 3
    first = contents(places)
    main(
        run_of("train", config(prior_images=3, steps=2), PERSONA)
    )  # rated is empty: a picture drawn again would have no score
    assert contents(places) == first


def test_without_a_picture_that_may_be_trained_on_training_ends(places, rated):
    rated += [0.99, 0.99]
    with pytest.raises(InputError) as caught:
        main(run_of("train", config(prior_images=2), PERSONA))
    assert caught.value.reason == "no-prior"
    assert not places.weights.exists()


def test_what_is_kept_for_validation_and_how_fast_it_went_are_told(places, capfd):
    cfg = config(validation_share=0.3)
    main(run_of("train", cfg, PERSONA))
    assert "kept for validation: 1 of 3 images, all that is made of jade-s2" in capfd.readouterr().err
    metrics = json.loads(places.training_metrics.read_text())
    assert (metrics["images"], metrics["validation_images"], metrics["validation_photographs"]) == (2, 1, 1)
    pace = recall(cfg, RepositoryPaths.here())
    assert pace is not None
    assert (pace.steps, pace.device) == (6, "a CPU with 1 thread")
    assert pace.seconds_a_step > 0
    assert recall(config(batch_size=1), RepositoryPaths.here()) is None
