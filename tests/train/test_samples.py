"""The stage `train` with samples on the way: who is like the person is chosen, and nothing is drawn twice or shown wrongly."""

import csv
import json
import os
import signal
from pathlib import Path

import pytest
import torch
from conf_sections import settings
from known_faces import analyzer, at_angle, known_face
from lora_runs import base_config, make_folder, train_config, with_drawing
from persona_folders import Folders
from runs import run_of
from signing import edit_and_sign

from likeness.config import Config, ItemsConfig, TrackingConfig
from likeness.diffusion.generate import generate
from likeness.errors import ConfigError, ConsentError, TransientError
from likeness.evaluate import EvaluateConfig
from likeness.evaluate import draw as studio
from likeness.evaluate.contact_sheet import CELL_PX, Row, contact_sheet
from likeness.faces import to_json
from likeness.ingest import IngestConfig
from likeness.paths import PersonaPaths
from likeness.persona import Persona
from likeness.safety.rating import Rater
from likeness.train import samples as sampler
from stages.train import main

PERSONA = settings(Persona, "persona/jade.yaml")
DRAWN = {"prompts": ["{trigger}", "a tree"], "seeds": [3, 4, 5], "steps": 1, "side_px": 64}
LOOKS = [2, 4, 6]
PICTURES = 4  # of two prompts and the first two seeds


def config(**changes) -> Config:
    watched = {"sample_every_steps": 2, "keep_best": "identity", "warmup_steps": 1}
    return with_drawing(Config.model_construct(
        base=base_config(), train=train_config(**watched | changes), ingest=settings(IngestConfig, "ingest/default.yaml"),
        evaluate=settings(EvaluateConfig, "evaluate/default.yaml", **DRAWN),
        items=settings(ItemsConfig, "items/local.yaml"),
        tracking=TrackingConfig(enabled=False, uri="sqlite:///unused.db", experiment="test"),
    ))  # fmt: skip


class Easel:
    """Counts what is drawn, and asks the run to stop at one picture."""

    def __init__(self, draw):
        self.draw, self.count, self.stop_at = draw, 0, 0

    def __call__(self, *arguments, **options):
        self.count += 1
        if self.count == self.stop_at:
            os.kill(os.getpid(), signal.SIGTERM)
        return self.draw(*arguments, **options)


def find(rgb):
    """A face in every picture, somebody else in each."""
    return [known_face(at_angle(int(rgb.sum()) % 100))]


@pytest.fixture
def places(in_tmp, monkeypatch) -> PersonaPaths:
    monkeypatch.setattr("likeness.train.door.admit", lambda run: None)
    monkeypatch.setattr("likeness.stage_input.judge_picture", lambda run, picture: None)
    torch.set_num_threads(1)
    folders = Folders(in_tmp)
    folders.ingest(["s1"], [], held_out=["s9"])
    folders.consent([])
    face = to_json(known_face(at_angle(0)))
    folders.face("s9", face)
    make_folder(folders.places.lora_training)
    monkeypatch.setattr(sampler, "FaceAnalyzer", lambda: analyzer(find))
    return folders.places


def written(places) -> dict[str, bytes]:
    files = [places.weights, *(path for path in places.training.rglob("*") if path.is_file())]
    return {str(path): path.read_bytes() for path in files}


@pytest.mark.slow
def test_a_stopped_run_goes_on_and_draws_nothing_twice(places, monkeypatch):
    easel = Easel(studio.generate)
    monkeypatch.setattr(studio, "generate", easel)
    easel.stop_at = PICTURES + 2  # within the look after step 4
    with pytest.raises(TransientError, match="step 4 of 6"):
        main(run_of("train", config(), PERSONA))
    main(run_of("train", config(), PERSONA))
    assert easel.count == PICTURES * len(LOOKS)
    first = written(places)
    assert set(first) == {
        "models/jade/jade-v1.safetensors",
        "models/jade/training/loss.csv",
        "models/jade/training/metrics.json",
        "models/jade/training/checkpoints/README.txt",
        "models/jade/training/samples/by_step.png",
        "models/jade/training/samples/README.txt",
    }
    looked = [
        row
        for row in csv.DictReader((places.training / "loss.csv").read_text().splitlines())
        if row["identity"]
    ]
    identity = {int(row["step"]): float(row["identity"]) for row in looked}
    assert list(identity) == LOOKS
    metrics = json.loads((places.training / "metrics.json").read_text())
    assert metrics["chosen_step"] == max(identity, key=identity.get)
    assert metrics["identity"] == max(identity.values())
    assert len(list(Path(".cache/training").glob("*/samples/step-*.png"))) == len(LOOKS)

    main(run_of("train", config(log_every_steps=1), PERSONA))  # finished: nothing is drawn or trained again
    assert easel.count == PICTURES * len(LOOKS)
    assert written(places) == first


def drawn_by(*prompts: str, **changes: object) -> Config:
    evaluate = settings(EvaluateConfig, "evaluate/default.yaml", **DRAWN | {"prompts": prompts})
    return with_drawing(config(**changes).model_copy(update={"evaluate": evaluate}))


@pytest.mark.slow
def test_a_prompt_without_the_name_does_not_count(places):
    seen = []
    for prompts in (["{trigger}", "a tree"], ["{trigger}"]):
        main(run_of("train", drawn_by(*prompts, steps=4), PERSONA))
        rows = csv.DictReader((places.training / "loss.csv").read_text().splitlines())
        seen.append({row["step"]: row["identity"] for row in rows if row["identity"]})
    assert len(seen[0]) == 2
    assert seen[0] == seen[1]


def test_who_is_chosen_by_identity_has_to_be_drawn(places):
    with pytest.raises(ConfigError, match="names jade") as caught:
        main(run_of("train", drawn_by("a tree"), PERSONA))
    assert "{trigger}" in caught.value.remedy


def test_an_explicit_picture_is_neither_kept_nor_shown_nor_like_her(places, monkeypatch):
    monkeypatch.setattr(Rater, "explicit", lambda self, rgb: 0.99)
    main(run_of("train", config(steps=2), PERSONA))
    assert json.loads((places.training / "metrics.json").read_text())["identity"] == 0.0
    assert not [
        path for path in Path(".cache/items/objects").glob("*/*") if path.read_bytes()[:3] == b"\xff\xd8\xff"
    ]
    (strip,) = Path(".cache/training").glob("*/samples/step-*.png")
    rows = [Row(label="with LoRA", note=f"seed {seed}", cells=["refused", "refused"]) for seed in (3, 4)]
    assert strip.read_bytes() == contact_sheet("jade, step 2", ["jade", "a tree"], rows, cell_px=CELL_PX)


def test_what_is_drawn_with_is_trains_own_setting(places, monkeypatch):
    seen = []
    monkeypatch.setattr(
        studio, "generate", lambda base, shots, **rest: seen.extend(shots) or generate(base, shots, **rest)
    )
    cfg = config(steps=2)
    other = cfg.evaluate.model_copy(update={"prompts": ("another",), "side_px": 32, "steps": 9})
    main(run_of("train", cfg.model_copy(update={"evaluate": other}), PERSONA))
    assert {(shot.prompt, shot.side_px, shot.steps) for shot in seen} == {("jade", 64, 1), ("a tree", 64, 1)}
    with pytest.raises(ConfigError, match=r"train\.drawing") as caught:
        main(run_of("train", cfg.model_copy(update={"train": train_config(sample_every_steps=2)}), PERSONA))
    assert "make params" in caught.value.remedy


def test_pictures_need_a_consent_to_draw_and_identity_a_photograph_to_compare_with(places):
    edit_and_sign(Path("consent"), "jade", scope=["swap", "train"])
    with pytest.raises(ConsentError, match="generate"):
        main(run_of("train", config(), PERSONA))
    edit_and_sign(Path("consent"), "jade", scope=["swap", "train", "generate"])
    manifest = places.ingested / "manifest.jsonl"
    manifest.write_text(manifest.read_text().replace('"held_out": true', '"held_out": false'))
    with pytest.raises(ConfigError, match="held out"):
        main(run_of("train", config(), PERSONA))
    assert not places.weights.exists()
