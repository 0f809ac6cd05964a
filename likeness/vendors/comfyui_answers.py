"""Reads a ComfyUI server's answers as untrusted input: the picture's place, faults, and remedies."""

import re
from collections.abc import Mapping
from typing import Any, cast

import numpy as np
import orjson

from likeness.digests import Json
from likeness.errors import ConfigError, InputError, LikenessError, RejectedError, TransientError
from likeness.http.responses import Response, clean
from likeness.images import RGB, open_image

NOT_LOADED = re.compile(r"lora key not loaded: (\S+)")
PLAIN_NAME = re.compile(r"[^/\\\x00-\x1f]{1,255}")
REMEDIES = {
    "lora_name": "put the LoRA into the server's models/loras, or set comfy.lora_folder to that folder (docs/comfyui.md)",
    "ckpt_name": "set comfy.checkpoint to the name of a file in the server's models/checkpoints",
    "sampler_name": "set comfy.sampler to one that the server has",
    "scheduler": "set comfy.scheduler to one that the server has",
    "missing_node_type": "install the node in the server: docs/comfyui.md has the line; then start it again",
}


def lost_keys(lines: list[tuple[str, str]]) -> set[str]:
    """The LoRA keys that log lines say were not loaded."""
    return {key for _, line in lines for key in NOT_LOADED.findall(line)}


def picture_of(entry: Json, node: str) -> Mapping[str, Json]:
    """The one picture of a node, by its name on the server.

    Raises:
        RejectedError: there is not exactly one, or its name leads elsewhere.
    """
    images = as_list(at(entry, "outputs", node, "images"))
    found = images[0] if len(images) == 1 else None
    name, folder, kind = (at(found, part) for part in ("filename", "subfolder", "type"))
    if (
        not isinstance(name, str)
        or not isinstance(folder, str)
        or kind not in ("output", "temp")
        or not PLAIN_NAME.fullmatch(name)
        or ".." in name
        or folder.startswith("/")
        or ".." in folder
        or not folder.isprintable()
    ):
        raise RejectedError(
            f"ComfyUI's answer is not one picture of node {node}: {clean(str(images))}",
            reason="bad-answer",
            remedy="look at the server: something else answers there, or a node changes what is drawn",
        )
    return {"filename": name, "subfolder": folder, "type": kind}


def failure_of(entry: Json) -> LikenessError:
    """The error of a prompt that ended with one."""
    messages = [as_list(one) for one in as_list(at(entry, "status", "messages"))]
    told = {str(one[0]): one[1] for one in messages if len(one) == 2}
    if "execution_interrupted" in told:
        return TransientError(
            "somebody stopped the picture in ComfyUI",
            reason="interrupted",
            remedy="run it again: what is drawn stays",
        )
    error = told.get("execution_error")
    kind, words = (
        str(at(error, "exception_type") or ""),
        clean(str(at(error, "exception_message") or "no reason given")),
    )
    what = f"ComfyUI's node {at(error, 'node_id')} ({at(error, 'node_type')}) failed: {clean(kind)}: {words}"
    if "OutOfMemory" in kind:
        return TransientError(
            what,
            reason="out-of-memory",
            remedy="free the server's memory (its button Unload Models), or set a smaller evaluate.side_px",
        )
    return RejectedError(
        what, reason="node-failed", remedy="the server's log has the traceback; mend what it names"
    )


def translate(response: Response) -> LikenessError | None:
    """A workflow that the server refuses: every node's errors, plainly; it would refuse it again."""
    if response.status != 400:
        return None
    try:
        answer = orjson.loads(response.body)
    except ValueError:
        return None
    if at(answer, "error") is None:
        return None
    return refused_workflow(node_errors(answer), answer)


def node_errors(answer: Json) -> list[tuple[str, str, str]]:
    """(type, input, words) of each error of each node."""
    found: list[tuple[str, str, str]] = []
    nodes = at(answer, "node_errors")
    for number, node in (cast("dict[str, Json]", nodes) if isinstance(nodes, dict) else {}).items():
        for error in as_list(at(node, "errors")):
            words = ": ".join(str(at(error, part)) for part in ("message", "details") if at(error, part))
            where = f"node {number} ({at(node, 'class_type')})"
            found.append(
                (str(at(error, "type")), str(at(error, "extra_info", "input_name")), f"{where}: {words}")
            )
    return found


def decoded(data: bytes, width: int, height: int) -> RGB:
    """The pixels of a server's picture, which is trusted with nothing: its size is checked before it is decoded.

    Raises:
        RejectedError: it is none, or of another size.
    """
    try:
        with open_image(data, name="ComfyUI's picture") as image:
            if image.size != (width, height):
                raise RejectedError(
                    f"ComfyUI drew {image.width}x{image.height} px, not {width}x{height}",
                    reason="wrong-size",
                    remedy="something in the server changes what is drawn: try it without other custom nodes",
                )
            return np.array(image.convert("RGB"), dtype=np.uint8)
    except InputError as error:
        remedy = "look at the server: something else answers there"
        raise RejectedError(error.message, reason="bad-answer", remedy=remedy) from error


def refused_workflow(errors: list[tuple[str, str, str]], answer: Json) -> ConfigError:
    whole = at(answer, "error")
    words = "; ".join(clean(text) for _, _, text in errors[:5]) or clean(
        ": ".join(str(at(whole, part)) for part in ("message", "details") if at(whole, part)) or str(whole)
    )
    said = [name for kind, name, _ in errors for name in (name, kind)] + [str(at(whole, "type"))]
    remedy = next((REMEDIES[name] for name in said if name in REMEDIES), "docs/comfyui.md has what is sent")
    return ConfigError(f"ComfyUI refuses the workflow: {words}", reason="workflow-refused", remedy=remedy)


def at(value: Json, *path: str) -> Any:
    """What lies at a path of an answer; None where anything on the way is missing or of another kind."""
    for name in path:
        if not isinstance(value, dict):
            return None
        value = cast("dict[str, Json]", value).get(name)
    return value


def as_list(value: Json) -> list[Any]:
    """A list of an answer; anything else is an empty one."""
    return cast("list[Any]", value) if isinstance(value, list) else []


def before(one: Json, other: Json) -> bool:
    return isinstance(one, int | float) and isinstance(other, int | float) and one < other
