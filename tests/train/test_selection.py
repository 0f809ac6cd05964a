"""The weights are measured by images kept out of training or by pictures: which are taken, when it is enough."""

import hashlib
import json
import os
import signal

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from lora_runs import Stop, make_folder, run_in, stop_at, train_config

from likeness.diffusion.generate import GenerationRequest
from likeness.diffusion.generate import generate as draw
from likeness.errors import InputError, TransientError
from likeness.train.native.data import TrainingExample, read_examples
from likeness.train.native.distributed import Ranks
from likeness.train.native.selection import BestWeights, Evaluator
from likeness.train.native.split import split

WATCHED = {"validation_share": 0.3, "validate_every_steps": 2, "steps": 8}


def sample(source, target=None):
    return TrainingExample(
        path=None, text="", sha256="", repeats=1, width=1, height=1, photograph=source, target=target
    )


SOURCES, TARGETS = (st.sampled_from([f"{role}{n}" for n in range(9)]) for role in "st")


@given(
    st.lists(st.tuples(SOURCES, st.none() | TARGETS), min_size=2, max_size=40, unique=True), st.floats(0, 0.5)
)
def test_no_photograph_of_the_person_is_trained_on_and_held_out(pairs, share):
    samples = [sample(*pair) for pair in pairs]
    try:
        parted = split(samples, share)
    except InputError:
        return
    assert parted.trained
    assert len(parted.trained) + len(parted.held_out) == len(samples)
    assert not {one.photograph for one in parted.trained} & {one.photograph for one in parted.held_out}
    assert len(parted.held_out) >= share * len(samples)
    assert split(samples[::-1], share).held_out == parted.held_out[::-1]
    assert sum(parted.photographs.values()) == len(parted.held_out)


@pytest.mark.parametrize("large", range(1, 12))
def test_a_photograph_of_which_most_images_are_made_is_not_held_out(large):
    samples = [sample(f"s{n}", f"t{m}") for n in range(1, 12) for m in range(30 if n == large else 1)]
    parted = split(samples, 0.1)
    assert len(parted.held_out) == 4
    assert f"s{large}" not in parted.photographs


def test_one_photograph_cannot_be_split():
    with pytest.raises(InputError, match="made of 1: none would be left"):
        split([sample("s1", f"t{n}") for n in range(3)], 0.1)


def test_a_split_says_what_it_keeps_which_scenes_are_seen_and_that_photographs_are_few():
    few = split([sample("s1"), sample("s2"), sample("s1", "t1"), sample("s2", "t1"), sample("s2", "t2")], 0.1)
    (held,) = few.photographs
    assert few.words.endswith(f"of 5 images, all that is made of {held}")
    assert "1 of these are swaps onto a target that is trained on" in few.told()
    assert "2 photographs are few for train.selection.validation_share 0.1" in few.told()
    many = split([sample(f"s{number}") for number in range(20)], 0.1)
    assert len(many.photographs) == 2
    assert "few" not in many.told()
    assert "swaps" not in many.told()
    assert split([sample("s1"), sample("s2")], 0).told() == ""


@pytest.mark.slow
def test_what_is_kept_out_is_in_the_key_and_in_the_file(tmp_path, folder):
    kept = run_in(tmp_path / "a", folder, train_config(**WATCHED))
    assert kept.metadata["likeness.validation"] == "1 of 3 images, all that is made of jade-s2"
    assert "likeness.validation" not in run_in(tmp_path / "b", folder, train_config()).metadata
    metadata = folder / "train" / "metadata.jsonl"
    lines = [json.loads(line) for line in metadata.read_text().splitlines()]
    # The same images, of which two are made of one photograph now: another run.
    sources = [{"source": source} for source in ("s3", "s3", "s1")]
    metadata.write_text("".join(json.dumps(a | b) + "\n" for a, b in zip(lines, sources, strict=True)))
    assert run_in(tmp_path / "a", folder, train_config(**WATCHED)).folder.key != kept.folder.key


def test_a_swap_belongs_to_its_photograph(tmp_path):
    folder = make_folder(tmp_path)
    metadata = folder / "train" / "metadata.jsonl"
    lines = [json.loads(line) for line in metadata.read_text().splitlines()]
    labels = [
        {"source": "s1", "target": None},
        {"source": "s1", "target": "t4"},
        {"source": "s2", "target": "t4"},
    ]
    metadata.write_text(
        "".join(json.dumps(line | label) + "\n" for line, label in zip(lines, labels, strict=True))
    )
    assert [(one.photograph, one.target) for one in read_examples(folder)] == [
        ("s1", None),
        ("s1", "t4"),
        ("s2", "t4"),
    ]


def test_the_validation_loss_is_measured_on_other_images_and_changes_nothing(tmp_path, folder):
    watched = run_in(tmp_path / "a", folder, train_config(**WATCHED))
    assert list(watched.trained.measured["validation_loss"]) == [2, 4, 6, 8]
    rarely = run_in(tmp_path / "b", folder, train_config(**WATCHED | {"validate_every_steps": 8}))
    assert list(rarely.trained.measured["validation_loss"]) == [8]
    assert rarely.trained.measured["validation_loss"][8] == watched.trained.measured["validation_loss"][8]
    assert rarely.trained.losses == watched.trained.losses
    assert len(watched.set.order.epoch(0)[0].members) == 2
    assert sum(map(len, watched.set.order.members.values())) == 2  # of 3


@pytest.mark.slow
@pytest.mark.parametrize("ema", [pytest.param(None, marks=[pytest.mark.slow, pytest.mark.long]), 0.5])
def test_a_resumed_run_measures_and_chooses_as_an_uninterrupted_one(tmp_path, folder, ema):
    # So fast that it gets worse: the best weights are not the last.
    cfg = train_config(**WATCHED, keep_best="validation_loss", ema=ema, lr=0.05, lr_schedule="constant")
    whole = run_in(tmp_path / "whole", folder, cfg)
    with pytest.raises(Stop):
        run_in(tmp_path / "cut", folder, cfg, on_window=stop_at(6))
    resumed = run_in(tmp_path / "cut", folder, cfg)
    assert resumed.trained.resumed_from == 3
    assert resumed.trained.measured == whole.trained.measured
    assert resumed.sha256 == whole.sha256
    losses = whole.trained.measured["validation_loss"]
    best = min(losses, key=losses.get)
    assert whole.trained.step == best
    if best != 8:
        assert (
            whole.sha256
            != run_in(
                tmp_path / "last", folder, train_config(**WATCHED, ema=ema, lr=0.05, lr_schedule="constant")
            ).sha256
        )


@pytest.mark.slow
def test_training_ends_when_patience_does_and_stays_ended(tmp_path, folder):
    cfg = train_config(
        **WATCHED | {"steps": 40}, keep_best="validation_loss", patience=2, lr=0.05, lr_schedule="constant"
    )
    run = run_in(tmp_path, folder, cfg)
    losses = list(run.trained.measured["validation_loss"].values())
    assert len(run.trained.losses) < 40
    assert min(losses[-2:]) >= min(losses[:-2])
    again = run_in(tmp_path, folder, cfg)
    assert again.trained.resumed_from == len(run.trained.losses)
    assert again.sha256 == run.sha256


@pytest.mark.parametrize(("best", "sign"), [(min, 1), (max, -1)])
def test_patience_counts_numbers_since_the_best(best, sign):
    numbers = iter([3.0, 2.0, 2.5, 2.0, 1.0, 1.5, 1.2])
    evaluator = Evaluator(metric="identity", every_steps=1, best=best,
                  evaluate=lambda step, stopped: sign * next(numbers))  # fmt: skip
    cfg = train_config(sample_every_steps=1, keep_best="identity", patience=2)
    weights = BestWeights([evaluator], cfg.selection, cfg.schedule.steps, Ranks())
    answers = []
    for step in range(1, 8):
        weights.evaluate(step, {}, lambda: False)
        answers.append(weights.exhausted)
    assert answers == [False, False, False, True, False, False, True]
    assert weights.best_step == 5


@pytest.mark.parametrize(
    ("change", "missing"),
    [
        ({"keep_best": "validation_loss"}, "validation_share"),
        ({"keep_best": "identity"}, "sample_every_steps"),
        ({"patience": 2}, "keep_best"),
    ],
)
def test_choosing_without_a_measure_is_refused(change, missing):
    with pytest.raises(ValueError, match=missing):
        train_config(**change)


SAMPLED = {"sample_every_steps": 2, "keep_best": "identity", "lora_dropout": 0.2, "ema": 0.5}


def pictures(base, seen, *, ask_to_stop_at=None):
    """An evaluator that draws with the LoRA in the base, and rates a picture by its bytes."""

    def evaluate(step, stopped):
        if step == ask_to_stop_at and step not in seen:
            os.kill(os.getpid(), signal.SIGTERM)
        shot = GenerationRequest(
            prompt="jade", negative_prompt="", seed=1, steps=1, guidance_scale=3.0, side_px=64
        )
        (rgb,) = draw(base, [shot])
        seen.setdefault(step, []).append(hashlib.sha256(rgb.tobytes()).hexdigest())
        torch.manual_seed(step)  # as a library might
        return None if stopped() else int(seen[step][-1][:8], 16) / 2**32

    return Evaluator(metric="identity", every_steps=2, best=max, evaluate=evaluate)


@pytest.mark.slow
def test_drawing_changes_nothing_and_a_stop_within_a_look_loses_nothing(tmp_path, folder):
    last, chosen = train_config(**SAMPLED | {"keep_best": None}), train_config(**SAMPLED)
    plain, seen = run_in(tmp_path / "plain", folder, last), {}
    drawn = run_in(tmp_path / "drawn", folder, last, evaluator=lambda base: pictures(base, seen))
    assert drawn.sha256 == plain.sha256
    assert drawn.trained.losses == plain.trained.losses
    assert list(seen) == [2, 4, 6]
    assert len({pictures[0] for pictures in seen.values()}) == 3  # the LoRA is in them

    again = {}
    with pytest.raises(TransientError, match="step 4 of 6"):
        run_in(tmp_path / "cut", folder, chosen,
               evaluator=lambda base: pictures(base, again, ask_to_stop_at=4))  # fmt: skip
    with pytest.raises(TransientError, match="step 6 of 6"):
        run_in(tmp_path / "cut", folder, chosen,
               evaluator=lambda base: pictures(base, again, ask_to_stop_at=6))  # fmt: skip
    resumed = run_in(tmp_path / "cut", folder, chosen, evaluator=lambda base: pictures(base, again))
    assert again == {2: seen[2], 4: seen[4] * 2, 6: seen[6] * 2}
    assert resumed.trained.measured == drawn.trained.measured
    identity = resumed.trained.measured["identity"]
    assert resumed.trained.step == max(identity, key=identity.get)
