"""Keys of a team's members, and the checkpoints that they seal."""

import os
from pathlib import Path

import pytest
import torch

from likeness.errors import ConfigError
from likeness.lora.safetensors_io import content_sha256, read_metadata, weights_bytes
from likeness.team_keys import MEMBERS, PRIVATE_KEY, TeamKeys
from likeness.train.native.checkpoint import RunFolder, _seal


def test_a_signature_for_one_purpose_serves_for_no_other(tmp_path):
    mine = TeamKeys("record of an item", tmp_path)
    assert mine.signer(b"x", mine.sign(b"x"))
    assert TeamKeys("checkpoint of a training", tmp_path).signer(b"x", mine.sign(b"x")) is None


def test_the_key_is_its_owners_alone(tmp_path):
    keys = TeamKeys("x", tmp_path / "home")
    keys.allow(TeamKeys("x", tmp_path / "other").public, "Ben")
    assert {path.name: oct(path.stat().st_mode & 0o777) for path in keys.folder.iterdir()} == {
        PRIVATE_KEY: "0o600",
        MEMBERS: "0o600",
    }
    assert oct(keys.folder.stat().st_mode & 0o777) == "0o700"
    for name in (PRIVATE_KEY, MEMBERS):
        os.chmod(keys.folder / name, 0o666)
        with pytest.raises(ConfigError, match="others"):
            TeamKeys("x", keys.folder).members  # noqa: B018
        os.chmod(keys.folder / name, 0o600)


@pytest.mark.parametrize(
    ("key", "name"), [("short", "Ann"), ("A" * 43 + "=", ""), ("A" * 43 + "=", "Ann\nKEY Eve")]
)
def test_what_is_no_key_or_no_name_is_no_member(tmp_path, key, name):
    with pytest.raises(ConfigError):
        TeamKeys("x", tmp_path).allow(key, name)


RUN = "a" * 64


TENSORS = {"lora": torch.ones(2, 2)}


def forged(folder: Path, **metadata: str) -> None:
    said = {"run": RUN, "step": "5", "weights": "{}", **metadata}
    said["sha256"] = _seal(
        {name: text for name, text in said.items() if name != "signature"}, content_sha256(TENSORS)
    )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "step-00000005.safetensors").write_bytes(weights_bytes(TENSORS, said))


@pytest.mark.parametrize(
    "metadata",
    [{}, {"signature": "null"}, {"signature": "{"}, {"signature": "[" * 100_000}, {"signature": '{"key": "A", "value": "B"}'},
     {"weights": "no"}],
    ids=["unsigned", "null", "no JSON", "deep", "a stranger", "malformed"],
)  # fmt: skip
def test_a_checkpoint_that_another_hand_sealed_is_not_gone_on_from(tmp_path, metadata):
    forged(tmp_path / "run", **metadata)
    assert RunFolder(tmp_path / "run", key=RUN, kept=2).newest() is None


def test_a_checkpoint_of_another_machine_counts_when_that_machine_is_a_member(tmp_path, monkeypatch):
    monkeypatch.setenv("LIKENESS_HOME", str(tmp_path / "home-ann"))
    RunFolder(tmp_path / "run", key=RUN, kept=2).save(5, TENSORS)
    monkeypatch.setenv("LIKENESS_HOME", str(tmp_path / "home-ben"))
    assert RunFolder(tmp_path / "run", key=RUN, kept=2).newest() is None
    ann = TeamKeys("x", tmp_path / "home-ann").public
    TeamKeys("x", tmp_path / "home-ben").allow(ann, "ann")
    assert RunFolder(tmp_path / "run", key=RUN, kept=2).newest().step == 5


def more_tensors(path: Path) -> None:
    whole = path.read_bytes()
    path.write_bytes(weights_bytes({**TENSORS, "more": torch.ones(1)}, read_metadata(whole)))


def another_run(path: Path) -> None:
    path.write_bytes(weights_bytes(TENSORS, {**read_metadata(path.read_bytes()), "run": "b" * 64}))


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-3])


def one_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))


@pytest.mark.parametrize(
    "attack", [more_tensors, another_run, cut_short, one_bit], ids=lambda attack: attack.__name__
)
def test_an_own_checkpoint_that_was_changed_is_not_gone_on_from(tmp_path, attack):
    folder = RunFolder(tmp_path / "run", key=RUN, kept=2)
    folder.save(5, TENSORS)
    attack(tmp_path / "run" / "step-00000005.safetensors")
    assert folder.newest() is None


def test_a_pickle_is_no_checkpoint(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    torch.save({"lora": torch.ones(1)}, folder / "step-00000005.safetensors")
    assert RunFolder(folder, key=RUN, kept=2).newest() is None
