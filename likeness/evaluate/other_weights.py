"""The prompts and seeds of evaluate, drawn with any weights and measured as the graph's own are."""

import shutil
from pathlib import Path
from typing import Any

from likeness.digests import sha256_file
from likeness.evaluate.comparison_sets import comparison_sets, search
from likeness.evaluate.draw import Renderer
from likeness.evaluate.embedders import embedders
from likeness.evaluate.evaluation import identities
from likeness.evaluate.face_embeddings import Finder
from likeness.evaluate.looks import looks_of
from likeness.evaluate.measures import Seen, measured
from likeness.evaluate.results import draw, prompts
from likeness.evaluate.samples import described, plan_samples
from likeness.pipeline.outputs import finish
from likeness.run import Run


def evaluate_weights(
    run: Run, renderer: Renderer, weights: Path, find: Finder, folder: Path
) -> dict[str, Any]:
    """Draw what the store lacks into `folder`, with its manifest, and measure it: the part of details.json that two LoRAs are
    compared by. What training saw is not known of any file, so nothing is said of copying.

    Raises:
        InputError: the weights do not fit the base, or more pictures were refused than evaluate.max_failure_ratio.
    """
    options, words = run.config.evaluate, (run.persona.trigger, run.persona.class_word)
    named = options.named_prompts(*words)
    planned = plan_samples(run.persona.name, prompts(run), options.seeds)
    outcomes = draw(run, renderer, planned, weights, sha256_file(weights))
    run.require(*run.uses)  # nothing is laid out once the consent has ended
    shutil.rmtree(folder, ignore_errors=True)
    drawn = finish(
        "compare", folder, outcomes, max_failure_ratio=options.max_failure_ratio, counts=run.repository.counts(folder)
    )  # fmt: skip
    faces = search(run, drawn.entries, folder, find)
    sets = comparison_sets(run, (), {}, faces, planned, named)
    written = {entry.id for entry in drawn.entries}
    seen = Seen(
        sets=sets,
        looks=looks_of(run, drawn.entries, folder, faces, words=True),
        trained={},
        planned=[one for one in planned if one.id in written],
        named=named,
        twins=options.twin_prompts(*words),
    )
    scores = identities(sets, yaw_edges_deg=options.yaw_edges_deg)
    return {
        "measures": measured(options, seen, embedders(run.embedder)),
        "samples": described(planned, drawn, scores),
        "named": named,
        "twins": seen.twins,
        "class_word": run.persona.class_word,
    }
