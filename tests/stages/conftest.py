"""Stages' tests read folders of patterns that no stage made; what a gate sees in such pictures is tests/attacks/test_doors.py's."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from likeness.cli.compose import compose
from likeness.paths import PARAMS

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _pictures_of_the_stage_before_are_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("likeness.stage_input", "likeness.report.collect"):
        monkeypatch.setattr(f"{module}.judge_picture", lambda run, picture: None)


@pytest.fixture
def repository(in_tmp: Path) -> None:
    """What `check` reads of the repository; of its photographs the names alone."""
    for name in ("conf", "consent"):
        shutil.copytree(ROOT / name, name)
    shutil.copy(ROOT / "params.yaml", "params.yaml")
    for folder in ("raw/sources", "captions_override"):
        Path("data/jade", folder).mkdir(parents=True)
    for name in ("jade_01.jpg", "jade_07.jpg", "jade_08.png"):  # the last two are held out
        Path("data/jade/raw/sources", name).touch()


@pytest.fixture
def set_base(repository: None) -> Callable[..., object]:
    """Compose that repository's params.yaml with some choices, and keep the digest of conf/."""
    shutil.copytree(ROOT / "hydra_plugins", "hydra_plugins")
    return lambda *overrides: compose(Path.cwd(), PARAMS, list(overrides))
