"""Draw the persona with and without the LoRA, and measure how like it is to photographs training never saw.

Reads models/PERSONA/PERSONA-v1.safetensors, models/PERSONA/lora_training/, data/PERSONA/ingested/ and the base.
Writes models/PERSONA/evaluation/: samples/ (pictures, manifest, details.json), contact_sheet.png, metrics.json.
"""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from likeness.batch import Made, Work, finish, run_batch
from likeness.config import Config, Persona
from likeness.faces import FaceAnalyzer
from likeness.images import load_rgb
from likeness.items import ItemStore, item_key, sha256_file, write_atomic
from likeness.lora.base import load_base
from likeness.lora.sample import Shot, sample
from likeness.manifest import Manifest, read_manifest
from likeness.metrics.effect import lora_effect
from likeness.metrics.evaluation import details, flat_metrics, identities
from likeness.metrics.groups import compared_groups
from likeness.metrics.samples import (
    IMAGE,
    SAMPLES_VERSION,
    Limits,
    Planned,
    described,
    finished_sample,
    pairs,
    plan_samples,
)
from likeness.metrics.samples import entry as sample_entry
from likeness.metrics.sheet import contact_sheet, sample_rows
from likeness.naming import Places
from likeness.safety.rating import RATER_DIGEST, Rater
from likeness.tracking import Tracker
from stages import run, store


def main(cfg: Config, persona: Persona) -> None:
    """Draw, look for faces, score, and lay out what a person judges by eye."""
    places, options, items = Places(persona.name), cfg.evaluate, store(cfg)
    folder = places.evaluation / "samples"
    planned = plan_samples(
        persona.name, options.drawn_prompts(persona.trigger, persona.class_word), options.seeds
    )
    shutil.rmtree(places.evaluation, ignore_errors=True)
    digest = sha256_file(places.weights)
    params = {"evaluate": options.model_dump(), "base": cfg.base.model_dump(), "weights_sha256": digest}
    with Tracker(
        **cfg.tracking.model_dump(), stage="evaluate", persona=persona.name, params=params
    ) as tracker:
        drawn = draw(cfg, planned, places.weights, digest, items)
        pictures = {entry.id: load_rgb(folder / entry.file) for entry in drawn.entries}
        groups = compared_groups(
            places, drawn, planned, FaceAnalyzer().faces, items, workers=cfg.items.workers
        )
        scores = identities(groups, yaw_edges_deg=options.yaw_edges_deg)
        effect = lora_effect([(pictures[a.id], pictures[b.id]) for a, b in pairs(planned)
                              if a.id in pictures and b.id in pictures])  # fmt: skip
        metrics = flat_metrics(scores, lora_effect=effect, refused=len(drawn.failures))
        samples = described(
            planned, drawn, scores["samples_with"].by_image | scores["samples_without"].by_image
        )
        report = details(scores, samples, lora_effect=effect)
        held_out = [load_rgb(places.ingested / entry.file)
                    for entry in read_manifest(places.ingested).entries if entry.held_out]  # fmt: skip
        rows = sample_rows(planned, drawn, pictures, held_out)
        sheet = contact_sheet(f"{persona.name}, drawn by {cfg.base.name}", list(dict.fromkeys(one.prompt for one in planned)),
                              rows, cell_px=options.cell_px)  # fmt: skip

        write_atomic(
            folder / "details.json", (json.dumps(report, indent=1, ensure_ascii=False) + "\n").encode()
        )
        write_atomic(places.evaluation / "metrics.json", (json.dumps(metrics, indent=1) + "\n").encode())
        write_atomic(places.evaluation / "contact_sheet.png", sheet)
        tracker.log_metrics([(0, {name: value for name, value in metrics.items() if value is not None})])
        tracker.log_file(places.evaluation / "contact_sheet.png")
        tracker.log_file(places.evaluation / "metrics.json")
        tracker.set_tags({"weights_sha256": digest})


def draw(
    cfg: Config, planned: Sequence[Planned], weights: Path, weights_sha256: str, items: ItemStore
) -> Manifest:
    """Draw what the store lacks, one picture at a time; an explicit one is refused before it is written."""
    options, base, rater = cfg.evaluate, load_base(cfg.base, device=cfg.train.device), Rater()
    limits = Limits(review_explicit=cfg.ingest.review_explicit, max_explicit=cfg.ingest.max_explicit)

    def work(one: Planned) -> Work:
        shot = Shot(
            prompt=one.prompt, negative_prompt=options.negative_prompt, seed=one.seed, steps=options.steps,
            guidance_scale=options.guidance_scale, side_px=options.side_px or cfg.train.side_px,
        )  # fmt: skip
        settings = {**vars(shot), **base.identity, **vars(limits), "rater": RATER_DIGEST, "quality": options.jpeg_quality,
                    "lora_scale": options.lora_scale if one.lora else None}  # fmt: skip

        def make() -> Made:
            lora = weights if one.lora else None
            (rgb,) = sample(base, [shot], lora=lora, lora_scale=options.lora_scale)
            return finished_sample(rgb, rater.explicit, limits, quality=options.jpeg_quality)

        inputs = [weights_sha256] if one.lora else []
        return Work(id=one.id, key=item_key("evaluate.sample", SAMPLES_VERSION, settings, inputs), make=make)

    # One worker: the pictures share one pipeline.
    outcomes = run_batch("evaluate", [work(one) for one in planned], items, workers=1)
    by_id = {one.id: one for one in planned}
    return finish(
        "evaluate", weights.parent / "evaluation" / "samples", outcomes,
        lambda outcome, item: (
            sample_entry(by_id[outcome.work.id], item, provider=base.name,
                         parents=(weights_sha256,) if by_id[outcome.work.id].lora else ()),
            {by_id[outcome.work.id].file: IMAGE},
        ),
        max_failure_ratio=options.max_failure_ratio,
    )  # fmt: skip


if __name__ == "__main__":
    run("evaluate", main)
