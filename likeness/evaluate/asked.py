"""Draws a person's own prompts, as the samples are drawn, and lays them on a sheet."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from likeness.digests import sha256_file
from likeness.disk import write_atomic
from likeness.evaluate.contact_sheet import Row, contact_sheet
from likeness.evaluate.draw import Renderer, draw, lay_out
from likeness.evaluate.samples import Planned
from likeness.images import load_rgb
from likeness.paths import require_file
from likeness.pipeline.manifest import Manifest
from likeness.pipeline.verified import REFUSED, why_not_shown
from likeness.run import Run
from likeness.safety.gates import Subject, refuse

MAX_COLUMNS = 4


def asked_prompt(run: Run, words: str) -> str:
    """`jade woman, in a library`: the person's name, then what was asked for.

    Raises:
        InputError: the words are refused; nothing is drawn.
    """
    prompt = run.persona.prompt(words)
    refuse("prompt", Subject(text=prompt), what=f"{words!r}")
    return prompt


def draw_asked(
    run: Run, renderer: Renderer, prompt: str, seeds: Sequence[int], lora: Path | None = None
) -> Manifest:
    """Draw what the store lacks, with the last run's LoRA or another file, and lay it into models/PERSONA/drawn/ with its manifest
    and sheet.png; what lay there goes.

    Raises:
        ConsentError: the weights are of somebody else.
        InputError: there are no weights, or every picture was refused.
    """
    paths = run.paths
    weights = lora or require_file(paths.weights, remedy="run `dvc repro`: it trains the LoRA")
    name = run.persona.name
    planned = [Planned(id=f"{name}-seed{seed}", prompt=prompt, seed=seed, lora=True) for seed in seeds]
    outcomes = draw(run, renderer, planned, weights, sha256_file(weights))
    made = lay_out("draw", run, paths.drawn, outcomes, max_failure_ratio=1.0)
    write_atomic(paths.drawn_sheet, _sheet(made, {one.id: one.seed for one in planned}, prompt, run))
    return made


def _sheet(made: Manifest, seeds: Mapping[str, int], prompt: str, run: Run) -> bytes:
    folder, rows = run.paths.drawn, list[Row]()
    for at in range(0, len(made.entries), MAX_COLUMNS):
        line = made.entries[at : at + MAX_COLUMNS]
        cells = [why_not_shown(one.file, one.rating) or load_rgb(folder / one.file) for one in line]
        rows.append(Row(label="drawn", note=", ".join(f"seed {seeds[one.id]}" for one in line), cells=cells))
    rows = rows or [Row(label=REFUSED, note="", cells=[REFUSED])]
    title = f"{run.persona.name}, drawn by {run.config.base.name}"
    return contact_sheet(title, [prompt], rows, cell_px=run.config.evaluate.cell_px)
