"""Workflows for ComfyUI: words are values, whatever they hold."""

import json
from dataclasses import replace
from pathlib import Path

from gallery.generation.comfyui import workflow
from gallery.generation.drawing import Shot
from likeness.comfy.graph import Lora, api_form
from likeness.config import load_config
from likeness.paths import PARAMS

ROOT = Path(__file__).parents[2]
SHOT = Shot(
    weights=Path("x.safetensors"),
    prompt="jade woman",
    negative="blurred",
    seed=7,
    strength=0.8,
    aspect="landscape",
)


def test_a_prompt_changes_its_own_value_and_nothing_else() -> None:
    config, lora = load_config(ROOT / PARAMS), Lora(name="likeness-x.safetensors", strength=0.8)
    evil = '"}, "evil": {"class_type": "LoadImage", "inputs": {"image": "/etc/passwd"}}, "x": {"y": "${HOME} {{7*7}}'
    plain = api_form(workflow(config, lora, SHOT))
    graph = json.loads(
        json.dumps(api_form(workflow(config, lora, replace(SHOT, prompt=evil, negative=evil))))
    )
    assert graph["prompt1"]["inputs"].pop("text") == evil
    assert graph["negative"]["inputs"].pop("text") == evil
    plain["prompt1"]["inputs"].pop("text"), plain["negative"]["inputs"].pop("text")
    assert graph == plain
    assert plain["size"]["inputs"]["width"] > plain["size"]["inputs"]["height"]
    assert plain["lora"]["inputs"]["strength_model"] == 0.8
