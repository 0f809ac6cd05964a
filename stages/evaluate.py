"""Draw the persona with and without the LoRA, and measure how like it is to photographs training never saw.

Reads models/PERSONA/PERSONA-v1.safetensors and lora_training/, data/PERSONA/ingested/, and the base model.
Writes models/PERSONA/evaluation/: samples/ (with manifest and details.json), contact_sheet.png, metrics.json.
"""

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from likeness.diffusion.load import load_base
from likeness.evaluate.comparison_sets import compared_groups
from likeness.evaluate.contact_sheet import contact_sheet, sample_rows
from likeness.evaluate.draw import Renderer, judged_steps
from likeness.evaluate.evaluation import (
    best_checkpoint,
    details,
    flat_metrics,
    identities,
)
from likeness.evaluate.pixel_change import lora_effect
from likeness.evaluate.samples import (
    IMAGE,
    Planned,
    described,
    drawn_pairs,
    plan_samples,
)
from likeness.evaluate.samples import entry as sample_entry
from likeness.faces import FaceAnalyzer
from likeness.images import load_rgb
from likeness.pipeline.batch import Line
from likeness.pipeline.manifest import Manifest, read_manifest
from likeness.run import Run, run
from likeness.safety.rating import Rater
from likeness.store.items import Item, sha256_file, write_atomic


def main(run: Run) -> None:
    """Draw, look for faces, score, and lay out what a person judges by eye."""
    cfg, persona, places, options, items = run.config, run.persona, run.paths, run.config.evaluate, run.items
    shutil.rmtree(places.evaluation, ignore_errors=True)
    prompts = options.drawn_prompts(persona.trigger, persona.class_word)
    planned = plan_samples(persona.name, prompts, options.seeds)
    digest = sha256_file(places.weights)
    params = {"evaluate": options.model_dump(), "base": cfg.base.model_dump(), "weights_sha256": digest}
    with run.tracker(params) as tracker:
        base = load_base(cfg.base, device=cfg.train.system.device, memo=run.repository.digests)
        studio = Renderer(cfg=cfg, base=base, rater=Rater())
        drawn = draw(run, studio, planned, digest)
        samples = places.samples
        pictures = {entry.id: load_rgb(samples / entry.file) for entry in drawn.entries}
        faces = FaceAnalyzer().faces
        groups = compared_groups(places, drawn, planned, faces, items, workers=cfg.items.workers)
        scores = identities(groups, yaw_edges_deg=options.yaw_edges_deg)
        effect = lora_effect(drawn_pairs(planned, pictures))
        metrics = flat_metrics(scores, lora_effect=effect, refused=len(drawn.failures))
        steps = judged_steps(studio, planned, places, groups["held_out"].seen, faces, items)
        metrics["best_step"] = best.step if (best := best_checkpoint(steps)) else None
        photographs = read_manifest(places.ingested).entries
        held_out = [load_rgb(places.ingested / photo.file) for photo in photographs if photo.held_out]
        title, rows = (
            f"{persona.name}, drawn by {cfg.base.name}",
            sample_rows(planned, drawn, pictures, held_out),
        )

        write_json(
            places.evaluation_details,
            details(scores, described(planned, drawn, scores), steps, lora_effect=effect),
        )
        write_json(places.evaluation_metrics, metrics)
        sheet = contact_sheet(title, prompts, rows, cell_px=options.cell_px)
        write_atomic(places.contact_sheet, sheet)
        tracker.log_metrics([(0, {name: value for name, value in metrics.items() if value is not None})])
        tracker.log_metrics(
            [(one.step, {"identity_by_step": one.similarity}) for one in steps if one.similarity is not None]
        )
        tracker.log_file(places.contact_sheet)
        tracker.log_file(places.evaluation_metrics)
        tracker.set_tags({"weights_sha256": digest})


def draw(run: Run, studio: Renderer, planned: Sequence[Planned], digest: str) -> Manifest:
    """Draw what the store lacks, one picture at a time; an explicit one is refused before it is written."""

    def line(one: Planned, item: Item) -> Line:
        parents = (digest,) if one.lora else ()
        return sample_entry(one, item, provider=studio.base.name, parents=parents), {one.file: IMAGE}

    works = [
        replace(studio.work(one, run.paths.weights if one.lora else None, digest), line=partial(line, one))
        for one in planned
    ]
    # One worker: the pictures share one pipeline.
    return run.finish(run.batch(works, workers=1))


def write_json(path: Path, values: object) -> None:
    """Write indented JSON."""
    write_atomic(path, (json.dumps(values, indent=1, ensure_ascii=False) + "\n").encode())


if __name__ == "__main__":
    run("evaluate", main)
