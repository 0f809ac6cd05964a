"""No embarrassing picture anywhere: every picture of this repository is rated `sfw` by its own gate."""

import subprocess
from pathlib import Path

import pytest
import yaml

from likeness.images import load_rgb
from likeness.safety.gates import rating
from likeness.safety.rating import Rater

ROOT = Path(__file__).parents[2]
PICTURES = (".jpg", ".jpeg", ".png", ".webp")


def committed_pictures() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    return [ROOT / name for name in listed.split("\0") if name.lower().endswith(PICTURES)]


@pytest.mark.parametrize("path", committed_pictures(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_picture_of_the_repository_is_rated_sfw(path):
    bounds = yaml.safe_load((ROOT / "conf/ingest/default.yaml").read_text())
    score = Rater().explicit(load_rgb(path))
    found = rating(score, review_explicit=bounds["review_explicit"], max_explicit=bounds["max_explicit"])
    assert found == "sfw", f"{path} is rated {score:.2f}"
