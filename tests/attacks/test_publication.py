"""Attacks on publication's door: every manifest says sfw and hers; the pictures say something else."""

from pathlib import Path

import numpy as np
import pytest
from doors import SeesHer, seen
from publications import config, publish_in

import likeness.publish
from likeness.images import load_rgb
from likeness.publish import publish
from likeness.safety.consent import load_consent
from likeness.safety.identity import RESNET, SFACE, vectors_json

STRANGER = vectors_json({SFACE: np.eye(1, 128, 5, np.float32)[0], RESNET: np.eye(1, 128, 5, np.float32)[0]})
SHOWN = {
    "explicit": ({"explicit": 0.9}, "explicit"),
    "rated review": ({"explicit": 0.5}, "review"),
    "not rated": ({"explicit": None}, "no number"),
    "a child": (seen(age_years=8.0), "looks 8.0"),
    "a stranger": (seen(**STRANGER), "no face that is the persona's"),
    "a stranger beside her": ({"faces": [*seen()["faces"], *seen(**STRANGER)["faces"]]}, "no record speaks of"),
    "a minor beside her": ({"faces": [*seen()["faces"], *seen(age_years=15.0, **STRANGER)["faces"]]}, "no record attests"),
}  # fmt: skip
IMAGE = "images/jade-s2-sfw-enhanced.jpg"
WHOLE = {"jade_lora_dataset.zip", "jade-v1.safetensors", "README.md", "report/index.html"}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("door")
    publish_in(root)
    return root


def published(root: Path, monkeypatch, picture: Path, shows: dict) -> tuple[set[str], str]:
    """What would be published where this picture shows that; names and words."""
    meant = load_rgb(root / picture).mean(axis=(0, 1))

    class Sees(SeesHer):
        def measure(self, rgb):
            alike = np.abs(rgb.mean(axis=(0, 1)) - meant).max() < 0.6
            return seen() | (shows if alike else {})

    monkeypatch.chdir(root)
    monkeypatch.setattr(likeness.publish, "PictureGate", Sees)
    for record in Path(".cache/items/records").glob("??/*.json"):
        if "seal" in record.read_text():
            record.unlink()
    said = publish(
        config(f"file://{root / 'elsewhere'}"), load_consent(root / "consent", "jade"), dry_run=True
    )
    names = {line.split()[0] for line in said.splitlines() if line.startswith("  ") and " bytes)" in line}
    return names, said


def test_harmless_pictures_leave(made, monkeypatch):
    names, _ = published(made, monkeypatch, Path("data/jade/enhanced/jade-s2-sfw-enhanced.jpg"), {})
    assert {IMAGE, *WHOLE} <= names


@pytest.mark.parametrize(("shows", "why"), SHOWN.values(), ids=SHOWN)
def test_a_picture_that_is_not_what_its_manifest_says_stays_here(made, monkeypatch, shows, why):
    names, said = published(made, monkeypatch, Path("data/jade/enhanced/jade-s2-sfw-enhanced.jpg"), shows)
    assert IMAGE not in names
    assert "captions/jade-s2-sfw-enhanced.txt" not in names
    assert "images/jade-s1-t1-sfw-enhanced.jpg" in names
    assert why in said
    assert not WHOLE & names  # the training set shows it, too


@pytest.mark.parametrize("shows", [{"explicit": 0.9}, seen(age_years=8.0), seen(age_years=15.0)],
                         ids=["explicit", "a child", "a minor"])  # fmt: skip
def test_a_drawn_picture_is_measured_again_and_nobody_attests_its_age(made, monkeypatch, shows):
    sample = "jade-p1-seed1-with.jpg"
    names, said = published(made, monkeypatch, Path(f"models/jade/evaluation/samples/{sample}"), shows)
    assert f"evaluation/samples/{sample}" not in names
    assert "evaluation/samples/jade-p1-seed1-without.jpg" in names
    assert sample in said
