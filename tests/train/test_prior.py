"""Pictures of the class beside the persona's: what they are called, how often they are shown, and that runs repeat."""

import json
from pathlib import Path

import pytest
from lora_runs import Stop, make_folder, run_in, stop_at, train_config

from likeness.lora.safetensors_io import read_metadata
from likeness.train.native.data import TrainingExample, read_examples
from likeness.train.native.prior import class_text, prior_examples, spread


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("jade woman, smiling, in the jaded park", "woman, smiling, in the jaded park"),
        ("a photo of Jade  woman, smiling", "a photo of woman, smiling"),
        ("a photo of jade, smiling", "a photo of woman, smiling"),
        ("jade womanly dressed", "woman womanly dressed"),
        ("a street", "a street"),
    ],
)
def test_the_class_is_what_remains_without_the_trigger(text, told):
    assert class_text(text, trigger="jade", class_word="woman") == told


def test_a_trigger_may_be_of_any_characters():
    assert class_text("<s1>+ man, smiling", trigger="<s1>+", class_word="man") == "man, smiling"


def test_texts_are_taken_from_everywhere():
    assert spread("abcdef", 3) == ["a", "c", "e"]
    assert spread("ab", 5) == ["a", "a", "a", "b", "b"]


@pytest.mark.parametrize("count", [1, 3, 4, 7])
def test_the_class_is_shown_as_often_as_the_persona(count):
    own = [
        TrainingExample(path=Path("x"), text="", sha256="", repeats=n, width=64, height=64) for n in (3, 4)
    ]
    prior = prior_examples([(Path("y"), "woman", "")] * count, own, 128)
    repeats = [sample.repeats for sample in prior]
    assert sum(repeats) == 7
    assert max(repeats) - min(repeats) <= 1
    assert all(sample.prior and (sample.width, sample.height) == (128, 128) for sample in prior)


@pytest.fixture
def pictures(tmp_path):
    return [
        (s.path, class_text(s.text, trigger="jade", class_word="woman"), s.sha256)
        for s in read_examples(make_folder(tmp_path / "class", ((64, 64),) * 5))
    ]


@pytest.mark.slow
def test_a_resumed_run_with_class_and_mask_ends_with_the_same_bytes(tmp_path, folder, pictures):
    metadata = folder / "train" / "metadata.jsonl"
    outline = ', "face_outline_px": [[20, 10], [70, 20], [40, 80]]}'
    metadata.write_text(metadata.read_text().replace("}", outline))
    cfg = train_config(prior_images=5, prior_weight=0.5, outside_weight=0.1)
    whole = run_in(tmp_path / "whole", folder, cfg, prior=pictures)
    with pytest.raises(Stop):
        run_in(tmp_path / "cut", folder, cfg, prior=pictures, on_window=stop_at(4))
    resumed = run_in(tmp_path / "cut", folder, cfg, prior=pictures)
    assert resumed.trained.resumed_from == 3
    assert resumed.sha256 == whole.sha256
    alone = run_in(tmp_path / "alone", folder, cfg)
    assert alone.folder.key != whole.folder.key
    assert alone.trained.losses != whole.trained.losses

    told = read_metadata(whole.data)
    assert (told["ss_num_train_images"], told["ss_num_reg_images"], told["ss_prior_loss_weight"]) == (
        "6",
        "5",
        "0.5",
    )
    assert json.loads(told["ss_dataset_dirs"]) == {"2_jade woman": {"n_repeats": 2, "img_count": 3}}
    assert told["ss_num_batches_per_epoch"] == "6"
    assert told["likeness.dataset_sha256"] != read_metadata(alone.data)["likeness.dataset_sha256"]
