"""The stage `evaluate` with the random base: what it writes, what it refuses, what it draws again."""

import json

import numpy as np
import pytest
from evaluation_runs import PERSONA, config, ready_folders, write_lora
from known_faces import analyzer, at_angle, known_face
from persona_folders import Folders
from runs import run_of
from safetensors.numpy import save_file

from likeness.cli.compare import draw_sides
from likeness.diffusion.load import load_base
from likeness.errors import InputError
from likeness.evaluate import draw as studio
from likeness.evaluate.asked import asked_prompt, draw_asked
from likeness.evaluate.draw import Renderer
from likeness.evaluate.evaluation import at_one_strength
from likeness.images import load_rgb
from likeness.lora import load as lora_load
from likeness.marks.xmp import SourceType, find_code
from likeness.pipeline.manifest import read_manifest
from likeness.report.collect import Evaluation
from likeness.safety.rating import Rater
from likeness.store.items import ItemStore
from likeness.versions.sides import sides
from stages import evaluate

pytestmark = pytest.mark.slow


@pytest.fixture
def folders(in_tmp, monkeypatch) -> Folders:
    return ready_folders(in_tmp, monkeypatch)


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
        assert find_code((samples / entry.file).read_bytes()) == SourceType.TRAINED
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
    assert {one["strength"] for one in steps} == {1.0}
    assert [one["step"] for one in steps] == [10, 20, 0]  # the finished file does not say its step
    assert all((one["images"], one["faces"]) == (1, 1) for one in steps)
    assert len({one["similarity"] for one in steps}) == 3
    assert steps[-1]["similarity"] == described["groups"]["samples_with"]["mean"]
    best = max(steps, key=lambda one: one["similarity"])["step"]
    assert metrics(folders)["best_step"] == best
    assert not list((folders.places.evaluation / "samples").glob("*step*"))
    evaluate.main(run_of("evaluate", config(checkpoints=False), PERSONA))
    assert metrics(folders)["best_step"] is None


def test_every_kept_step_is_drawn_at_every_strength_and_a_plot_shows_them(folders, monkeypatch):
    kept = folders.places.training / "checkpoints"
    kept.mkdir(parents=True)
    (kept / "jade-v1-step-000010.safetensors").write_bytes(folders.places.weights.read_bytes())
    write_lora(folders, 2.0)

    def find(rgb):
        return [known_face(at_angle(int(rgb.sum()) % 100))]

    monkeypatch.setattr("likeness.safety.identity.face_analyzer", lambda own: analyzer(find))
    both = config(seeds=[3, 4], strengths=[0.5])
    evaluate.main(run_of("evaluate", both, PERSONA))
    described = json.loads(folders.places.evaluation_details.read_text())
    assert [(one["step"], one["strength"]) for one in described["checkpoints"]] == [
        (10, 0.5), (10, 1.0), (0, 0.5), (0, 1.0),
    ]  # fmt: skip
    assert len({one["similarity"] for one in described["checkpoints"]}) == 4
    plot = folders.places.xy_plot.read_bytes()
    assert find_code(plot) == SourceType.COMPOSITE_WITH_TRAINED
    assert load_rgb(folders.places.xy_plot).shape[0] > 4 * 64
    at_samples = [one["step"] for one in at_one_strength(described)]
    assert at_samples == [10, 0]
    assert metrics(folders)["best_step"] in at_samples
    monkeypatch.setattr(studio, "generate", None)
    evaluate.main(run_of("evaluate", both, PERSONA))  # every picture is an item
    assert folders.places.xy_plot.read_bytes() == plot
    finished = config(seeds=[3, 4], strengths=[0.5], checkpoints=False)
    evaluate.main(run_of("evaluate", finished, PERSONA))
    described = json.loads(folders.places.evaluation_details.read_text())
    assert [(one["step"], one["strength"]) for one in described["checkpoints"]] == [(0, 0.5), (0, 1.0)]
    assert metrics(folders)["best_step"] is None
    evaluate.main(run_of("evaluate", config(seeds=[3, 4], checkpoints=False), PERSONA))
    assert not folders.places.xy_plot.exists()


@pytest.mark.parametrize(("strengths", "again"), [([], []), ([0.5, 0.7], ["jade-v1.safetensors"])])
def test_each_file_is_loaded_once_for_all_its_pictures(folders, monkeypatch, strengths, again):
    kept = folders.places.training / "checkpoints"
    kept.mkdir(parents=True)
    (kept / "jade-v1-step-000010.safetensors").write_bytes(folders.places.weights.read_bytes())
    write_lora(folders, 3.0)
    loaded, load = [], lora_load.load_lora

    def counted(base, file, found=None):
        loaded.append(file.name)
        load(base, file, found)

    monkeypatch.setattr(lora_load, "load_lora", counted)
    evaluate.main(run_of("evaluate", config(seeds=[3, 4, 5], strengths=strengths), PERSONA))
    assert loaded == ["jade-v1.safetensors", "jade-v1-step-000010.safetensors", *again]
    assert metrics(folders)["lora_effect"] > 0


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


def asked(words: str, seeds=(5, 6), lora=None):
    run = run_of("evaluate", config(), PERSONA)
    renderer = Renderer(cfg=run.config, base=load_base(run.config.base, device="cpu"), rater=Rater())
    return draw_asked(run, renderer, asked_prompt(run, words), seeds, lora)


def test_what_is_asked_for_is_drawn_by_her_name_marked_and_on_a_sheet(folders):
    made = asked("in a library")
    assert [one.file for one in made.entries] == ["jade-seed5.jpg", "jade-seed6.jpg"]
    for one in made.entries:
        assert one.text == "jade woman, in a library"
        assert find_code((folders.places.drawn / one.file).read_bytes()) == SourceType.TRAINED
    assert folders.places.drawn_sheet.is_file()
    (again,) = asked("jade woman by the sea", seeds=(5,)).entries  # named by whoever asks
    assert again.text == "jade woman by the sea"
    assert sorted(path.name for path in folders.places.drawn.glob("*.jpg")) == ["jade-seed5.jpg"]


def test_another_lora_than_the_last_runs_draws_what_is_asked_for(folders):
    (last,) = asked("in a library", seeds=(5,)).entries
    version = folders.root / "jade-v2.safetensors"
    version.write_bytes(folders.places.weights.read_bytes())
    write_lora(folders, 2.0)
    (weaker,) = asked("in a library", seeds=(5,)).entries
    (again,) = asked("in a library", seeds=(5,), lora=version).entries
    assert last.sha256 == again.sha256 != weaker.sha256
    assert last.parents == again.parents != weaker.parents


def test_a_lora_of_another_base_is_told_and_what_was_drawn_before_stays(folders):
    asked("in a library", seeds=(5,))
    other = folders.root / "other.safetensors"
    layer = "lora_unet_down_blocks_7_attentions_0_transformer_blocks_0_attn1_to_q"
    halves = {"lora_down": np.zeros((2, 320), np.float32), "lora_up": np.zeros((320, 2), np.float32)}
    save_file({f"{layer}.{half}.weight": zeros for half, zeros in halves.items()}, other)
    with pytest.raises(InputError, match="layers are none of"):
        asked("in a library", lora=other)
    with pytest.raises(InputError, match="layers are none of"):
        draw_sides(run_of("evaluate", config(), PERSONA), sides([str(other)], "jade"), [1.0])
    assert [path.name for path in folders.places.drawn.glob("*.jpg")] == ["jade-seed5.jpg"]


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
            assert all(find_code(path.read_bytes()) == SourceType.TRAINED for path in pictures)
    whole, half = (at.sides[0].picture("jade-p1-seed3-with.jpg").read_bytes() for at in found)
    assert whole != half
    monkeypatch.setattr(studio, "generate", None)
    evaluate.main(run_of("evaluate", config(), PERSONA))  # of `other`: drawn before
    drawn = (folders.places.samples / "jade-p1-seed3-with.jpg").read_bytes()
    assert drawn == found[0].sides[1].picture("jade-p1-seed3-with.jpg").read_bytes()
