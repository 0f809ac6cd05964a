"""Images kept out of training judge it: which weights are taken, and when it is enough."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lora_runs import Stop, make_folder, run_in, stop_at, train_config

from likeness.errors import InputError
from likeness.lora.data import Sample, read_samples, split
from likeness.lora.validation import Validation
from likeness.lora.world import World

WATCHED = {"validation_share": 0.3, "validate_every_steps": 2, "steps": 8}


def sample(group):
    return Sample(path=None, text="", sha256="", repeats=1, width=1, height=1, group=group)


@given(st.lists(st.sampled_from([f"t{n}" for n in range(9)]), min_size=2, max_size=40), st.floats(0, 0.5))
def test_groups_are_held_out_whole(groups, share):
    samples = [sample(group) for group in groups]
    try:
        trained, held = split(samples, share)
    except InputError:
        return
    assert trained
    assert len(trained) + len(held) == len(samples)
    assert not {one.group for one in trained} & {one.group for one in held}
    assert len(held) >= share * len(samples)
    assert split(samples[::-1], share)[1] == held[::-1]


def test_one_group_cannot_be_split():
    with pytest.raises(InputError, match="leaves none to train on"):
        split([sample("t1")] * 3, 0.1)


def test_a_swap_belongs_to_its_target(tmp_path):
    folder = make_folder(tmp_path)
    metadata = folder / "metadata.jsonl"
    lines = [json.loads(line) for line in metadata.read_text().splitlines()]
    names = ("jade-s1", "jade-s1-t4", "jade-s2-t4")
    metadata.write_text(
        "".join(json.dumps(line | {"id": name}) + "\n" for line, name in zip(lines, names, strict=True))
    )
    assert [one.group for one in read_samples(folder)] == ["s1", "t4", "t4"]


def test_the_validation_loss_is_measured_on_other_images_and_changes_nothing(tmp_path, folder):
    watched = run_in(tmp_path / "a", folder, train_config(**WATCHED))
    assert list(watched.trained.validation) == [2, 4, 6, 8]
    rarely = run_in(tmp_path / "b", folder, train_config(**WATCHED | {"validate_every_steps": 8}))
    assert list(rarely.trained.validation) == [8]
    assert rarely.trained.validation[8] == watched.trained.validation[8]
    assert rarely.trained.losses == watched.trained.losses
    assert len(watched.set.order.epoch(0)[0].members) == 2
    assert sum(map(len, watched.set.order.members.values())) == 2  # of 3


@pytest.mark.parametrize("ema", [None, 0.5])
def test_a_resumed_run_measures_and_chooses_as_an_uninterrupted_one(tmp_path, folder, ema):
    # So fast that it gets worse: the best weights are not the last.
    cfg = train_config(**WATCHED, choose="best", ema=ema, lr=0.05, lr_schedule="constant")
    whole = run_in(tmp_path / "whole", folder, cfg)
    with pytest.raises(Stop):
        run_in(tmp_path / "cut", folder, cfg, on_window=stop_at(6))
    resumed = run_in(tmp_path / "cut", folder, cfg)
    assert resumed.trained.resumed_from == 3
    assert resumed.trained.validation == whole.trained.validation
    assert resumed.sha256 == whole.sha256
    best = min(whole.trained.validation, key=whole.trained.validation.get)
    assert whole.trained.step == best
    if best != 8:
        assert (
            whole.sha256
            != run_in(tmp_path / "last", folder, cfg.model_copy(update={"choose": "last"})).sha256
        )


def test_training_ends_when_patience_does_and_stays_ended(tmp_path, folder):
    cfg = train_config(**WATCHED | {"steps": 40}, patience=2, lr=0.05, lr_schedule="constant")
    run = run_in(tmp_path, folder, cfg)
    losses = list(run.trained.validation.values())
    assert len(run.trained.losses) < 40
    assert min(losses[-2:]) >= min(losses[:-2])
    again = run_in(tmp_path, folder, cfg)
    assert again.trained.resumed_from == len(run.trained.losses)
    assert again.sha256 == run.sha256


def test_patience_counts_looks_since_the_best():
    validation = Validation(None, train_config(validation_share=0.3, patience=2), World())
    answers = []
    for step, loss in enumerate([3.0, 2.0, 2.5, 2.0, 1.0, 1.5, 1.2], start=1):
        validation.losses[step] = loss
        answers.append(validation.exhausted)
    assert answers == [False, False, False, True, False, False, True]
    assert validation.best_step == 5


def test_choosing_without_a_judge_is_refused():
    with pytest.raises(ValueError, match="validation_share"):
        train_config(choose="best")
