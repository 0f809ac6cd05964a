"""Pictures of the person as somebody asks for them: through the same gates as the samples, marked, on a sheet."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from likeness.digests import sha256_file
from likeness.disk import write_atomic
from likeness.evaluate.contact_sheet import Row, contact_sheet
from likeness.evaluate.draw import Renderer, refuse_weights_of_others
from likeness.evaluate.samples import IMAGE, Planned, entry
from likeness.images import load_rgb
from likeness.paths import require_file
from likeness.pipeline.batch import Line
from likeness.pipeline.manifest import Manifest
from likeness.pipeline.outputs import finish
from likeness.run import Run
from likeness.safety.gates import Subject, refuse
from likeness.store.items import Item

MAX_COLUMNS = 4


def asked_prompt(run: Run, words: str) -> str:
    """`jade woman, in a library`: the person's name, then what was asked for.

    Raises:
        InputError: the words are refused; nothing is drawn.
    """
    named = run.persona.named
    prompt = words if named in words else f"{named}, {words}"
    refuse("prompt", Subject(text=prompt), what=f"{words!r}")
    return prompt


def draw_asked(run: Run, renderer: Renderer, prompt: str, seeds: Sequence[int]) -> Manifest:
    """Draw what the store lacks and lay it into models/PERSONA/drawn/ with its manifest and sheet.png; what lay there goes.

    Raises:
        ConsentError: the weights are of somebody else.
        InputError: there are no weights, or every picture was refused.
    """
    paths = run.paths
    refuse_weights_of_others(run, require_file(paths.weights, remedy="run `dvc repro`: it trains the LoRA"))
    digest = sha256_file(paths.weights)

    def line(one: Planned, item: Item) -> Line:
        return entry(one, item, provider=renderer.base.name, parents=(digest,)), {one.file: IMAGE}

    planned = [
        Planned(id=f"{run.persona.name}-seed{seed}", prompt=prompt, seed=seed, lora=True) for seed in seeds
    ]
    works = [replace(renderer.work(one, paths.weights, digest), line=partial(line, one)) for one in planned]
    outcomes = run.batch(works, workers=1)
    run.require(*run.uses)  # nothing is laid out once the consent has ended
    shutil.rmtree(paths.drawn, ignore_errors=True)
    made = finish(
        "draw", paths.drawn, outcomes, max_failure_ratio=1.0, counts=run.repository.counts(paths.drawn)
    )
    write_atomic(paths.drawn_sheet, _sheet(made, {one.id: one.seed for one in planned}, prompt, run))
    return made


def _sheet(made: Manifest, seeds: Mapping[str, int], prompt: str, run: Run) -> bytes:
    cells = [load_rgb(run.paths.drawn / one.file) if one.rating == "sfw" else None for one in made.entries]
    rows = [
        Row(label="drawn", note=", ".join(f"seed {seeds[one.id]}" for one in made.entries[at : at + MAX_COLUMNS]),
            cells=cells[at : at + MAX_COLUMNS])
        for at in range(0, len(cells), MAX_COLUMNS)
    ]  # fmt: skip
    title = f"{run.persona.name}, drawn by {run.config.base.name}"
    return contact_sheet(
        title,
        [prompt],
        rows or [Row(label="refused", note="", cells=[None])],
        cell_px=run.config.evaluate.cell_px,
    )
