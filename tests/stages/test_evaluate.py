"""The stage `evaluate` with the random base: what it writes, what it refuses, what it draws again."""

import json

import numpy as np
import pytest
import torch
from conf_sections import section
from doors import SeesHer
from known_faces import analyzer, at_angle, known_face
from persona_folders import Folders, settings
from runs import run_of
from safetensors.torch import save_file

from likeness.cli.compare import draw_sides
from likeness.config import Config, ItemsConfig, Persona, TrackingConfig
from likeness.dataset import DatasetConfig
from likeness.diffusion.config import BaseModelConfig
from likeness.diffusion.families.sd import SDXL
from likeness.diffusion.load import load_base
from likeness.errors import InputError
from likeness.evaluate import ChoiceConfig, EvaluateConfig
from likeness.evaluate import draw as studio
from likeness.evaluate.draw import Renderer
from likeness.evaluate.request import asked_prompt, draw_asked
from likeness.faces import to_json
from likeness.images import load_rgb
from likeness.ingest import IngestConfig
from likeness.marks.xmp import SourceType, read_mark
from likeness.pipeline.manifest import read_manifest
from likeness.report.collect import Evaluation
from likeness.safety.rating import Rater
from likeness.store.items import ItemStore
from likeness.train.config import TrainConfig
from likeness.versions.sides import sides
from stages import dataset, evaluate


@pytest.fixture(autouse=True)
def _patterns_pass_the_datasets_door(monkeypatch):
    monkeypatch.setattr("stages.dataset.PictureGate", SeesHer)


PERSONA = settings(Persona, "persona/jade.yaml")
LAYER = "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn1_to_v"


def on_cpu() -> TrainConfig:
    values = section("train/default.yaml")
    values["system"]["device"] = "cpu"
    return TrainConfig.model_validate(values)


def config(**changes) -> Config:
    options = {
        "prompts": ["{trigger} {class_word}", "a tree"],
        "seeds": [3],
        "steps": 1,
        "side_px": 64,
        "cell_px": 64,
    }
    return Config.model_construct(
        dataset=settings(DatasetConfig, "dataset/default.yaml", side_px=64),
        evaluate=settings(EvaluateConfig, "evaluate/default.yaml", **options | changes),
        choice=settings(ChoiceConfig, "choice/default.yaml"),
        base=settings(BaseModelConfig, "base/tiny_random.yaml"),
        train=on_cpu(),
        ingest=settings(IngestConfig, "ingest/default.yaml"),
        items=settings(ItemsConfig, "items/local.yaml"),
        tracking=TrackingConfig(enabled=False, uri="sqlite:///unused.db", experiment="test"),
    )


def write_lora(folders: Folders, strength: float) -> None:
    """A LoRA on one layer of the tiny UNet's middle."""
    width = SDXL.TINY_NETWORK["block_out_channels"][-1]
    tensors = {
        f"{LAYER}.lora_down.weight": torch.randn(2, width, generator=torch.Generator().manual_seed(0)),
        f"{LAYER}.lora_up.weight": strength * torch.linspace(-1, 1, 2 * width).reshape(width, 2),
        f"{LAYER}.alpha": torch.tensor(2.0),
    }
    save_file(tensors, folders.places.weights)


@pytest.fixture
def folders(in_tmp) -> Folders:
    made = Folders(in_tmp)
    made.everything((("s1", "t1"), ("s2", None)))
    dataset.main(run_of("dataset", config(), PERSONA))
    for name in ("s1", "s2", "s9", "t1"):
        face = to_json(known_face(np.eye(128)[int(name[1:]) % 3].tolist(), yaw_deg=5.0))
        made.face(name, face)
    write_lora(made, 5.0)
    return made


def metrics(folders: Folders) -> dict:
    return json.loads((folders.places.evaluation / "metrics.json").read_text())


def test_every_prompt_is_drawn_both_ways_and_described(folders):
    evaluate.main(run_of("evaluate", config(), PERSONA))
    samples = folders.places.evaluation / "samples"
    entries = read_manifest(samples).entries
    assert [entry.id for entry in entries] == [
        "jade-p1-seed3-with",
        "jade-p1-seed3-without",
        "jade-p2-seed3-with",
        "jade-p2-seed3-without",
    ]
    for entry in entries:
        assert read_mark((samples / entry.file).read_bytes()) == SourceType.TRAINED
        assert load_rgb(samples / entry.file).shape == (64, 64, 3)
    described = Evaluation.model_validate_json(
        (samples / "details.json").read_text()
    )  # as the report reads it
    assert {sample.prompt for sample in described.samples} == {"jade woman", "a tree"}
    assert (folders.places.evaluation / "contact_sheet.png").is_file()


def test_metrics_say_that_the_lora_acts_and_that_no_face_can_be_judged(folders):
    evaluate.main(run_of("evaluate", config(), PERSONA))
    found = metrics(folders)
    assert found["lora_effect"] > 0
    assert found["identity_samples_with"] is None
    assert found["face_share_samples_with"] == 0.0
    assert found["identity_targets"] == 0.0  # another person's embedding
    details = json.loads((folders.places.evaluation / "samples" / "details.json").read_text())
    assert any("No face was found" in note for note in details["notes"])


def test_the_lora_of_every_kept_step_is_judged(folders, monkeypatch):
    kept = folders.places.training / "checkpoints"
    kept.mkdir(parents=True)
    for step in (20, 10):
        write_lora(folders, 5.0 * step)
        (kept / f"jade-v1-step-{step:06d}.safetensors").write_bytes(folders.places.weights.read_bytes())
    write_lora(folders, 5.0)

    def find(rgb):  # every picture is somebody else
        return [known_face(at_angle(int(rgb.sum()) % 100))]

    monkeypatch.setattr("likeness.safety.identity.face_analyzer", lambda own: analyzer(find))
    evaluate.main(run_of("evaluate", config(), PERSONA))
    described = json.loads((folders.places.evaluation / "samples" / "details.json").read_text())
    steps = described["checkpoints"]
    assert [one["step"] for one in steps] == [10, 20, 0]  # the finished file does not say its step
    assert all((one["images"], one["faces"]) == (1, 1) for one in steps)
    assert len({one["similarity"] for one in steps}) == 3
    assert steps[-1]["similarity"] == described["groups"]["samples_with"]["mean"]
    best = max(steps, key=lambda one: one["similarity"])["step"]
    assert metrics(folders)["best_step"] == best
    assert not list((folders.places.evaluation / "samples").glob("*step*"))
    evaluate.main(run_of("evaluate", config(checkpoints=False), PERSONA))
    assert metrics(folders)["best_step"] is None


def test_a_lora_that_does_nothing_has_no_effect(folders):
    write_lora(folders, 0.0)
    evaluate.main(run_of("evaluate", config(), PERSONA))
    assert metrics(folders)["lora_effect"] == 0.0


def test_a_second_run_gives_equal_bytes_and_draws_nothing(folders, monkeypatch):
    def files():
        root = folders.places.evaluation
        return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}

    evaluate.main(run_of("evaluate", config(), PERSONA))
    first = files()
    monkeypatch.setattr(studio, "generate", None)
    evaluate.main(run_of("evaluate", config(), PERSONA))
    assert files() == first


def test_other_weights_draw_only_the_pictures_with_the_lora_again(folders):
    evaluate.main(run_of("evaluate", config(), PERSONA))
    before = set(ItemStore(".cache/items").keys())
    write_lora(folders, 2.0)
    evaluate.main(run_of("evaluate", config(), PERSONA))
    new = [ItemStore(".cache/items").get(key) for key in set(ItemStore(".cache/items").keys()) - before]
    assert sum("image.jpg" in item.files for item in new) == 2


def test_explicit_samples_are_never_written_and_counted(folders, monkeypatch):
    monkeypatch.setattr(Rater, "explicit", lambda self, rgb: 0.99)
    with pytest.raises(InputError) as caught:
        evaluate.main(run_of("evaluate", config(), PERSONA))
    assert caught.value.reason == "too-many-failures"
    evaluate.main(run_of("evaluate", config(max_failure_ratio=1.0), PERSONA))
    assert not list(folders.places.evaluation.rglob("*.jpg"))
    assert not [
        path
        for path in folders.root.glob(".cache/items/objects/*/*")
        if b"trainedAlgorithmic" in path.read_bytes()
    ]
    assert metrics(folders)["samples_refused"] == 4
    assert metrics(folders)["lora_effect"] is None
    failures = read_manifest(folders.places.evaluation / "samples").failures
    assert {failure.reason for failure in failures} == {"explicit"}


def asked(words: str, seeds=(5, 6)):
    run = run_of("evaluate", config(), PERSONA)
    renderer = Renderer(cfg=run.config, base=load_base(run.config.base, device="cpu"), rater=Rater())
    return draw_asked(run, renderer, asked_prompt(run, words), seeds)


def test_what_is_asked_for_is_drawn_by_her_name_marked_and_on_a_sheet(folders):
    made = asked("in a library")
    assert [one.file for one in made.entries] == ["jade-seed5.jpg", "jade-seed6.jpg"]
    for one in made.entries:
        assert one.text == "jade woman, in a library"
        assert read_mark((folders.places.drawn / one.file).read_bytes()) == SourceType.TRAINED
    assert folders.places.drawn_sheet.is_file()
    (again,) = asked("jade woman by the sea", seeds=(5,)).entries  # named by whoever asks
    assert again.text == "jade woman by the sea"
    assert sorted(path.name for path in folders.places.drawn.glob("*.jpg")) == ["jade-seed5.jpg"]


def test_words_that_are_refused_draw_nothing(folders, monkeypatch):
    monkeypatch.setattr(studio, "generate", None)
    with pytest.raises(InputError):
        asked("naked")
    assert not folders.places.drawn.exists()


def test_a_refused_picture_is_not_written(folders, monkeypatch):
    monkeypatch.setattr(Rater, "explicit", lambda self, rgb: 0.99)
    made = asked("in a library")
    assert not made.entries
    assert {failure.reason for failure in made.failures} == {"explicit"}
    assert not list(folders.places.drawn.glob("*.jpg"))


def test_files_are_compared_by_pictures_that_are_items_marked_and_gated(folders, monkeypatch):
    def find(rgb):
        return [known_face(at_angle(int(rgb.sum()) % 100))]

    monkeypatch.setattr("likeness.safety.identity.face_analyzer", lambda own: analyzer(find))
    one, other = (folders.root / name for name in ("one.safetensors", "other.safetensors"))
    write_lora(folders, 5.0)
    one.write_bytes(folders.places.weights.read_bytes())
    write_lora(folders, 2.0)
    other.write_bytes(folders.places.weights.read_bytes())
    run, names = run_of("evaluate", config(), PERSONA), [str(one), str(other)]
    found = draw_sides(run, sides(names, "jade"), [1.0, 0.5])
    assert [at.strength for at in found] == [1.0, 0.5]
    for at in found:
        assert {row.measure for row in at.differences[0]} >= {"similarity", "recognised"}
        for side in at.sides:
            pictures = [side.picture(sample["file"]) for sample in side.details["samples"]]
            assert all(read_mark(path.read_bytes()) == SourceType.TRAINED for path in pictures)
    whole, half = (at.sides[0].picture("jade-p1-seed3-with.jpg").read_bytes() for at in found)
    assert whole != half
    monkeypatch.setattr(studio, "generate", None)
    evaluate.main(run_of("evaluate", config(), PERSONA))  # of `other`: drawn before
    drawn = (folders.places.samples / "jade-p1-seed3-with.jpg").read_bytes()
    assert drawn == found[0].sides[1].picture("jade-p1-seed3-with.jpg").read_bytes()
