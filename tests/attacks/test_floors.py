"""Attacks on the floors: a setting laxer than the gates allow. Each is refused, and the floor is in the message."""

import copy
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from likeness.config import load_config
from likeness.errors import ConfigError
from likeness.safety.consent import load_consent
from likeness.safety.floors import SETTINGS, identity_limits, laxer
from likeness.settings import dotted
from likeness.train.config import DrawingConfig

ROOT = Path(__file__).parents[2]
NAN = float("nan")


def params(tmp_path: Path, dotted: str, value: object) -> Path:
    """The shipped params.yaml with one setting changed."""
    settings = yaml.safe_load((ROOT / "params.yaml").read_text())
    drawn = copy.deepcopy({**settings["ingest"], **settings["evaluate"]})
    settings["train"]["drawing"] = {key: drawn[key] for key in DrawingConfig.model_fields}
    *places, name = dotted.split(".")
    section = settings
    for place in places:
        section = section[place]
    assert name in section
    section[name] = value
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(settings))
    return path


SIMILARITY = "personas.jade.similarity"


@pytest.mark.parametrize(
    ("dotted", "value", "floor"),
    [
        ("ingest.max_explicit", 1.0, "0.7"),
        ("ingest.max_explicit", 0.71, "0.7"),
        ("ingest.review_explicit", 0.7, "0.3"),
        ("train.drawing.max_explicit", 1.0, "0.7"),
        ("train.drawing.review_explicit", 0.7, "0.3"),
        ("ingest.background_face_ratio", 1.0, "0.5"),
        ("ingest.background_face_ratio", 0.51, "0.5"),
        ("ingest.min_face_px", 8, "32"),
        (f"{SIMILARITY}.source_min", -1.0, "0.25"),
        (f"{SIMILARITY}.source_min", 0.2, "0.25"),
        (f"{SIMILARITY}.swap_min", -1.0, "0.25"),
        (f"{SIMILARITY}.target_max", 1.0, "0.9"),
    ],
    ids=lambda value: str(value),
)
def test_a_setting_laxer_than_its_floor_is_refused_with_the_floor(tmp_path, dotted, value, floor):
    with pytest.raises(ConfigError) as caught:
        load_config(params(tmp_path, dotted, value))
    assert dotted in caught.value.message
    assert f"floor {floor} in likeness/safety/floors.py" in caught.value.message


@pytest.mark.parametrize("dotted", [key.replace("*", "jade") for key in SETTINGS])
def test_a_setting_that_is_no_number_is_refused(tmp_path, dotted):
    with pytest.raises(ConfigError):
        load_config(params(tmp_path, dotted, NAN))


@pytest.mark.parametrize(
    ("name", "value"),
    [("source_min", 0.5), ("source_min", 0.69), ("swap_min", 0.4), ("target_max", 0.85)],
)
def test_a_persona_is_not_laxer_than_the_floors_of_her_record(tmp_path, name, value):
    config = load_config(params(tmp_path, f"{SIMILARITY}.{name}", value))
    with pytest.raises(ConfigError) as caught:
        identity_limits(config.personas["jade"].similarity, load_consent(ROOT / "consent", "jade"))
    assert caught.value.reason == "below-the-floor"
    assert "consent/jade.yaml" in caught.value.message


@pytest.mark.parametrize(("name", "value"), [("source_min", 0.35), ("swap_min", 0.44), ("target_max", 0.61)])
def test_without_floors_in_the_record_those_of_the_code_hold(tmp_path, name, value):
    similarity = load_config(params(tmp_path, f"{SIMILARITY}.{name}", value)).personas["jade"].similarity
    consent = load_consent(ROOT / "consent", "jade").model_copy(update={"floors": None})
    with pytest.raises(ConfigError, match=r"similarity\." + name) as caught:
        identity_limits(similarity, consent)
    assert "likeness/safety/floors.py" in caught.value.message


def test_stricter_settings_pass(tmp_path):
    load_config(params(tmp_path, "ingest.max_explicit", 0.2 + 0.2))
    stricter = load_config(params(tmp_path, f"{SIMILARITY}.source_min", 0.9))
    limits = identity_limits(stricter.personas["jade"].similarity, load_consent(ROOT / "consent", "jade"))
    assert limits.sface.source_min == 0.9


def test_every_threshold_of_explicit_material_faces_and_similarity_has_a_floor():
    """A new setting of these kinds needs its row."""
    settings = yaml.safe_load((ROOT / "params.yaml").read_text())
    settings["train"]["drawing"] = dict.fromkeys(DrawingConfig.model_fields)
    kinds = re.compile(r"_explicit$|face_px$|face_ratio$|similarity\.\w+$")
    thresholds = [key for key, _ in dotted(settings) if kinds.search(key)]
    thresholds.remove("swap.limits.min_face_px")  # smaller ones ingest has refused
    assert len(thresholds) == 9
    assert [
        key for key in thresholds if not list(laxer(nested(key, -9.0))) + list(laxer(nested(key, 9.0)))
    ] == []


def nested(dotted_name: str, value: float) -> dict[str, Any]:
    """One setting as params.yaml has it."""
    found: Any = value
    for part in reversed(dotted_name.split(".")):
        found = {part: found}
    return found
