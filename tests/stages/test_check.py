"""The stage `check`: which edits of conf/ it refuses, and what it says."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from safetensors.numpy import save_file

from likeness import check
from likeness.cli.compose import compose
from likeness.cli.plan import plan_command
from likeness.config import load_config
from likeness.errors import ConfigError
from likeness.paths import PARAMS, RepositoryPaths
from likeness.safety.consent import in_force
from likeness.store import check_place
from likeness.strict_yaml import read_yaml
from stages.check import CHECKED, main

ROOT = Path(__file__).parents[2]
TRAIN = Path("conf/train/default.yaml")
HELD_OUT = ("jade_07.jpg", "jade_08.png")  # in conf/persona/jade.yaml


@pytest.fixture(autouse=True)
def repository(in_tmp):
    for name in ("conf", "consent"):
        shutil.copytree(ROOT / name, name)
    shutil.copy(ROOT / "params.yaml", "params.yaml")
    for folder in ("raw/sources", "captions_override"):
        Path("data/jade", folder).mkdir(parents=True)
    for name in ("jade_01.jpg", *HELD_OUT):
        Path("data/jade/raw/sources", name).touch()


def test_a_corrected_comment_stops_nothing():
    TRAIN.write_text("# Another word.\n\n" + TRAIN.read_text())
    main()
    assert CHECKED.is_file()


def test_an_edited_value_stops_with_the_remedy():
    TRAIN.write_text(TRAIN.read_text().replace("seed: 42", "seed: 43"))
    with pytest.raises(ConfigError, match="conf/ was edited") as caught:
        main()
    assert "make params" in caught.value.remedy
    assert not CHECKED.exists()


def test_a_merge_of_two_edits_stops_with_the_remedy():
    params = Path("params.yaml")
    params.write_text(
        "<<<<<<< HEAD\nconf_digest: a\n=======\nconf_digest: b\n>>>>>>> b\n" + params.read_text()
    )
    with pytest.raises(ConfigError, match="conflict markers") as caught:
        main()
    assert "make params" in caught.value.remedy


def set_base(*overrides: str) -> None:
    """Compose with a base's choice, and keep the digest of conf/."""
    compose(Path.cwd(), PARAMS, list(overrides))


@pytest.fixture
def composable():
    shutil.copytree(ROOT / "hydra_plugins", "hydra_plugins")


def test_a_link_to_nothing_is_named_before_dvc_meets_it():
    os.symlink("/nowhere/a.jpg", "data/jade/raw/sources/a.jpg")
    with pytest.raises(
        ConfigError, match=r"data/jade/raw/sources/a\.jpg is a link to /nowhere/a\.jpg"
    ) as caught:
        main()
    assert "copy the file itself" in caught.value.message


@pytest.mark.parametrize(
    "place",
    [
        "data",
        "models",
        "models/jade",
        "models/jade/training",
        "models/jade/report",
        ".cache",
        ".dvc/cache",
        ".dvc/tmp",
        "consent",
        "dvc.lock",
        ".gitignore",
        "conf/prices.yaml",
        "conf/train/full.yaml",
    ],
)
def test_what_is_a_link_to_nothing_is_told_before_any_work(place, in_tmp):
    """As to a disk that is not mounted: DVC itself says `[Errno 2]`, hours later."""
    shutil.rmtree(place, ignore_errors=True)
    Path(place).unlink(missing_ok=True)
    Path(place).parent.mkdir(parents=True, exist_ok=True)
    Path(place).symlink_to("/mnt/gone/models")
    with pytest.raises(
        ConfigError, match=f"{place} is a link to /mnt/gone/models, where nothing is"
    ) as caught:
        main()
    assert ("mount the disk" if "train/" not in place else "make params") in str(caught.value)


def test_an_output_that_dvc_linked_into_a_cache_that_was_emptied_stops_nothing():
    Path("models/jade").mkdir(parents=True)
    for name in ("jade-v1.safetensors", "jade_lora_dataset.zip"):
        Path("models/jade", name).symlink_to("/nowhere")
    main()


ONE = "  {0}.jpg:\n    number: 2\n    sha256: {1}\n"


@pytest.mark.parametrize(
    ("between", "says"),
    [(("", "", ""), "the same number to a.jpg and b.jpg"), (("<<<<<<< HEAD\n", "=======\n", ">>>>>>> b\n"), "conflict markers")],
    ids=["both sides, as they are", "markers"],
)  # fmt: skip
def test_numbers_of_two_branches_name_the_way_to_keep_both(between, says):
    first, second, end = between
    numbers = Path("data/jade/raw/numbers.yaml")
    text = (
        f"sources:\n{first}{ONE.format('a', 'a' * 64)}{second}{ONE.format('b', 'b' * 64)}{end}targets: {{}}\n"
    )
    numbers.write_text(text)
    with pytest.raises(ConfigError, match=says) as caught:
        main()
    assert "keep the lines of both sides, and give the next free number" in caught.value.message


def test_what_stops_several_personas_is_told_once(monkeypatch):
    def region(cfg):
        yield "s3://bucket/items: no region is set"
        yield "s3://bucket/items: no region is set"

    monkeypatch.setattr(check, "_consent_problems", region)
    with pytest.raises(ConfigError, match=r"1 problem\(s\)") as caught:
        main()
    assert caught.value.message.count("no region is set") == 1


def test_a_held_out_photograph_that_is_not_there_is_told_before_any_work():
    Path("data/jade/raw/sources/jade_08.png").unlink()
    with pytest.raises(ConfigError, match=r"held_out names jade_08\.png, not in data/jade/raw/sources"):
        main()


@pytest.mark.usefixtures("composable")
def test_that_no_image_would_be_made_is_told_before_any_work():
    set_base("swap.include_sources=false")
    with pytest.raises(
        ConfigError, match=r"raw/targets, and swap\.include_sources is false: no image is made"
    ):
        main()


def test_a_folder_without_photographs_is_told_before_any_work():
    for name in ("jade_01.jpg", *HELD_OUT):
        Path("data/jade/raw/sources", name).unlink()
    Path("data/jade/raw/sources/notes.txt").touch()
    with pytest.raises(ConfigError, match=r"raw/sources holds no photograph\n  remedy: put 8 to 30"):
        main()


def test_that_every_photograph_is_held_out_is_told_before_any_work():
    Path("data/jade/raw/sources/jade_01.jpg").unlink()
    with pytest.raises(
        ConfigError, match=r"held_out names every photograph .*\n  remedy: leave two or three"
    ):
        main()


@pytest.mark.parametrize("folder", ["raw", "raw/sources", "raw/targets", "captions_override"])
def test_a_pipe_is_named_before_dvc_waits_at_it(folder):
    Path("data/jade", folder).mkdir(exist_ok=True)
    os.mkfifo(f"data/jade/{folder}/pipe.jpg")
    with pytest.raises(
        ConfigError, match=r"pipe\.jpg is a pipe, a socket or a device.*\n  remedy: delete it"
    ):
        main()


@pytest.mark.parametrize("file", ["raw/numbers.yaml", "captions_override/allowed.yaml"])
def test_a_merges_markers_in_what_a_person_keeps_are_told_before_any_work(file):
    Path("data/jade", file).write_text("a:\n<<<<<<< HEAD\n  b: 1\n=======\n  b: 2\n>>>>>>> other\n")
    with pytest.raises(ConfigError, match=f"{file} has the conflict markers of a merge"):
        main()


@pytest.mark.parametrize("file", [".gitignore", ".dvcignore", ".dvc/config", ".dvc/config.local", "dvc.yaml"])
def test_a_merges_markers_in_what_git_and_dvc_read_are_told(file):
    Path(".dvc").mkdir()
    Path(file).write_bytes(b"<<<<<<< HEAD\r\none\r\n=======\r\n\xff\r\n>>>>>>> other\r\n")
    with pytest.raises(ConfigError, match=f"{file} has the conflict markers of a merge"):
        main()


@pytest.mark.parametrize("name", [".dvcignore", ".dvc/config", "dvc.lock"])
def test_a_folder_in_the_place_of_a_file_of_git_s_or_dvc_s_is_named(name):
    """DVC says `unexpected error` of it, before `check` runs: a plan names it, too."""
    Path(name).mkdir(parents=True)
    for door in (main, lambda: plan_command([], as_json=False)):
        with pytest.raises(ConfigError, match=f"{name} is a folder, and git or DVC reads a file there"):
            door()


@pytest.mark.parametrize("folder", ["raw/sources", "captions_override"])
def test_a_missing_folder_is_told_with_what_to_do(folder):
    shutil.rmtree(Path("data/jade", folder))
    with pytest.raises(ConfigError, match=f"there is no folder data/jade/{folder}"):
        main()


@pytest.mark.usefixtures("composable")
@pytest.mark.parametrize(
    "source", ["./sdxl", "/models/sdxl", "~/sdxl", "sdxl.safetensors", "models/sdxl.safetensors", "data/sdxl"]
)
def test_a_base_that_is_not_there_is_told_before_anything_is_bought(source):
    set_base("base=sdxl", f"base.source='{source}'", "train=full")
    with pytest.raises(ConfigError, match="there is no file or folder") as caught:
        main()
    assert source in caught.value.message


@pytest.mark.usefixtures("composable")
def test_a_base_that_is_none_is_told_before_anything_is_bought():
    Path("sdxl").mkdir()
    set_base("base=sdxl", "base.source=./sdxl", "train=full")
    with pytest.raises(ConfigError, match=r"base\.source .*/sdxl has no model_index\.json"):
        main()
    save_file({f"lora_unet_x.lora_{one}.weight": np.ones((1, 1)) for one in ("down", "up")}, "a.safetensors")
    set_base("base=sdxl", "base.source=a.safetensors", "base.config=sdxl", "train=full")
    with pytest.raises(ConfigError, match="holds a LoRA, and no base") as caught:
        main()
    assert "base.config" in caught.value.message


@pytest.mark.usefixtures("composable")
def test_a_validation_that_takes_the_one_photograph_is_told_before_any_work():
    set_base("train.selection.validation_share=0.1")
    with pytest.raises(ConfigError, match="validation_share keeps whole photographs out, and one alone"):
        main()
    shutil.copy("data/jade/raw/sources/jade_01.jpg", "data/jade/raw/sources/jade_02.jpg")
    main()


@pytest.mark.usefixtures("composable")
def test_sd_scripts_that_are_not_there_or_lack_an_option_are_told_before_anything_is_bought(in_tmp):
    set_base("train.trainer=kohya")
    with pytest.raises(ConfigError, match="sd-scripts has no option for some settings"):
        main()
    set_base("+experiment=kohya", "train.kohya.checkout=sd-scripts")
    with pytest.raises(ConfigError, match="checkout sd-scripts: no sd-scripts for sdxl there") as caught:
        main()
    assert "git clone kohya-ss/sd-scripts" in caught.value.message


@pytest.mark.usefixtures("composable")
def test_a_published_base_is_not_trained_at_the_tiny_bases_size():
    set_base("base=sdxl")
    with pytest.raises(ConfigError, match=r"side_px is 128, but stabilityai/\S+ draws at 1024 px"):
        main()
    set_base("+experiment=sdxl")
    main()


@pytest.mark.parametrize("folder", ["raw/source", "sources", "raw/Sources"])
def test_a_folder_under_another_name_is_shown_where_one_is_missing(folder):
    shutil.rmtree("data/jade/raw/sources")
    Path("data/jade", folder).mkdir()
    with pytest.raises(
        ConfigError, match=f"there is no folder data/jade/raw/sources; there is data/jade/{folder}\n"
    ):
        main()


def test_targets_without_a_record_are_told_before_any_work(monkeypatch):
    signed = in_force(Path.cwd(), "jade", ["train"])
    without = signed.model_copy(update={"targets": None})
    monkeypatch.setattr("likeness.check.in_force", lambda *_, **__: without)
    Path("data/jade/raw/targets").mkdir()
    main()  # without targets there is no need of a record of them
    Path("data/jade/raw/targets/one.jpg").touch()
    with pytest.raises(ConfigError, match=r"no record consent/jade\.targets\.yaml of them"):
        main()


def test_photographs_of_nobody_are_told(capsys):
    Path("data/mia/raw/sources").mkdir(parents=True)
    main()
    assert "data/mia/raw belongs to no persona" in capsys.readouterr().err


def test_a_value_put_into_params_by_hand_is_told(capsys):
    params = Path("params.yaml")
    params.write_text(params.read_text().replace("seed: 42", "seed: 43"))
    main()
    assert "params.yaml was edited by hand" in capsys.readouterr().err
    params.write_text(params.read_text().replace("seed: 43", "seed: 42") + "# no value\n")
    main()
    assert "by hand" not in capsys.readouterr().err


@pytest.mark.usefixtures("composable")
def test_numbers_that_were_composed_are_no_edit(capsys):
    set_base("train.optimizer.lr=1e-5", "train.optimizer.weight_decay=0", "report.max_page_bytes=12345678")
    main()
    assert "by hand" not in capsys.readouterr().err


@pytest.mark.usefixtures("composable")
def test_a_key_that_is_not_set_is_told_and_stops_nothing(monkeypatch, capsys):
    monkeypatch.delenv("XAI_API_KEY", raising=False)
    set_base("caption=grok")
    main()
    assert "XAI_API_KEY is not set: caption will need it" in capsys.readouterr().err
    monkeypatch.setenv("XAI_API_KEY", "secret-of-a-test")
    main()
    words = capsys.readouterr().err
    assert "XAI_API_KEY" not in words
    assert "secret" not in words


@pytest.mark.usefixtures("composable")
def test_a_gpu_that_is_not_here_is_told_and_stops_nothing(monkeypatch):
    monkeypatch.setitem(
        sys.modules, "torch", SimpleNamespace(cuda=SimpleNamespace(is_available=lambda: False))
    )
    monkeypatch.setattr(
        check, "_keys_not_set", lambda cfg: ()
    )  # it builds superres, whose library may be missing
    network = [f"enhance.provider.{one}" for one in ("weights=x", "sha256=x", "licence=mine", "device=cuda")]
    compose(Path.cwd(), PARAMS, ["enhance=superres", *network, "train.system.device=cuda"])
    told = list(check.notes(load_config(PARAMS), read_yaml(PARAMS, remedy="")))
    for setting, stage in (("enhance.provider.device", "enhance"), ("train.system.device", "train")):
        [line] = [line for line in told if line.startswith(f"{setting} is cuda, but torch sees no GPU")]
        assert f"set {setting}: auto" in line
        assert line.endswith(f"here {stage} will end with that")


def test_a_store_that_is_no_folder_of_its_own_is_told_before_any_work():
    compose(Path.cwd(), PARAMS, ["items.root=/"])
    with pytest.raises(ConfigError, match=r"items\.root ./. is a folder around all of likeness"):
        main()
    here, config = RepositoryPaths.here(), load_config(PARAMS)
    for root in ("", ".", "..", "data/jade/ingested", "models", ".git/items"):
        items = config.items.model_copy(update={"root": root})
        with pytest.raises(ConfigError, match="needs a folder of its own"):
            check_place(config.model_copy(update={"items": items}), here)


def test_an_address_of_mlflow_that_is_none_is_told_hours_before_training(monkeypatch, capsys):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "tracking:5000")
    main()
    told = capsys.readouterr().err
    assert "MLflow: tracking:5000 is no address" in told
    assert "write http://tracking:5000" in told
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://tracking:5000")
    main()
    assert "MLflow" not in capsys.readouterr().err


def test_a_base_is_found_from_an_experiments_folder(tmp_path, monkeypatch):
    """DVC's queue works in a copy that lacks what git does not track; DVC_ROOT names the repository."""
    (tmp_path / "elsewhere/models/sdxl").mkdir(parents=True)
    monkeypatch.setenv("DVC_ROOT", str(tmp_path / "elsewhere"))
    copy = tmp_path / "elsewhere/.dvc/tmp/exps/tmpabc"
    copy.mkdir(parents=True)
    shutil.copyfile(PARAMS, copy / PARAMS)
    monkeypatch.chdir(copy)
    cfg = load_config(PARAMS).base.model_copy(update={"source": "models/sdxl", "seed": None})
    assert cfg.local(RepositoryPaths.here().root) == tmp_path / "elsewhere/models/sdxl"


def test_it_loads_nothing_that_it_does_not_need():
    heavy = ("torch", "numpy", "cv2", "PIL", "hydra", "fsspec", "httpx", "httpcore", "rich")
    program = (
        f"import sys; from stages.check import main; main(); print([n for n in {heavy} if n in sys.modules])"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
