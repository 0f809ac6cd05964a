"""The evaluation as a whole: the samples drawn, what was measured on them, and the files that say it; also of any other
weights, drawn with the same prompts and seeds."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from likeness.digests import sha256_file
from likeness.disk import write_atomic
from likeness.evaluate.arms import compared_arms, flat_arms
from likeness.evaluate.choice import verdict
from likeness.evaluate.contact_sheet import samples_sheet, xy_plot
from likeness.evaluate.draw import Renderer, draw, judge_steps, lay_out
from likeness.evaluate.embedders import embedders
from likeness.evaluate.evaluation import (
    Identity,
    Person,
    at_one_strength,
    best_checkpoint,
    details,
    flat_metrics,
    identities,
)
from likeness.evaluate.face_embeddings import Finder, comparison_sets, search
from likeness.evaluate.looks import Look, looks_of
from likeness.evaluate.measures import Seen, flat, measured
from likeness.evaluate.samples import (
    Planned,
    described,
    drawn_prompts,
    lora_effect,
    plan_arms,
    plan_samples,
)
from likeness.images import load_rgb
from likeness.pipeline.batch import Outcome
from likeness.pipeline.manifest import Entry, Manifest
from likeness.pipeline.verified import read_verified
from likeness.run import Run
from likeness.tracking.tracker import Tracker


@dataclass(frozen=True, kw_only=True)
class Results:
    """What evaluation/metrics.json and samples/details.json hold, and the contact sheet and the XY plot as PNG; None where there
    are no steps and strengths to compare."""

    metrics: dict[str, float | int | None]
    details: dict[str, Any]
    sheet: bytes
    xy_plot: bytes | None


def draw_samples(run: Run, renderer: Renderer, digest: str) -> tuple[list[Planned], Manifest]:
    """Draw what the store lacks, one picture at a time; an explicit one is refused before it is written.

    Args:
        digest: sha256 of the weights file.
    """
    options, persona = run.config.evaluate, run.persona
    planned = plan_samples(persona.name, drawn_prompts(run), options.seeds)
    named = options.named_prompts(persona.trigger, persona.class_word)
    # Last: what reads the reference picture is loaded once.
    planned += plan_arms(persona.name, drawn_prompts(run), options.seeds, named, options.reference_arms)
    return planned, run.finish(draw(run, renderer, planned, run.paths.weights, digest))


def measure(
    run: Run, renderer: Renderer, planned: Sequence[Planned], drawn: Manifest, find: Finder
) -> Results:
    """Compare faces and pixels of the samples; `find` gives the faces of an image, largest first.

    Pictures drawn after a reference picture count in the table of arms only.
    """
    options, paths = run.config.evaluate, run.paths
    trained = read_verified(paths.lora_training).entries
    every, in_samples = _look_at(run, planned, drawn, paths.samples, find, trained)
    plain = [one for one in planned if not one.reference]
    seen = replace(every, planned=[one for one in every.planned if not one.reference])
    arms = compared_arms(options, every, in_samples, embedders(run.embedder))
    scores = identities(seen.sets)
    found = _measured(run, seen, plain, drawn, scores)
    found["measures"] |= {"arms": arms}
    choice = verdict(found["measures"], run.config.choice)
    pictures = {sample.id: load_rgb(paths.samples / sample.file) for sample in drawn.entries}
    effect = lora_effect(plain, pictures)
    seeds = options.seeds[: options.checkpoint_seeds]
    judged = [one for one in plain if one.lora and one.prompt in seen.named and one.seed in seeds]
    xy = judge_steps(run, renderer, judged, Person.of(seen.sets).references, find)
    steps = [score for score, _ in xy]
    at_scale = [one for one in steps if options.checkpoints and one.strength == options.lora_scale]
    best = best_checkpoint(at_scale)
    title = f"{run.persona.name}, drawn by {run.config.base.name}"
    return Results(
        metrics=flat_metrics(scores, lora_effect=effect, refused=len(drawn.failures))
        | {"best_step": best and best.step, "accepted": int(choice.accepted)}
        | flat(found["measures"])
        | flat_arms(arms),
        details=details(scores, found["samples"], steps, found["measures"], lora_effect=effect)
        | found
        | {"verdict": choice.values(), "drawn_with": renderer.drawn_with},
        xy_plot=xy_plot(f"{title}: XY plot", judged, xy, cell_px=options.cell_px) if xy and judged else None,
        sheet=samples_sheet(run, title, planned, drawn, pictures),
    )


def _look_at(
    run: Run,
    planned: Sequence[Planned],
    drawn: Manifest,
    folder: Path,
    find: Finder,
    trained: Sequence[Entry] = (),
) -> tuple[Seen, Mapping[str, Outcome]]:
    """What is seen on the written pictures, and the faces on them by id; `trained` are the training images, where they are known."""
    options, words = run.config.evaluate, (run.persona.trigger, run.persona.class_word)
    data, named = run.config.train.data, options.named_prompts(*words)
    faces = search(run, drawn.entries, folder, find)
    in_training: Mapping[str, Outcome] = {}
    learned: Mapping[str, Look] = {}
    if trained:
        folder_trained = run.paths.lora_training
        in_training = search(run, trained, folder_trained, find)
        learned = looks_of(
            run, trained, folder_trained, in_training, words=False, face_fraction=data.face_fraction
        )
    plain = [one for one in planned if not one.reference]
    written = {entry.id for entry in drawn.entries}
    seen = Seen(
        sets=comparison_sets(run, trained, in_training, faces, plain, named),
        looks=dict(looks_of(run, drawn.entries, folder, faces, words=True)),
        trained=learned,
        planned=[one for one in planned if one.id in written],
        named=named,
        twins=options.twin_prompts(*words),
        cut_to_face=data.cuts_to_face,
    )
    return seen, faces


def _measured(
    run: Run, seen: Seen, planned: Sequence[Planned], drawn: Manifest, scores: Mapping[str, Identity]
) -> dict[str, Any]:
    """The part of details.json that two LoRAs are compared by."""
    return {
        "measures": measured(run.config.evaluate, seen, embedders(run.embedder)),
        "samples": described(planned, drawn, scores),
        "named": seen.named,
        "twins": seen.twins,
        "class_word": run.persona.class_word,
    }


def write_results(run: Run, results: Results, tracker: Tracker) -> None:
    """Write what a person and DVC read, and log it."""
    paths = run.paths
    _write_json(paths.evaluation_details, results.details)
    _write_json(paths.evaluation_metrics, results.metrics)
    write_atomic(paths.contact_sheet, results.sheet)
    if results.xy_plot is not None:
        write_atomic(paths.xy_plot, results.xy_plot)
        tracker.log_file(paths.xy_plot)
    # As training calls it.
    figures = results.metrics | {"identity": results.metrics["identity_samples_with"]}
    tracker.log_metrics([(0, {name: value for name, value in figures.items() if value is not None})])
    judged = at_one_strength(results.details)
    tracker.log_metrics([(one["step"], {"identity_by_step": one["similarity"]}) for one in judged])
    tracker.log_file(paths.contact_sheet)
    tracker.log_file(paths.evaluation_metrics)


def _write_json(path: Path, values: object) -> None:
    write_atomic(path, (json.dumps(values, indent=1, ensure_ascii=False) + "\n").encode())


def evaluate_weights(
    run: Run, renderer: Renderer, weights: Path, find: Finder, folder: Path
) -> dict[str, Any]:
    """Draw what the store lacks into `folder`, with its manifest, and measure it: the part of details.json that two LoRAs are
    compared by. What training saw is not known of any file, so nothing is said of copying.

    Raises:
        InputError: the weights do not fit the base, or more pictures were refused than evaluate.max_failure_ratio.
    """
    options = run.config.evaluate
    planned = plan_samples(run.persona.name, drawn_prompts(run), options.seeds)
    outcomes = draw(run, renderer, planned, weights, sha256_file(weights))
    drawn = lay_out("compare", run, folder, outcomes, max_failure_ratio=options.max_failure_ratio)
    seen, _ = _look_at(run, planned, drawn, folder, find)
    return _measured(run, seen, planned, drawn, identities(seen.sets))
