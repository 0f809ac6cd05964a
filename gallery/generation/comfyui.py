"""Draws in ComfyUI servers: the workflow of likeness.comfy, words only ever as the value of an input."""

import itertools
import threading
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from gallery.generation.diffusers import size_px
from gallery.generation.drawing import Shot
from likeness.comfy.graph import Graph, Lora, api_form, build
from likeness.comfy.trial import decoded
from likeness.config import Config
from likeness.errors import ConfigError, ProviderError
from likeness.images import RGB
from likeness.vendors.comfyui import ComfyUI

if TYPE_CHECKING:
    from likeness.enhance import Enhancer


@dataclass(frozen=True, kw_only=True)
class ComfyDrawer:
    """Draws in turn in some servers; one that fails is passed over until each failed. `lora_folder` is models/loras of all."""

    config: Config
    servers: tuple[str, ...]
    stop: threading.Event = field(default_factory=threading.Event)

    @cached_property
    def _turn(self) -> "itertools.cycle[str]":
        return itertools.cycle(self.servers)

    @cached_property
    def enhancer(self) -> "Enhancer":
        """The provider that enlarges."""
        return self.config.enhance.built()

    def draw(self, shot: Shot) -> RGB:
        """A picture by the next server that can.

        Raises:
            ProviderError: none can just now.
        """
        graph = workflow(self.config, self._lora(shot), shot)
        width, height = size_px(self.config.evaluate.side_px or self.config.train.data.side_px, shot.aspect)
        problem: ProviderError | None = None
        for _ in self.servers:
            try:
                with self._server(next(self._turn)) as server:
                    return decoded(server.draw(api_form(graph), output="show1"), width, height)
            except ProviderError as error:
                problem = error
        raise problem or ConfigError("no ComfyUI server is named", remedy="give --comfyui URL")

    def enlarge(self, rgb: RGB) -> RGB:
        """The picture with more pixels."""
        return self.enhancer.enhance(rgb, item="gallery").rgb

    def _server(self, url: str) -> ComfyUI:
        options = self.config.comfy
        return ComfyUI(base_url=url, api_key_env=options.api_key_env, limits=options.limits, poll_s=options.poll_s,
                       job_limit_s=options.job_limit_s, stop=self.stop)  # fmt: skip

    def _lora(self, shot: Shot) -> Lora:
        """The weights in the servers' folder, by their sha256."""
        if self.config.comfy.lora_folder is None:
            raise ConfigError(
                "comfy.lora_folder is not set", remedy="name models/loras of the servers in conf/comfy/"
            )
        link = Path(self.config.comfy.lora_folder).expanduser() / f"likeness-{shot.weights.name}"
        if not link.exists():
            link.unlink(missing_ok=True)
            link.symlink_to(shot.weights.absolute())
        return Lora(name=link.name, strength=shot.strength)


def workflow(config: Config, lora: Lora, shot: Shot) -> Graph:
    """The workflow of one picture; a prompt is a value in it, whatever it holds."""
    graph = build(config, [shot.prompt], shot.seed, lora, keep=None)
    width, height = size_px(config.evaluate.side_px or config.train.data.side_px, shot.aspect)
    graph["size"] = replace(graph["size"], inputs={**graph["size"].inputs, "width": width, "height": height})
    if shot.negative:
        graph["negative"] = replace(
            graph["negative"], inputs={**graph["negative"].inputs, "text": shot.negative}
        )
    return graph
