"""A run goes on on another machine that has nothing but the team's store, a real S3 server here."""

import threading

import pytest
from lora_runs import Stop, run_in, stop_at, train_config

from likeness.config import validated
from likeness.errors import ConfigError
from likeness.store.s3 import Remote
from likeness.train.native import shared_checkpoints
from likeness.train.native.checkpoint import RunFolder
from likeness.train.native.shared_checkpoints import SharedCheckpoints
from likeness.train.native.trainer import sharing

KEY = "a-run"


@pytest.fixture
def url(s3):
    return f"s3://{s3.new_bucket()}/team"


def folder_of(place, url):
    return RunFolder(place, key=KEY, kept=2, shared=SharedCheckpoints(Remote(url), KEY))


@pytest.mark.slow
def test_another_machine_ends_with_the_same_bytes(tmp_path, folder, url):
    cfg = train_config(checkpoint_every_steps=2, weights_every_steps=2)
    whole = run_in(tmp_path / "whole", folder, cfg, resume_as=KEY)
    first = folder_of(tmp_path / "first", url)
    with pytest.raises(Stop), first.shared.running():
        run_in(tmp_path / "one", folder, cfg, on_window=stop_at(5), run=first)
    assert (first.shared.unsent, first.shared.problem) == (0, None)
    second = folder_of(tmp_path / "second", url)
    resumed = run_in(tmp_path / "other", folder, cfg, run=second)
    assert resumed.trained.resumed_from == 4
    assert resumed.sha256 == whole.sha256
    assert contents(second) == contents(whole.folder)
    assert list(second.weights()) == [2, 4]


def contents(run):
    return {step: path.read_bytes() for step, path in run.weights().items()}


@pytest.fixture
def shared(tmp_path, url):
    """Two checkpoints of another machine, with intermediate weights before each."""
    run = folder_of(tmp_path / "another", url)
    with run.shared.running():
        for step in (2, 4):
            run.save_weights(step, b"weights of %d" % step)
            run.save(step, {})
            sent(run.shared)
    return Remote(url)


def sent(shared):
    with shared._change:
        assert shared._change.wait_for(lambda: not shared.unsent, 60)


@pytest.mark.parametrize("damaged", ["1", "weights/step-00000004.safetensors"])
@pytest.mark.parametrize("how", [lambda data: data[:-1], lambda data: data.replace(b"4", b"5", 1)])
def test_what_is_damaged_on_the_way_gives_way_to_the_one_before(tmp_path, url, shared, damaged, how):
    name = f"training/{KEY}/{damaged}"
    assert folder_of(tmp_path / "whole", url).newest().step == 4
    shared.write(name, how(shared.read(name)))
    run = folder_of(tmp_path / "run", url)
    assert run.newest().step == 2
    assert contents(run) == {2: b"weights of 2"}


def test_the_newest_wins_wherever_it_is(tmp_path, url, shared):
    run = folder_of(tmp_path / "run", url)
    run.save(3, {})
    assert run.newest().step == 4
    run.save(5, {})
    assert run.newest().step == 5


def test_a_store_that_fails_stops_nothing_and_gets_all_when_it_is_back(tmp_path, url, monkeypatch):
    run = folder_of(tmp_path / "run", url)
    there = run.shared._remote
    run.shared._remote = Remote("s3://no-such-bucket/team")
    with run.shared.running():
        for step in (2, 4):
            run.save_weights(step, b"weights of %d" % step)
            run.save(step, {})
        with run.shared._change:
            assert run.shared._change.wait_for(lambda: run.shared.problem, 10)
        assert "no-such-bucket" in str(run.shared.problem)
        run.shared._remote = there
    assert (run.shared.unsent, run.shared.problem) == (0, None)
    other = folder_of(tmp_path / "other", url)
    assert other.newest().step == 4
    assert list(other.weights()) == [2, 4]


def test_a_fault_nobody_thought_of_is_told_and_does_not_hold_up_the_end(tmp_path, url, monkeypatch):
    run = folder_of(tmp_path / "run", url)
    monkeypatch.setattr(run.shared._remote, "upload", lambda *_: 1 / 0)
    with run.shared.running():
        run.save(2, {})
    assert run.shared.unsent == 1
    assert isinstance(run.shared.problem, ZeroDivisionError)
    assert run.newest().step == 2


def test_the_end_waits_for_a_slow_store_no_longer_than_it_says(tmp_path, url, monkeypatch, capfd):
    released = threading.Event()
    run = folder_of(tmp_path / "run", url)
    monkeypatch.setattr(run.shared._remote, "upload", lambda *_: released.wait(30))
    monkeypatch.setattr(shared_checkpoints, "PATIENCE_S", 0.05)
    with sharing(run.shared):
        for step in (2, 4, 6):
            run.save(step, {})
    assert run.shared.unsent == 1
    assert "lacks the newest 1 file(s) of this run: it took too long" in capfd.readouterr().err
    released.set()


def test_sharing_needs_a_place_to_share():
    import yaml
    from conf_sections import ROOT

    values = yaml.safe_load((ROOT / "params.yaml").read_text())
    values["train"]["checkpoint"]["share"] = True
    with pytest.raises(ConfigError, match=r"items\.remote"):
        validated(values, ROOT / "params.yaml")
    values["items"]["remote"] = "s3://team/items"
    assert validated(values, ROOT / "params.yaml").train.checkpoint.share
