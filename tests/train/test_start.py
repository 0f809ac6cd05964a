"""Training that starts from a LoRA file: with its weights exactly, under a key of its own, or not at all."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from conf_sections import composition
from lora_runs import FACTS, Stop, make_folder, random_base, run_in, stop_at, train_config
from safetensors.torch import load_file, save_file

from likeness.check import check_parts
from likeness.config import load_config
from likeness.errors import ConfigError, ConsentError, InputError, LikenessError
from likeness.lora.adapter import add_lora, lora_tensors
from likeness.lora.convert import convert
from likeness.lora.safetensors_io import read_metadata
from likeness.lora.signature import sign_weights
from likeness.marks.keys import development_key
from likeness.paths import RepositoryPaths
from likeness.train.config import TrainConfig
from likeness.train.native.start import read_start
from likeness.train.starting import check_start

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """A finished run of six steps on what `folder` holds; nobody changes it."""
    torch.set_num_threads(1)
    place = tmp_path_factory.mktemp("first")
    return run_in(place, make_folder(place / "lora_training"), train_config())


@pytest.fixture
def trained(tmp_path, first):
    """That run, and a copy of its file."""
    path = tmp_path / "jade-6.safetensors"
    path.write_bytes(first.data)
    return first, path


def begun(path: Path, cfg: TrainConfig) -> dict[str, torch.Tensor]:
    """The weights of a new adapter that starts from a file."""
    base = random_base()
    parameters = add_lora(base, cfg.lora, seed=cfg.seed, text_encoders=cfg.optimizer.text_encoders)
    read_start(path, FACTS.consent_id).fill(base, parameters)
    return lora_tensors(parameters)


def test_the_weights_at_the_start_are_the_files_under_any_names(tmp_path, trained):
    run, path = trained
    learned = lora_tensors(run.trained.parameters)
    started = begun(path, train_config())
    assert started.keys() == learned.keys()
    assert all(torch.equal(started[name], learned[name]) for name in learned)

    diffusers = tmp_path / "diffusers.safetensors"
    diffusers.write_bytes(convert(path, to="diffusers", dtype=None).data)
    peft = tmp_path / "peft"
    peft.mkdir()
    config = {"r": 4, "lora_alpha": 2, "auto_mapping": {"base_model_class": "UNet2DConditionModel"}}
    (peft / "adapter_config.json").write_text(json.dumps(config))
    named = {f"base_model.model.{name.removeprefix('unet.')}": tensor for name, tensor in learned.items()}
    save_file(named, peft / "adapter_model.safetensors")
    for other in (diffusers, peft):
        found = begun(other, train_config())
        assert all(torch.equal(found[name], learned[name]) for name in learned)


def test_another_alpha_draws_the_same_at_the_start(trained):
    _, path = trained
    same, double = begun(path, train_config()), begun(path, train_config(alpha=4))
    for name, tensor in same.items():
        assert torch.equal(double[name] * (2 if ".lora_B." in name else 1), tensor)


@pytest.mark.slow
def test_a_continued_run_has_a_key_of_its_own_and_resumes_bit_for_bit(tmp_path, folder, trained, capsys):
    run, path = trained
    start = read_start(path, FACTS.consent_id)
    whole = run_in(tmp_path / "whole", folder, train_config(), start=start)
    assert "starts at step 0 with the weights of jade-6.safetensors (of 6 steps, " in capsys.readouterr().err
    assert whole.folder.key != run.folder.key
    assert whole.sha256 != run.sha256
    assert whole.trained.probe_before == run.trained.probe_after
    assert read_metadata(whole.data)["likeness.started_from"] == start.sha256
    assert "likeness.started_from" not in run.metadata
    with pytest.raises(Stop):
        run_in(tmp_path / "cut", folder, train_config(), start=start, on_window=stop_at(6))
    capsys.readouterr()
    resumed = run_in(tmp_path / "cut", folder, train_config(), start=start)
    assert "starts at step 0" not in capsys.readouterr().err
    assert resumed.trained.resumed_from == 3
    assert resumed.sha256 == whole.sha256

    path.write_bytes(whole.data)
    again = read_start(path, FACTS.consent_id)
    assert run_in(tmp_path / "cut", folder, train_config(), start=again).folder.key != whole.folder.key


def test_a_start_on_another_base_is_told(tmp_path, trained):
    run, path = trained
    base = SimpleNamespace(digest=FACTS.base.digest)
    assert read_start(path, FACTS.consent_id).words(base) == "the weights of jade-6.safetensors (of 6 steps)"
    of_another = tmp_path / "other.safetensors"
    metadata = run.metadata | {"likeness.base_sha256": "f" * 64, "ss_sd_model_name": "juggernaut\x1b[2J"}
    save_file(load_file(path), of_another, metadata)
    assert read_start(of_another, FACTS.consent_id).words(base) == (
        "the weights of other.safetensors (of 6 steps, trained on another base: juggernaut [2J)"
    )
    save_file(load_file(path), of_another, {"ss_steps": "many", "likeness.consent_id": FACTS.consent_id})
    assert read_start(of_another, FACTS.consent_id).words(base) == "the weights of other.safetensors"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"rank": 8}, r"is \[4"),
        ({"targets": ["to_q"]}, "others"),
        ({"targets": ["to_q", "to_k", "to_v", "to_out.0", "conv1"]}, "lacks"),
        ({"lora_kind": "dora"}, "lacks"),
        ({"text_encoder_lr": 1e-4}, "lacks"),
    ],
    ids=["rank", "fewer layers", "more layers", "kind", "text encoders"],
)
def test_what_does_not_fit_is_refused(trained, changes, words):
    with pytest.raises(ConfigError, match=words) as caught:
        begun(trained[1], train_config(**changes))
    assert "train.lora" in caught.value.remedy


def test_a_run_says_that_it_begins_anew_and_one_that_is_refused_says_nothing(
    tmp_path, folder, trained, capsys
):
    run_in(tmp_path / "anew", folder, train_config(steps=7))  # more steps than the finished run had
    assert "starts at step 0 with new weights (train.start_from would" in capsys.readouterr().err
    with pytest.raises(ConfigError):
        run_in(
            tmp_path / "other", folder, train_config(rank=8), start=read_start(trained[1], FACTS.consent_id)
        )
    assert "starts at" not in capsys.readouterr().err


def test_other_files_are_refused(tmp_path, trained):
    _, path = trained
    with pytest.raises(ConsentError, match="jade-2026-01, not mia-2026-02"):
        read_start(path, "mia-2026-02")
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(InputError):
        read_start(broken, FACTS.consent_id)
    tensors = load_file(path)
    last = next(name for name in tensors if name.endswith("lora_up.weight"))
    tensors[last] = tensors[last] * torch.nan
    save_file(tensors, broken)
    with pytest.raises(InputError, match="1 tensors have numbers that are infinite or not a number"):
        read_start(broken, FACTS.consent_id)
    stranger = tmp_path / "stranger.safetensors"
    save_file({f"other.{name}": tensor for name, tensor in load_file(path).items()}, stranger)
    with pytest.raises(InputError, match="layers are none of"):
        begun(stranger, train_config())


@pytest.mark.parametrize(
    ("named", "words"),
    [
        ("models/jade/jade-v1.safetensors", "cp models/jade/jade-v1.safetensors jade-v1-first.safetensors"),
        ("models/jade/training/checkpoints/jade-v1-step-000250.safetensors", "DVC removes that"),
        ("gone.safetensors", "nothing is there"),
    ],
)
def test_the_check_finds_a_file_that_will_not_be_there(in_tmp, named, words):
    Path("models/jade/training/checkpoints").mkdir(parents=True)
    if named != "gone.safetensors":
        Path(named).write_bytes(b"x")
    Path("params.yaml").write_bytes(composition(f"train.start_from={named}"))
    with pytest.raises(ConfigError) as caught:
        check_parts(load_config(Path("params.yaml")))
    assert words in str(caught.value)


def layer(rank=4, **changed):
    tensors = {
        "lora_unet_x.lora_down.weight": torch.ones(rank, 8),
        "lora_unet_x.lora_up.weight": torch.ones(8, rank),
    }
    return tensors | changed


@pytest.mark.parametrize(
    ("tensors", "metadata", "words"),
    [
        (layer(rank=8), None, "its layers have the rank 8, and train.lora.rank is 4"),
        (layer(**{"lora_unet_x.hada_w1_a": torch.ones(2, 2)}), None, "hada_w1_a is not a tensor of a LoRA"),
        (
            layer(**{"lora_unet_x.lora_up.weight": torch.full((8, 4), torch.nan)}),
            None,
            "32 of its numbers are infinite",
        ),
        (
            layer(),
            {"likeness.consent_id": "mia-2026-02"},
            "under the consent record mia-2026-02, not jade-2026-11",
        ),
        (None, None, "first.safetensors is not a safetensors file"),
    ],
    ids=["rank", "LoHa", "NaN", "another person's", "no file"],
)
def test_the_check_finds_a_file_that_training_would_refuse(in_tmp, tensors, metadata, words):
    """Before anything is bought: training comes last."""
    if tensors is None:
        Path("first.safetensors").write_bytes(b"PK")
    else:
        save_file(tensors, "first.safetensors", metadata)
    shutil.copytree(ROOT / "consent", "consent")
    Path("params.yaml").write_bytes(composition("train.start_from=first.safetensors", "train.lora.rank=4"))
    with pytest.raises(LikenessError, match=words) as caught:
        check_start(load_config(Path("params.yaml")), RepositoryPaths.here())
    assert caught.value.message.startswith("train.start_from first.safetensors")
    assert caught.value.remedy


def test_the_check_lets_a_file_of_its_own_pass(in_tmp):
    save_file(layer(), "first.safetensors", {"likeness.consent_id": "jade-2026-11"})
    shutil.copytree(ROOT / "consent", "consent")
    Path("params.yaml").write_bytes(composition("train.start_from=first.safetensors", "train.lora.rank=4"))
    check_start(load_config(Path("params.yaml")), RepositoryPaths.here())


def test_the_check_refuses_a_signed_file_that_was_changed(in_tmp):
    """As a tool leaves it that merges another LoRA into it and keeps what it says."""
    save_file(layer(), "plain.safetensors", {"likeness.consent_id": "jade-2026-11"})
    first = Path("first.safetensors")
    sign_weights(Path("plain.safetensors"), first, {}, development_key(in_tmp / "keys"))
    shutil.copytree(ROOT / "consent", "consent")
    Path("params.yaml").write_bytes(composition("train.start_from=first.safetensors", "train.lora.rank=4"))
    cfg = load_config(Path("params.yaml"))
    check_start(cfg, RepositoryPaths.here())
    data = first.read_bytes()
    first.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(InputError) as caught:
        check_start(cfg, RepositoryPaths.here())
    assert caught.value.reason == "changed-after-signing"


def test_pissa_starts_from_the_base_alone():
    with pytest.raises(ValueError, match="2 times the rank and alpha"):
        train_config(lora_kind="pissa", start_from="jade.safetensors")
