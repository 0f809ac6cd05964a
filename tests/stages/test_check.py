"""The stage `check`: which edits of conf/ it refuses, and what it says."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from likeness import check
from likeness.cli.compose import compose
from likeness.config import load_config
from likeness.errors import ConfigError
from likeness.paths import PARAMS, RepositoryPaths
from likeness.store import check_place
from stages.check import CHECKED, main

ROOT = Path(__file__).parents[2]
TRAIN = Path("conf/train/default.yaml")

pytestmark = pytest.mark.usefixtures("repository")


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


def test_what_stops_several_personas_is_told_once(monkeypatch):
    def region(cfg):
        yield "s3://bucket/items: no region is set"
        yield "s3://bucket/items: no region is set"

    monkeypatch.setattr(check, "_consent_problems", region)
    with pytest.raises(ConfigError, match=r"1 problem\(s\)") as caught:
        main()
    assert caught.value.message.count("no region is set") == 1


def test_a_value_put_into_params_by_hand_is_told(capsys):
    params = Path("params.yaml")
    params.write_text(params.read_text().replace("seed: 42", "seed: 43"))
    main()
    assert "params.yaml was edited by hand" in capsys.readouterr().err
    params.write_text(params.read_text().replace("seed: 43", "seed: 42") + "# no value\n")
    main()
    assert "by hand" not in capsys.readouterr().err


def test_numbers_that_were_composed_are_no_edit(set_base, capsys):
    set_base("train.optimizer.lr=1e-5", "train.optimizer.weight_decay=0", "report.max_page_bytes=12345678")
    main()
    assert "by hand" not in capsys.readouterr().err


def test_a_key_that_is_not_set_is_told_and_stops_nothing(set_base, monkeypatch, capsys):
    monkeypatch.delenv("XAI_API_KEY", raising=False)
    set_base("caption=grok")
    main()
    assert "XAI_API_KEY is not set: caption will need it" in capsys.readouterr().err
    monkeypatch.setenv("XAI_API_KEY", "secret-of-a-test")
    main()
    words = capsys.readouterr().err
    assert "XAI_API_KEY" not in words
    assert "secret" not in words


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
