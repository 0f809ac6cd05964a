"""The same workflow as a person opens it: JSON of ComfyUI's canvas, and a PNG that carries it.

Form: version 0.4 of the canvas (docs.comfy.org/specs/workflow_json, read 2026-11). ComfyUI opens a JSON file, or a PNG with
the text chunks `workflow` (the canvas) and `prompt` (the API's form), that is dropped on it.
"""

import io
import json
import textwrap

from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo

from likeness.comfy.graph import KINDS, Graph, api_form
from likeness.diffusion.families import bases
from likeness.errors import InputError
from likeness.lora.door import refuse_weights_of_others
from likeness.lora.family import may_mean
from likeness.lora.inspect import read_lora
from likeness.lora.keys import unread_by_comfyui
from likeness.lora.safetensors_io import read_header
from likeness.run import Run
from likeness.store.items import Json

COLUMNS = (
    ("base", "size"),
    ("lora",),
    ("prompt", "negative"),
    ("draw",),
    ("decode",),
    ("show",),
)
WIDTH, GAP, ROW = 320, 60, 330
CARD = (512, 512)
CARD_PAPER, CARD_INK = (250, 249, 247), (32, 33, 36)


def about_weights(run: Run) -> list[str]:
    """What a person has to know of the LoRA that the workflow names; it need not be there yet.

    Raises:
        ConsentError: it is of somebody else.
        InputError: the file is no LoRA that reads, or one of another base.
    """
    weights, base = run.paths.weights, run.config.base
    if not weights.exists():
        return [f"{weights} is not there yet: `dvc repro` makes it"]
    refuse_weights_of_others(run, weights)
    found, title = read_lora(weights), bases()[base.architecture].TITLE
    if found.family and not may_mean(found.family, title):
        raise InputError(
            f"{weights} is of {found.family}, by its shapes or its own words, and the base {base.name} of {title}",
            reason="lora-misfit",
            remedy="choose the base it was trained on; `dvc repro` trains on this one",
        )
    told = list(found.problems)
    if unread := unread_by_comfyui(names := read_header(found.path).entries):
        told.append(
            f"ComfyUI does not look for {unread} of the file's {len(names)} tensors: give it the file that "
            "`likeness convert --to kohya` makes of it"
        )
    return [f"{weights}: {problem}" for problem in told]


def canvas(graph: Graph, note: str) -> dict[str, Json]:
    """The workflow as ComfyUI's canvas keeps it, with a note beside it."""
    numbers = {name: number for number, name in enumerate(graph, start=1)}
    links: list[list[Json]] = []
    nodes: list[dict[str, Json]] = []
    for name, node in graph.items():
        number, kind = numbers[name], KINDS[node.kind]
        inputs: list[Json] = []
        for slot, (key, gives) in enumerate(kind.links.items()):
            source = node.inputs[key]
            links.append([len(links) + 1, numbers[source.node], source.slot, number, slot, gives])
            inputs.append({"name": key, "type": gives, "link": len(links)})
        nodes.append(
            {
                "id": number,
                "type": node.kind,
                "title": name,
                "pos": _place(name),
                "size": [WIDTH, 120 + 24 * len(kind.widgets)],
                "flags": {},
                "order": number - 1,
                "mode": 0,
                "inputs": inputs,
                "properties": {"Node name for S&R": node.kind},
                "widgets_values": _widgets(node.kind, node.inputs),
            }
        )
    for described in nodes:
        described["outputs"] = [
            {
                "name": gives,
                "type": gives,
                "slot_index": slot,
                "links": [link[0] for link in links if link[1:3] == [described["id"], slot]],
            }
            for slot, gives in enumerate(KINDS[described["type"]].gives)
        ]
    nodes.append(
        {
            "id": len(nodes) + 1,
            "type": "Note",
            "pos": [0, -260],
            "size": [2 * WIDTH, 200],
            "flags": {},
            "order": len(nodes),
            "mode": 0,
            "inputs": [],
            "outputs": [],
            "properties": {"text": ""},
            "widgets_values": [note],
        }
    )
    return {
        "last_node_id": len(nodes),
        "last_link_id": len(links),
        "nodes": nodes,
        "links": links,
        "groups": [],
        "config": {},
        "extra": {},
        "version": 0.4,
    }


def card(graph: Graph, note: str) -> bytes:
    """A PNG with the note on it and the workflow in it; it shows nobody."""
    info = PngInfo()
    info.add_text("prompt", json.dumps(api_form(graph)))
    info.add_text("workflow", json.dumps(canvas(graph, note)))
    image = Image.new("RGB", CARD, CARD_PAPER)
    lines = [part for line in note.splitlines() for part in textwrap.wrap(line, 56) or [""]]
    ImageDraw.Draw(image).multiline_text(
        (28, 28), "\n".join(lines), CARD_INK, ImageFont.load_default(15), spacing=6
    )
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", pnginfo=info)
    return buffer.getvalue()


def _widgets(kind: str, inputs: Json) -> list[Json]:
    # The canvas has a widget behind each seed that no node knows: what becomes of the seed after a picture.
    return [
        value
        for name in KINDS[kind].widgets
        for value in ([inputs[name], "fixed"] if name == "seed" else [inputs[name]])
    ]


def _place(name: str) -> list[int]:
    """A column for each step, a row for each prompt."""
    stem = name.rstrip("0123456789")
    row = int(name.removeprefix(stem) or 1) - 1
    column = next(index for index, names in enumerate(COLUMNS) if stem in names)
    below = -1 if stem == "negative" else 1 if stem == "size" else 0
    return [column * (WIDTH + GAP), (row + below) * ROW]
