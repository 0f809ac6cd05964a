"""The workflow that draws a prompt with the LoRA or without: nodes and links, in the form that ComfyUI's API takes.

Names of nodes and inputs: nodes.py of ComfyUI 0.30.0 (read 2026-11); `likeness comfy test` asks the server for them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from likeness.config import Config
from likeness.diffusion.config import TINY
from likeness.errors import ConfigError
from likeness.store.items import Json

TINY_LOADER = "LikenessTinyBase"
"""The node of integrations/comfyui."""

LOADED = ("sd15", "sdxl")
"""Architectures that ComfyUI's node of checkpoints loads whole."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of node: what it takes by links (name: type), its widgets in their order, and what it gives."""

    links: Mapping[str, str] = field(default_factory=dict[str, str])
    widgets: tuple[str, ...] = ()
    gives: tuple[str, ...] = ()


KINDS = {
    TINY_LOADER: Kind(gives=("MODEL", "CLIP", "VAE")),
    "CheckpointLoaderSimple": Kind(widgets=("ckpt_name",), gives=("MODEL", "CLIP", "VAE")),
    "LoraLoader": Kind(
        links={"model": "MODEL", "clip": "CLIP"},
        widgets=("lora_name", "strength_model", "strength_clip"), gives=("MODEL", "CLIP"),
    ),
    "CLIPTextEncode": Kind(links={"clip": "CLIP"}, widgets=("text",), gives=("CONDITIONING",)),
    "EmptyLatentImage": Kind(widgets=("width", "height", "batch_size"), gives=("LATENT",)),
    "KSampler": Kind(
        links={"model": "MODEL", "positive": "CONDITIONING", "negative": "CONDITIONING", "latent_image": "LATENT"},
        widgets=("seed", "steps", "cfg", "sampler_name", "scheduler", "denoise"), gives=("LATENT",),
    ),
    "VAEDecode": Kind(links={"samples": "LATENT", "vae": "VAE"}, gives=("IMAGE",)),
    "PreviewImage": Kind(links={"images": "IMAGE"}, gives=("IMAGE",)),
    "SaveImage": Kind(links={"images": "IMAGE"}, widgets=("filename_prefix",), gives=("IMAGE",)),
}  # fmt: skip


@dataclass(frozen=True)
class Link:
    """One thing that another node gives."""

    node: str
    slot: int = 0


@dataclass(frozen=True, kw_only=True)
class Node:
    """One node: its kind, and all its inputs, links and widgets alike."""

    kind: str
    inputs: Mapping[str, Link | Json]


Graph = dict[str, Node]


@dataclass(frozen=True, kw_only=True)
class Lora:
    """The LoRA by its name in models/loras, and how strongly it acts."""

    name: str
    strength: float


def build(cfg: Config, prompts: Sequence[str], seed: int, lora: Lora | None, *, keep: str | None) -> Graph:
    """A workflow that draws each prompt once; `keep` is the beginning of the files' names, None keeps none.

    What draws prompt 1 is called `draw1`, and what shows it `show1`.

    Raises:
        ConfigError: ComfyUI loads no such base, or nobody said what it is called there.
    """
    options, graph = cfg.evaluate, Graph()
    side = options.side_px or cfg.train.data.side_px
    graph["base"] = _base(cfg)
    model, clip = Link("base", 0), Link("base", 1)
    if lora is not None:
        inputs = {
            "model": model,
            "clip": clip,
            "lora_name": lora.name,
            "strength_model": lora.strength,
            "strength_clip": lora.strength,
        }
        graph["lora"] = Node(kind="LoraLoader", inputs=inputs)
        model, clip = Link("lora", 0), Link("lora", 1)
    graph["negative"] = _text(clip, options.negative_prompt)
    size = {"width": side, "height": side, "batch_size": 1}
    graph["size"] = Node(kind="EmptyLatentImage", inputs=size)
    for number, prompt in enumerate(prompts, start=1):
        graph[f"prompt{number}"] = _text(clip, prompt)
        graph[f"draw{number}"] = Node(
            kind="KSampler",
            inputs={
                "model": model,
                "positive": Link(f"prompt{number}"),
                "negative": Link("negative"),
                "latent_image": Link("size"),
                "seed": seed,
                "steps": options.steps,
                "cfg": options.guidance_scale,
                "sampler_name": cfg.comfy.sampler,
                "scheduler": cfg.comfy.scheduler,
                "denoise": 1.0,
            },
        )
        decoded = {"samples": Link(f"draw{number}"), "vae": Link("base", 2)}
        graph[f"decode{number}"] = Node(kind="VAEDecode", inputs=decoded)
        shown = {"images": Link(f"decode{number}")}
        graph[f"show{number}"] = (
            Node(kind="PreviewImage", inputs=shown)
            if keep is None
            else Node(kind="SaveImage", inputs=shown | {"filename_prefix": f"{keep}-p{number}"})
        )
    return graph


def api_form(graph: Graph) -> dict[str, Json]:
    """As `POST /prompt` takes it."""
    return {
        name: {
            "class_type": node.kind,
            "inputs": {
                key: [value.node, value.slot] if isinstance(value, Link) else value
                for key, value in node.inputs.items()
            },
        }
        for name, node in graph.items()
    }


def _base(cfg: Config) -> Node:
    base, named = cfg.base, cfg.comfy.checkpoint
    if named is None and base.source == TINY:
        return Node(kind=TINY_LOADER, inputs={})
    if base.architecture not in LOADED:
        raise ConfigError(
            f"the workflow loads a checkpoint of {' or '.join(LOADED)}, and base.architecture is {base.architecture}",
            reason="comfy-base",
            remedy="use the LoRA in one of ComfyUI's own templates for that base (docs/comfyui.md)",
        )
    if named is None and not base.source.endswith(".safetensors"):
        raise ConfigError(
            f"base.source is {base.source}, and ComfyUI knows bases by the names of their files",
            reason="comfy-base",
            remedy="set comfy.checkpoint to the file in the server's models/checkpoints, e.g. sd_xl_base_1.0.safetensors",
        )
    file = named or PurePosixPath(base.source).name
    return Node(kind="CheckpointLoaderSimple", inputs={"ckpt_name": file})


def _text(clip: Link, text: str) -> Node:
    # Parentheses would weigh the words between them.
    plain = text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
    return Node(kind="CLIPTextEncode", inputs={"clip": clip, "text": plain})
