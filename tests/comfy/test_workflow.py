"""The workflow that a person drops on ComfyUI's canvas, and the one that its API takes."""

import io
import json
from types import SimpleNamespace

import pytest
import torch
from comfy_runs import PERSONA, config
from conf_sections import settings
from lora_files import TRAINERS
from PIL import Image
from runs import run_of
from safetensors.torch import save_file

from likeness.comfy.graph import KINDS, Lora, api_form, build
from likeness.comfy.workflow import about_weights, canvas, card
from likeness.diffusion.config import BaseModelConfig
from likeness.errors import ConfigError, ConsentError, InputError

LORA = Lora(name="jade-v1.safetensors", strength=0.8)
PROMPTS = ["jade woman (smiling)", "a woman"]


def graph(**changes):
    return build(config("http://127.0.0.1:8188", **changes), PROMPTS, 5, LORA, keep="jade/jade-v1")


def test_the_graph_has_every_input_of_every_node():
    for node in graph().values():
        kind = KINDS[node.kind]
        assert set(node.inputs) == {*kind.links, *kind.widgets}


def test_prompts_are_taken_by_their_letters():
    assert api_form(graph())["prompt1"]["inputs"]["text"] == r"jade woman \(smiling\)"


def test_the_lora_acts_on_the_model_and_the_words():
    nodes = api_form(graph())
    assert nodes["lora"]["inputs"]["strength_model"] == nodes["lora"]["inputs"]["strength_clip"] == 0.8
    assert nodes["draw2"]["inputs"]["model"] == ["lora", 0]
    assert nodes["negative"]["inputs"]["clip"] == ["lora", 1]


def test_the_canvas_has_the_same_nodes_links_and_values():
    made = graph()
    drawn = canvas(made, "a note")
    by_id = {node["id"]: node for node in drawn["nodes"]}
    links = {link[0]: link for link in drawn["links"]}
    for node in drawn["nodes"]:
        if node["type"] == "Note":
            continue
        given = made[node["title"]].inputs
        values = [value for value in node["widgets_values"] if value != "fixed"]
        assert values == [given[name] for name in KINDS[node["type"]].widgets]
        for slot, entry in enumerate(node["inputs"]):
            number, source, source_slot, target, target_slot, kind = links[entry["link"]]
            assert (target, target_slot, kind) == (node["id"], slot, entry["type"])
            assert by_id[source]["title"] == given[entry["name"]].node
            assert number in by_id[source]["outputs"][source_slot]["links"]
            assert by_id[source]["outputs"][source_slot]["type"] == kind
    assert len({tuple(node["pos"]) for node in drawn["nodes"]}) == len(drawn["nodes"])


def test_the_png_carries_both_forms():
    made = graph()
    with Image.open(io.BytesIO(card(made, "a note"))) as image:
        assert json.loads(image.text["prompt"]) == api_form(made)
        assert json.loads(image.text["workflow"]) == canvas(made, "a note")


@pytest.mark.parametrize(
    ("base", "checkpoint", "kind"),
    [
        ({}, None, "LikenessTinyBase"),
        ({"source": "/models/some_xl.safetensors"}, None, "some_xl.safetensors"),
        ({"source": "stabilityai/stable-diffusion-xl-base-1.0"}, "sd_xl_base_1.0.safetensors", "sd_xl_base_1.0.safetensors"),
    ],
    ids=["the tiny base", "a file", "named"],
)  # fmt: skip
def test_the_base_is_loaded_by_what_the_server_calls_it(base, checkpoint, kind):
    cfg = config("http://127.0.0.1:8188", checkpoint=checkpoint)
    cfg = cfg.model_copy(update={"base": settings(BaseModelConfig, "base/tiny.yaml", **base)})
    node = build(cfg, PROMPTS, 5, None, keep=None)["base"]
    assert kind in (node.kind, node.inputs.get("ckpt_name"))


@pytest.mark.parametrize(
    "base", [{"source": "stabilityai/x"}, {"architecture": "zimage", "source": "a.safetensors"}], ids=str
)
def test_a_base_that_nobody_named_is_refused(base):
    cfg = config("http://127.0.0.1:8188")
    cfg = cfg.model_copy(update={"base": settings(BaseModelConfig, "base/tiny.yaml", **base)})
    with pytest.raises(ConfigError, match=r"base\."):
        build(cfg, PROMPTS, 5, LORA, keep=None)


def about(
    weights: dict[str, torch.Tensor] | bytes | None, metadata: dict[str, str] | None = None
) -> list[str]:
    """What is said of the LoRA of a workflow for the tiny base."""
    run = run_of(
        "evaluate",
        config("http://127.0.0.1:8188"),
        PERSONA,
        consent=SimpleNamespace(id="jade-1", renews=None),
    )
    run.paths.weights.parent.mkdir(parents=True)
    if isinstance(weights, bytes):
        run.paths.weights.write_bytes(weights)
    elif weights is not None:
        save_file(weights, run.paths.weights, metadata)
    return about_weights(run)


@pytest.mark.usefixtures("in_tmp")
def test_a_lora_that_is_not_there_yet_is_told():
    assert about(None) == ["models/jade/jade-v1.safetensors is not there yet: `dvc repro` makes it"]


@pytest.mark.usefixtures("in_tmp")
def test_a_lora_that_comfyui_reads_whole_needs_no_word():
    assert about(TRAINERS["sd-scripts SDXL (LDM)"][0]) == []


@pytest.mark.usefixtures("in_tmp")
def test_names_that_comfyui_reads_in_part_are_told_with_what_helps():
    (told,) = about(TRAINERS["diffusers"][0])
    assert "ComfyUI does not look for 4 of the file's 6 tensors" in told
    assert "`likeness convert --to kohya`" in told


@pytest.mark.usefixtures("in_tmp")
@pytest.mark.parametrize(
    ("weights", "metadata", "error", "words"),
    [
        ({"lora_unet_single_blocks_0_linear1.lora_down.weight": torch.zeros(2, 3072),
          "lora_unet_single_blocks_0_linear1.lora_up.weight": torch.zeros(21504, 2)}, None, InputError,
         r"is of FLUX\.1, by its shapes or its own words, and the base likeness-tiny of SDXL"),
        (b"PK\3\4", None, InputError, "is not a safetensors file"),
        ({"a": torch.zeros(2)}, None, InputError, "none of a LoRA"),
        ({"a": torch.zeros(2)}, {"likeness.consent_id": "mia-1"}, ConsentError, "under the consent record mia-1, not jade-1"),
    ],
    ids=["another base's", "an archive", "no LoRA", "another person's"],
)  # fmt: skip
def test_a_file_that_the_workflow_cannot_load_is_refused(weights, metadata, error, words):
    with pytest.raises(error, match=words):
        about(weights, metadata)
