"""The test: a server draws the prompts of evaluate without and with the LoRA, and its pictures are scored as ours are.

ComfyUI says `success` when a LoRA's keys do not load. Three things tell it here: its log, pictures that are the same with
and without, and pictures that agree with ours without the LoRA and not with it.
"""

import contextlib
import json
import uuid
from collections.abc import Callable, Generator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

from likeness.comfy.graph import TINY_LOADER, Graph, Lora, api_form, build
from likeness.comfy.scores import Result, scored
from likeness.config import Config
from likeness.digests import sha256_file
from likeness.disk import write_atomic
from likeness.errors import ConfigError
from likeness.evaluate.contact_sheet import samples_sheet
from likeness.evaluate.draw import lay_out
from likeness.evaluate.face_embeddings import Finder
from likeness.evaluate.samples import (
    IMAGE,
    SAMPLES_VERSION,
    Limits,
    Planned,
    drawn_prompts,
    entry,
    finished_sample,
    plan_samples,
)
from likeness.images import RGB, load_rgb
from likeness.lora.door import refuse_weights_of_others
from likeness.lora.safetensors_io import read_header
from likeness.paths import require_file
from likeness.pipeline.batch import Line, Made, Outcome, Work
from likeness.run import Run
from likeness.safety.pictures import PictureGate
from likeness.safety.rating import RATER_DIGEST
from likeness.store.items import Item
from likeness.store.keys import item_key
from likeness.vendors.comfyui import ComfyUI
from likeness.vendors.comfyui_answers import decoded, lost_keys

TRIAL_VERSION = 1
"""Raised whenever the same answer of a server would give another file."""

Rate = Callable[[RGB], float]


def run_trial(run: Run, rate: Rate, ages: PictureGate, find: Finder) -> Result:
    """Draw what the store lacks, score it, write models/PERSONA/comfy/.

    Raises:
        ConfigError: the server lacks a node, the LoRA or the base, or refuses the workflow.
        ConsentError: the weights are of somebody else, or the consent has ended meanwhile.
        InputError: there is no LoRA, or more pictures failed than comfy.max_failure_ratio.
        ProviderError: the server cannot be reached.
    """
    cfg, paths, options = run.config, run.paths, run.config.comfy
    digest, keys = _weights(run)
    planned = plan_samples(run.persona.name, drawn_prompts(run), cfg.evaluate.seeds)
    server = ComfyUI(
        base_url=options.base_url,
        api_key_env=options.api_key_env,
        limits=options.limits,
        poll_s=options.poll_s,
        job_limit_s=options.job_limit_s,
        stop=run.stop,
    )
    with server, _in_reach(run, server) as lora:
        version, before = server.version(), server.log()
        check_server(server, cfg, lora)
        trial = _Trial(
            cfg=cfg,
            server=server,
            rate=rate,
            ages=ages,
            digest=digest,
            lora=lora,
            keys=keys,
            known=frozenset(before or ()),
            version=version,
        )
        works = [trial.work(one) for one in planned]
        outcomes = run.batch(works, what="ComfyUI's samples", workers=options.limits.in_flight)
    drawn = lay_out(
        "comfy",
        run,
        paths.comfy_samples,
        outcomes,
        max_failure_ratio=options.max_failure_ratio,
        leave_unfinished=cfg.items.leave_unfinished,
    )
    pictures = {one.id: load_rgb(paths.comfy_samples / one.file) for one in drawn.entries}
    result = scored(run, planned, pictures, outcomes, find, version, _not_loaded(outcomes))
    title = f"{run.persona.name}, drawn by ComfyUI {version}"
    write_atomic(paths.comfy_sheet, samples_sheet(run, title, planned, drawn, pictures))
    write_atomic(paths.comfy_results, (json.dumps(asdict(result), indent=1) + "\n").encode())
    return result


def check_server(server: ComfyUI, cfg: Config, lora: Lora) -> None:
    """See that the server has what the workflow names, before anything is queued.

    Raises:
        ConfigError: it lacks a node, the base or the LoRA.
    """
    graph = build(cfg, ["a"], 1, lora, keep=None)
    for node in graph.values():
        widget = next((name for name in node.inputs if name in ("ckpt_name", "lora_name")), "")
        choices = server.choices(node.kind, widget)
        if choices is None:
            tiny = node.kind == TINY_LOADER
            raise ConfigError(
                f"the ComfyUI server at {cfg.comfy.base_url} has no node {node.kind}",
                reason="node-missing",
                remedy="install integrations/comfyui in it and start it again (docs/comfyui.md)"
                if tiny
                else "is it ComfyUI? Update it, or correct comfy.base_url",
            )
        if widget and node.inputs[widget] not in choices:
            folder, remedy = "models/checkpoints", "set comfy.checkpoint to one of its files"
            if widget == "lora_name":
                folder = "models/loras"
                remedy = (
                    f"copy {lora.name} there, or set comfy.lora_folder where it is a folder of this machine"
                )
            raise ConfigError(
                f"the ComfyUI server at {cfg.comfy.base_url} has no {node.inputs[widget]} in {folder}",
                reason="file-missing",
                remedy=remedy,
            )


@dataclass(frozen=True, kw_only=True)
class _Trial:
    """What draws one picture."""

    cfg: Config
    server: ComfyUI
    rate: Rate
    ages: PictureGate
    digest: str
    lora: Lora
    keys: frozenset[str]
    known: frozenset[tuple[str, str]]
    version: str

    def work(self, one: Planned) -> Work:
        """The item that is one picture of this server; its key knows the LoRA by its bytes."""
        named = Lora(name=self.digest, strength=self.lora.strength) if one.lora else None
        settings = {
            "graph": api_form(self._graph(one, named)),
            "server": self.cfg.comfy.base_url,
            "version": self.version,
            "quality": self.cfg.evaluate.jpeg_quality,
            "rater": RATER_DIGEST,
            "samples": SAMPLES_VERSION,
            **vars(Limits.of(self.cfg)),
        }
        parents = (self.digest,) if one.lora else ()

        def line(item: Item) -> Line:
            return entry(one, item, provider="comfyui", parents=parents), {one.file: IMAGE}

        key = item_key("comfy.sample", TRIAL_VERSION, settings, list(parents))
        return Work(id=one.id, key=key, make=partial(self._make, one), line=line)

    def _graph(self, one: Planned, lora: Lora | None) -> Graph:
        return build(self.cfg, [one.prompt], one.seed, lora, keep=None)

    def _make(self, one: Planned) -> Made:
        data = self.server.draw(api_form(self._graph(one, self.lora if one.lora else None)), output="show1")
        side = self.cfg.evaluate.side_px or self.cfg.train.data.side_px
        rgb, quality = decoded(data, side, side), self.cfg.evaluate.jpeg_quality
        made = finished_sample(rgb, self.rate, self.ages, Limits.of(self.cfg), quality=quality)
        if not one.lora or (log := self.server.log()) is None:
            return made
        lost = lost_keys([line for line in log if line not in self.known])
        return replace(made, record={**made.record, "not_loaded": sorted(lost & self.keys)})


def _weights(run: Run) -> tuple[str, frozenset[str]]:
    """The digest and the tensors' names of the persona's LoRA."""
    require_file(run.paths.weights, remedy="run `dvc repro`: the stage train makes it")
    refuse_weights_of_others(run, run.paths.weights)
    return sha256_file(run.paths.weights), frozenset(read_header(run.paths.weights).entries)


@contextlib.contextmanager
def _in_reach(run: Run, server: ComfyUI) -> Generator[Lora]:
    """The LoRA by the server's name of it. Where its folder is here, it is linked for as long as the test takes, under a
    name that no earlier test had: the server reads it anew. A link, so that no copy outlives the file."""
    options, weights = run.config.comfy, run.paths.weights
    strength = run.config.evaluate.lora_scale
    if options.lora_folder is None:
        yield Lora(name=weights.name, strength=strength)
        return
    folder = Path(options.lora_folder).expanduser()
    if not folder.is_dir():
        raise ConfigError(
            f"comfy.lora_folder {folder} is not a folder",
            remedy="name models/loras of the ComfyUI server, or set it to null",
        )
    link = folder / f"likeness-{weights.stem}-{uuid.uuid4().hex[:8]}.safetensors"
    link.symlink_to(weights.resolve())
    try:
        yield Lora(name=link.name, strength=strength)
    finally:
        link.unlink(missing_ok=True)


def _not_loaded(outcomes: Sequence[Outcome]) -> list[str] | None:
    """The keys that the log named while pictures were drawn with the LoRA; None where no log was to be had."""
    found = [outcome.item.record.get("not_loaded") for outcome in outcomes if outcome.item]
    told = [keys for keys in found if keys is not None]
    return sorted({key for keys in told for key in keys}) if told else None
