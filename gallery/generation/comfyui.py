"""Draws in ComfyUI servers: the workflow of likeness.comfy, words only ever as the value of an input."""

import os
import shutil
import threading
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from gallery.generation.diffusers import size_px
from gallery.generation.drawing import Enlarging, Shot
from gallery.people.layout import WholeFiles
from likeness.comfy.graph import Graph, Lora, api_form, build
from likeness.config import Config
from likeness.errors import ConfigError, ProviderError, TransientError
from likeness.images import RGB
from likeness.vendors.comfyui import ComfyUI
from likeness.vendors.comfyui_answers import decoded

REST_SECONDS = 30.0
"""For so long a server that failed is asked after all others."""


@dataclass(kw_only=True)
class Pool:
    """Servers in turn: those that failed last, last; those that the file `drained` names, a URL a line, not at all."""

    servers: Sequence[str]
    drained: Path | None = None
    rest_s: float = REST_SECONDS
    _failed: dict[str, float] = field(default_factory=dict[str, float])
    _taken: int = 0

    def order(self) -> list[str]:
        """Whom to ask for the next picture, one after the other.

        Raises:
            TransientError: all are drained.
        """
        text = self.drained.read_text() if self.drained and self.drained.is_file() else ""
        drained = {line.strip().rstrip("/") for line in text.splitlines()}
        left = [one for one in self.servers if one.rstrip("/") not in drained]
        if not left:
            raise TransientError(
                "no ComfyUI server takes pictures now",
                reason="all-drained",
                remedy=f"take a line out of {self.drained}, or name more servers",
            )
        self._taken += 1
        at, now = self._taken % len(left), time.monotonic()
        resting = {one for one, since in self._failed.items() if now - since < self.rest_s}
        return sorted(left[at:] + left[:at], key=lambda one: one in resting)

    def failed(self, server: str) -> None:
        """A server did not draw."""
        self._failed[server] = time.monotonic()

    def drew(self, server: str) -> None:
        """A server drew."""
        self._failed.pop(server, None)


@dataclass(frozen=True, kw_only=True)
class ComfyDrawer(Enlarging):
    """Draws in a pool of servers; one that fails is passed over until each failed. `comfy.lora_folder` is models/loras of all."""

    config: Config
    pool: Pool
    stop: threading.Event = field(default_factory=threading.Event)
    files: WholeFiles = field(default_factory=WholeFiles)

    def draw(self, shot: Shot) -> RGB:
        """A picture by the next server that can.

        Raises:
            ProviderError, ConfigError: none can just now.
        """
        graph = api_form(workflow(self.config, self._lora(shot), shot))
        width, height = size_px(self.config.evaluate.side_px or self.config.train.data.side_px, shot.aspect)
        problem: ProviderError | ConfigError | None = None
        for url in self.pool.order():
            try:
                with self._server(url) as server:
                    rgb = decoded(server.draw(graph, output="show1"), width, height)
            except (ProviderError, ConfigError) as error:  # another one may have what this one lacks
                self.pool.failed(url)
                problem = error
            else:
                self.pool.drew(url)
                return rgb
        assert problem is not None
        raise problem

    def _server(self, url: str) -> ComfyUI:
        options = self.config.comfy
        return ComfyUI(
            base_url=url,
            api_key_env=options.api_key_env,
            limits=options.limits,
            poll_s=options.poll_s,
            job_limit_s=options.job_limit_s,
            stop=self.stop,
        )

    def _lora(self, shot: Shot) -> Lora:
        """The weights in the servers' folder, called by their sha256. A copy, which servers elsewhere read, too; whole or not at
        all, whichever worker is first."""
        if self.config.comfy.lora_folder is None:
            raise ConfigError(
                "comfy.lora_folder is not set", remedy="name models/loras of the servers in conf/comfy/"
            )
        copy = Path(self.config.comfy.lora_folder).expanduser() / f"likeness-{shot.weights.name}"
        if not copy.is_file() or not self.files.is_whole(copy):
            part = copy.with_name(f".{copy.name}.{uuid.uuid4().hex}")
            try:
                shutil.copyfile(self.files.weights(shot.weights), part)
                os.replace(part, copy)
            finally:
                part.unlink(missing_ok=True)
        return Lora(name=copy.name, strength=shot.strength)


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
