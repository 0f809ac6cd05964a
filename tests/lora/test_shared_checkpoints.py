"""A run goes on on another machine that has nothing but the team's store, a real S3 server here."""

import pytest
from lora_runs import Stop, run_in, stop_at, train_config
from s3_server import S3Server

from likeness.config import Config
from likeness.lora.checkpoint import RunFolder
from likeness.lora.shared_checkpoints import SharedCheckpoints
from likeness.s3 import Remote

KEY = "a-run"


@pytest.fixture
def url(tmp_path, monkeypatch):
    with S3Server(tmp_path / "s3") as server:
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)
        yield f"s3://{server.new_bucket()}/team"


def folder_of(place, url):
    return RunFolder(place, key=KEY, kept=2, shared=SharedCheckpoints(Remote(url), KEY))


def test_another_machine_ends_with_the_same_bytes(tmp_path, folder, url):
    cfg = train_config(checkpoint_every_steps=2)
    whole = run_in(tmp_path / "whole", folder, cfg)
    first = folder_of(tmp_path / "first", url)
    with pytest.raises(Stop), first.shared.running():
        run_in(tmp_path / "one", folder, cfg, on_window=stop_at(5), run=first)
    assert first.shared.problem is None
    assert not first.shared.unsent
    second = folder_of(tmp_path / "second", url)
    resumed = run_in(tmp_path / "other", folder, cfg, run=second)
    assert resumed.trained.resumed_from == 4
    assert resumed.sha256 == whole.sha256

    # The newest is damaged on the way: the one before it is taken.
    remote = Remote(url)
    places = {place: remote.read(f"training/{KEY}/{place}") for place in (0, 1)}
    newest = max(places, key=lambda place: b'"step":"4"' in places[place])
    remote.write(f"training/{KEY}/{newest}", places[newest][:-1] + b"?")
    assert folder_of(tmp_path / "third", url).newest().step == 2


def test_a_store_that_fails_is_told_and_training_goes_on(tmp_path, folder, url):
    lost = RunFolder(tmp_path / "run", key=KEY, kept=2, shared=SharedCheckpoints(Remote(url), KEY))
    assert lost.newest() is None
    lost.shared._remote = Remote("s3://no-such-bucket/team")
    with lost.shared.running():
        lost.save(3, {})
        lost.save(4, {})
    assert "no-such-bucket" in str(lost.shared.problem)
    assert RunFolder(tmp_path / "run", key=KEY, kept=2).newest().step == 4


def test_sharing_needs_a_place_to_share():
    import yaml
    from lora_runs import ROOT

    values = yaml.safe_load((ROOT / "params.yaml").read_text())
    values["train"]["share_checkpoints"] = True
    with pytest.raises(ValueError, match=r"items\.remote"):
        Config.model_validate(values)
    values["items"]["remote"] = "s3://team/items"
    assert Config.model_validate(values).train.share_checkpoints
