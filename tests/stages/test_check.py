"""The stage `check`: which edits of conf/ it refuses, and what it says."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from likeness.errors import ConfigError
from stages.check import CHECKED, main

ROOT = Path(__file__).parents[2]
TRAIN = Path("conf/train/default.yaml")


@pytest.fixture(autouse=True)
def repository(in_tmp):
    for name in ("conf", "consent"):
        shutil.copytree(ROOT / name, name)
    shutil.copy(ROOT / "params.yaml", "params.yaml")
    Path("data").mkdir()


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


def test_it_loads_nothing_that_it_does_not_need():
    heavy = ("torch", "numpy", "cv2", "PIL", "hydra", "fsspec", "httpx", "rich")
    program = (
        f"import sys; from stages.check import main; main(); print([n for n in {heavy} if n in sys.modules])"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
