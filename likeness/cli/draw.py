"""Draw a persona from a prompt."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from likeness.cli.arguments import Persona
from likeness.config import load_config
from likeness.disk import try_place
from likeness.paths import PARAMS
from likeness.run import Run, run_at
from likeness.versions.sides import sides

if TYPE_CHECKING:
    from likeness.evaluate.draw import Renderer


def draw_command(
    persona: Persona,
    words: Annotated[
        str, typer.Argument(metavar="WORDS", show_default=False, help="What the picture shows.")
    ],
    number: Annotated[int, typer.Option("--number", "-n", min=1, max=64, help="How many pictures.")] = 1,
    seed: Annotated[
        int, typer.Option(min=0, max=2**62, help="Of the first picture; the others count on.")
    ] = 1,
    strength: Annotated[
        float | None,
        typer.Option(min=0, max=2, show_default=False, help="Of the LoRA; evaluate.lora_scale by default."),
    ] = None,
    lora: Annotated[
        str | None,
        typer.Option(
            show_default=False,
            help="A version, weights file, commit or experiment; the last run's by default.",
        ),
    ] = None,
) -> int:
    """Draw a persona with its LoRA.

    Words and pictures pass the gates of the samples; each picture is marked as generated. They are written to
    models/PERSONA/drawn/ in place of those of the last call.

    \b
    Examples:
      likeness draw jade "head and shoulders photo, smiling"
      likeness draw jade "in a library, smiling" -n 4 --seed 7 --strength 0.8
      likeness draw jade "smiling" --lora jade-v1
    """
    run = run_of(persona, strength)
    for place in (run.paths.drawn, *run.places()):  # before the libraries, which take long
        try_place(place)
    from likeness.evaluate.asked import asked_prompt, draw_asked  # here: it loads them

    prompt = asked_prompt(run, words)
    weights = sides([lora], persona)[0].weights() if lora else None
    made = draw_asked(run, renderer_of(run), prompt, range(seed, seed + number), weights)
    sys.stdout.writelines(f"{run.paths.drawn / one.file}\n" for one in made.entries)
    sys.stderr.writelines(f"draw: {failure.id}: {failure.detail}\n" for failure in made.failures)
    sys.stderr.write(f"draw: “{prompt}”, all on one sheet: {run.paths.drawn_sheet}\n")
    return int(not made.entries)


def run_of(persona: str, strength: float | None = None) -> Run:
    """A run that draws this persona by the settings that lie here, at another strength of the LoRA on request.

    Raises:
        ConsentError: the persona's record is not in force.
    """
    config = load_config(PARAMS)
    return run_at("evaluate", persona, config if strength is None else config.at_strength(strength))


def renderer_of(run: Run) -> Renderer:
    """What draws for the run: its base, loaded, and the gate."""
    from likeness.diffusion.load import load_base
    from likeness.evaluate.draw import Renderer
    from likeness.safety.rating import Rater

    config = run.config
    base = load_base(config.base, device=config.train.system.device, memo=run.repository.digests)
    return Renderer(cfg=config, base=base, rater=Rater())
