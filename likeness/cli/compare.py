"""Compares LoRAs, in a table and on a page."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from likeness.cli.arguments import Json, complete_persona, print_json
from likeness.cli.draw import renderer_of
from likeness.cli.tables import say, show, table
from likeness.config import load_config
from likeness.disk import write_atomic
from likeness.errors import ConfigError, InputError
from likeness.paths import PARAMS
from likeness.run import Run, run_at
from likeness.versions.comparison import Comparison, compared, drawn, figure, interval, verdict
from likeness.versions.revision import EXPERIMENTS, refs
from likeness.versions.sides import Side, incomparable, sides

SETTINGS = 12  # lines of the table; the page and --json have all


def compare_command(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="LORA", help="A weights file, commit, tag or experiment, or `workspace`."),
    ] = None,
    persona: Annotated[
        str | None, typer.Option(autocompletion=complete_persona, help="Needed where there are several.")
    ] = None,
    experiments: Annotated[
        bool, typer.Option("--experiments", help="Compare every experiment of DVC, too.")
    ] = False,
    draw: Annotated[bool, typer.Option("--draw", help="Draw, even where all were evaluated.")] = False,
    strength: Annotated[
        list[float] | None, typer.Option(min=0, max=2, help="Draw at this strength; may be given again.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option(help="Where the page goes: models/PERSONA/comparison/ by default.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Say which LoRA draws the person better, and how sure that is.

    Compares each LoRA with the first, on the same prompts, seeds and embedders, paired by seed. For revisions that were
    evaluated it reads their evaluations; with files it draws, by the settings of evaluate.

    \b
    Examples:
      likeness compare HEAD~1 workspace
      likeness compare jade-v1.safetensors other.safetensors --strength 0.6 --strength 1
      likeness compare workspace --experiments --html experiments.html
    """
    config = load_config(PARAMS)
    if persona is None and len(config.personas) > 1:
        raise ConfigError("there are several personas", remedy=f"--persona {next(iter(config.personas))}")
    run = run_at("evaluate", persona or next(iter(config.personas)), config)
    names = list(dict.fromkeys([*(names or []), *(_evaluated(run.persona.name) if experiments else [])]))
    if len(names) < 2:
        raise ConfigError(
            f"there is {names[0] if names else 'nothing'} to compare, and nothing to compare it with",
            remedy="name two weight files, commits, tags or experiments; `workspace` is the files in this folder",
        )
    found = sides(names, run.persona.name)
    why = "--draw or --strength was given" if draw or strength else incomparable(found)
    if why is None:
        comparisons = [compared(run.persona.name, found)]
    else:
        sys.stderr.write(f"compare: the settings at hand draw all sides: {why}\n")
        comparisons = draw_sides(run, found, strength or [run.config.evaluate.lora_scale])
    from likeness.versions.pages import comparison_page  # here: it brings the report's pictures

    path = html or run.paths.comparison_page
    write_atomic(path, comparison_page(comparisons).encode())
    if as_json:
        print_json([one.values() for one in comparisons])
        return
    for one in comparisons:
        _show(one)
    say(f"page: {path.absolute()}")


def _evaluated(persona: str) -> Iterator[str]:
    """The experiments that have an evaluation here; the others are told."""
    for ref, _ in refs(EXPERIMENTS):
        name = ref.rpartition("/")[2]
        try:
            (side,) = sides([name], persona)
            why = None if side.details else "it has no evaluation of its weights here"
        except InputError as error:
            why = error.message
        if why is None:
            yield name
        else:
            sys.stderr.write(f"compare: the experiment {name} is left out: {why}\n")


def draw_sides(run: Run, found: Sequence[Side], strengths: Sequence[float]) -> list[Comparison]:
    """The comparison at each strength; pictures that were drawn before are items and are not drawn again."""
    from likeness.evaluate.face_embeddings import Finder
    from likeness.safety.identity import face_analyzer

    renderer = renderer_of(run)
    finder = Finder(analyzer=face_analyzer(run.embedder), own=run.embedder and run.embedder.name)
    return [
        drawn(replace(run, config=config), replace(renderer, cfg=config), found, finder)
        for config in map(run.config.at_strength, strengths)
    ]


def _show(one: Comparison) -> None:
    at = "" if one.strength is None else f", drawn at strength {one.strength:g}"
    first, *others = one.sides
    for side, found in zip(others, one.differences, strict=True):
        title = f"{one.persona}: {side.name} against {first.name}{at}"
        view = table(title, left=["measure", "by"], right=[first.name, side.name, "difference", "pairs"])
        for row in found:
            figures = figure(row, row.first), figure(row, row.second)
            view.add_row(row.measure, row.by, *figures, interval(row), str(row.pairs))
        show(view)
        say(verdict(side.name, first.name, found))
    settings = one.settings
    if settings:
        view = table("what differs", left=["setting", *(side.name for side in one.sides)], right=[])
        for name, values in settings[:SETTINGS]:
            view.add_row(name, *values)
        show(view)
    if len(settings) > SETTINGS:
        say(f"and {len(settings) - SETTINGS} settings more: the page and --json have all")
