"""Draw a persona as somebody asks."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from likeness.config import load_config
from likeness.disk import try_place
from likeness.paths import PARAMS
from likeness.run import Run, run_at

if TYPE_CHECKING:
    from likeness.evaluate.draw import Renderer


def draw_command(persona: str, words: str, *, number: int, seed: int, strength: float | None) -> int:
    """Draw, mark, write and say where; the exit status is 1 when every picture was refused."""
    from likeness.evaluate.request import asked_prompt, draw_asked

    run = run_of(persona, strength)
    for place in (run.paths.drawn, *run.places()):  # before the libraries, which take long
        try_place(place)
    prompt = asked_prompt(run, words)
    made = draw_asked(run, renderer_of(run), prompt, range(seed, seed + number))
    for one in made.entries:
        sys.stdout.write(f"{run.paths.drawn / one.file}\n")
    for failure in made.failures:
        sys.stderr.write(f"draw: {failure.id}: {failure.detail}\n")
    sys.stderr.write(f"draw: “{prompt}”, all on one sheet: {run.paths.drawn_sheet}\n")
    return int(not made.entries)


def run_of(persona: str, strength: float | None = None) -> Run:
    """A run that draws this persona by the settings that lie here, at another strength of the LoRA on request.

    Raises:
        ConsentError: the persona's record is not in force.
    """
    config = load_config(PARAMS)
    if strength is not None:
        evaluate = config.evaluate.model_copy(update={"lora_scale": strength})
        config = config.model_copy(update={"evaluate": evaluate})
    return run_at("evaluate", persona, config)


def renderer_of(run: Run) -> Renderer:
    """What draws for the run: its base, loaded, and the gate."""
    from likeness.diffusion.load import load_base
    from likeness.evaluate.draw import Renderer
    from likeness.safety.rating import Rater

    config = run.config
    base = load_base(config.base, device=config.train.system.device, memo=run.repository.digests)
    return Renderer(cfg=config, base=base, rater=Rater())
