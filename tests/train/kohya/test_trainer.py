"""The trainer `kohya`: our settings reach sd-scripts, its progress is read, its file is checked and described as ours."""

import csv
import json
import os
import shutil
import signal
import sys
import threading
import time
from pathlib import Path

import pytest
from conf_sections import section
from lora_runs import EVERY_BLOCK, base_config, make_folder, train_config
from persona_folders import Folders
from runs import run_of
from safetensors import safe_open

from likeness.config import Config, ItemsConfig, TrackingConfig
from likeness.diffusion.load import load_base
from likeness.errors import ConfigError, InputError, ProviderError, TransientError
from likeness.paths import PersonaPaths
from likeness.persona import Persona, Similarity
from stages.train import main

STAND_IN = Path(__file__).with_name("stand_in.py")
PERSONA = Persona(name="jade", trigger="jade", class_word="woman", held_out=(),
                  similarity=Similarity(source_min=0.7, swap_min=0.6, target_max=0.8))  # fmt: skip
MAPS = {
    "trainer": "kohya", "gradient_checkpointing": "off", "weights_every_steps": 4, "keep_best": None,
    "targets": ["to_q", "to_k", "to_v", "to_out.0", "proj_in", "proj_out", "ff.net.0.proj", "ff.net.2"],
}  # fmt: skip


@pytest.fixture(scope="module")
def base_folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("base")
    load_base(base_config("sd15"), device="cpu").pipeline.save_pretrained(folder)
    return folder


@pytest.fixture
def checkout(in_tmp: Path, monkeypatch) -> Path:
    monkeypatch.setattr("likeness.train.door.admit", lambda run: None)  # its folder is of no dataset stage
    folder = in_tmp / "sd-scripts"
    folder.mkdir()
    shutil.copyfile(STAND_IN, folder / "train_network.py")
    Folders(in_tmp).consent([])
    make_folder(PersonaPaths("jade").lora_training)
    return folder


def config(base_folder: Path, checkout: Path, **changes) -> Config:
    kohya = {"checkout": str(checkout), "python": sys.executable}
    return Config.model_construct(
        base=base_config("sd15", source=str(base_folder), seed=None, name="toy"),
        train=train_config(**(MAPS | {"kohya": kohya, "blocks": EVERY_BLOCK} | changes)),
        items=ItemsConfig(**section("items/local.yaml")),
        tracking=TrackingConfig(enabled=False, uri="sqlite:///mlflow.db", experiment="likeness"),
    )


def test_settings_reach_the_script_and_its_file_is_checked_and_described(
    base_folder, checkout, monkeypatch, capfd
):
    monkeypatch.setenv("XAI_API_KEY", "planted-key")
    main(run_of("train", config(base_folder, checkout, noise_offset=0.05, huber_c=0.1), PERSONA))
    seen = json.loads((checkout / "seen.json").read_text())
    told = {name: value for name, value in seen["options"].items() if value not in (None, False)}
    assert told["pretrained_model_name_or_path"] == str(base_folder)
    assert (told["network_dim"], told["network_alpha"], told["max_train_steps"], told["seed"]) == (
        "4",
        "2",
        "6",
        "42",
    )
    assert (told["optimizer_type"], told["optimizer_args"]) == (
        "AdamW",
        ["weight_decay=0.01", "betas=0.9,0.999", "fused=True"],
    )
    assert (told["lr_scheduler"], told["lr_warmup_steps"], told["min_snr_gamma"]) == ("cosine", "1", "5")
    assert (told["noise_offset"], told["loss_type"], told["huber_c"]) == ("0.05", "huber", "0.1")
    assert told["network_train_unet_only"]
    (dataset,) = seen["dataset"]["datasets"]
    assert (dataset["resolution"], dataset["batch_size"]) == ([64, 64], 2)
    assert [Path(subset["image_dir"]).name for subset in dataset["subsets"]] == ["2_jade woman"]
    places = PersonaPaths("jade")
    with safe_open(places.weights, "pt") as file:
        metadata = file.metadata()
    assert metadata["likeness.consent_id"] == "jade-2026-01"
    assert metadata["modelspec.trigger_phrase"] == "jade woman"
    assert metadata["modelspec.implementation"].endswith("sd-scripts")
    rows = list(csv.DictReader(places.loss_csv.read_text().splitlines()))
    assert [float(row["loss"]) for row in rows] == pytest.approx([0.19, 0.18, 0.17, 0.16, 0.15, 0.14])
    assert json.loads(places.training_metrics.read_text())["lora_effect"] > 0
    assert [path.name for path in places.checkpoints.iterdir()] == ["jade-v1-step-000004.safetensors"]
    assert (
        "starts at step 0 with new weights; sd-scripts goes on from no earlier run" in capfd.readouterr().err
    )
    assert "planted-key" not in (checkout / "seen.json").read_text()


def test_a_training_set_exchanged_while_the_script_reads_it_gives_no_weights(
    base_folder, checkout, monkeypatch
):
    looks = iter(
        [None, InputError("jade-s1.jpg is not the file that its line names", reason="not-in-manifest")]
    )

    def admit(run):
        if (error := next(looks)) is not None:
            raise error

    monkeypatch.setattr("likeness.train.door.admit", admit)
    with pytest.raises(InputError):
        main(run_of("train", config(base_folder, checkout), PERSONA))
    assert not PersonaPaths("jade").weights.exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"face_fraction": 0.5}, "train.data.face_fraction: null"),
        ({"caption_shuffles": 2}, "train.data.caption_shuffles: 0"),
        ({"lora_kind": "dora"}, "train.lora.kind: lora"),
        ({"ema": 0.99}, "train.optimizer.ema: null"),
        ({"validation_share": 0.1}, "train.selection.validation_share: 0"),
        ({"start_from": "jade.safetensors"}, "train.start_from: null"),
        ({"targets": ["to_q"]}, "train.lora.targets"),
        ({"gradient_checkpointing": "auto"}, "train.system.gradient_checkpointing: on or off"),
    ],
)
def test_what_does_not_map_is_refused_before_anything_runs(base_folder, checkout, change, words):
    with pytest.raises(ConfigError) as caught:
        main(run_of("train", config(base_folder, checkout, **change), PERSONA))
    assert words in str(caught.value)
    assert not (checkout / "seen.json").exists()


@pytest.mark.parametrize(
    ("fault", "error", "words"),
    [
        ("exit", ProviderError, "CUDA out of memory"),
        ("nan", ConfigError, "the loss of step 2 is nan"),
        ("empty", ProviderError, "wrote no"),
    ],
)
def test_a_script_that_fails_leaves_no_weights(base_folder, checkout, fault, error, words):
    (checkout / "fault").write_text(fault)
    with pytest.raises(error, match=words):
        main(run_of("train", config(base_folder, checkout), PERSONA))
    assert not PersonaPaths("jade").weights.exists()


def test_a_signal_ends_the_script_too(base_folder, checkout):
    (checkout / "fault").write_text("hang")

    def interrupt() -> None:
        while not (checkout / "seen.json").exists():
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(TransientError, match="stopped"):
        main(run_of("train", config(base_folder, checkout), PERSONA))
    thread.join()


def test_a_checkout_that_is_none_is_named(base_folder, in_tmp, monkeypatch):
    monkeypatch.setattr("likeness.train.door.admit", lambda run: None)
    with pytest.raises(ConfigError, match=r"train\.kohya\.checkout"):
        main(run_of("train", config(base_folder, in_tmp / "nowhere"), PERSONA))
