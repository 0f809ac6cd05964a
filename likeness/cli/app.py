"""The command `likeness`: what a person runs beside `dvc repro`. A command imports its work when it runs."""

import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from likeness.cli.arguments import PLAIN, Json, Persona, Personas
from likeness.cli.cloud_app import cloud, launch
from likeness.cli.consent_app import consent
from likeness.cli.files_app import comfy, convert, detect, inspect, publish, verify
from likeness.cli.persona_app import persona
from likeness.cli.photos_app import desk, photos
from likeness.cli.store_app import items, keys
from likeness.cli.versions_app import compare, diff, lineage, versions
from likeness.errors import ConfigError, end_program
from likeness.program import interruptible


class Commands(TyperGroup):
    """Begins and ends every command alike: what it writes is this user's alone; errors have one form, a broken pipe (`| head`)
    ends in silence."""

    def invoke(self, ctx: Any) -> Any:
        interruptible()
        try:
            if os.name != "posix":
                raise ConfigError("likeness runs on Linux and macOS", remedy="on Windows, run it in WSL 2")
            with for_this_user_alone():
                result = super().invoke(ctx)
            sys.stdout.flush()  # a pipe that nobody reads breaks here, where typer ends quietly
        except (Exception, KeyboardInterrupt) as error:
            end_program(ctx.invoked_subcommand or "likeness", error)
        return result


@contextmanager
def for_this_user_alone() -> Generator[None]:
    """What is written meanwhile has no rights for others."""
    mask = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(mask)


app = typer.Typer(
    cls=Commands, help="What a person runs beside `dvc repro`.", pretty_exceptions_enable=False, **PLAIN
)
GROUPS = {"versions": versions, "keys": keys, "items": items, "comfy": comfy, "consent": consent, "persona": persona,
          "photos": photos, "cloud": cloud}  # fmt: skip
for name, group in GROUPS.items():
    app.add_typer(group, name=name)
for command in (launch, desk):
    app.command()(command)


def main() -> None:
    """The console script."""
    app(prog_name="likeness")


@app.command()
def plan(personas: Personas = None, as_json: Json = False) -> None:
    """Show what a run would make, buy and cost.

    Also how long it takes and the memory that training needs. Nothing is made or bought, and no key is needed.
    Exit status 1 when the plan exceeds the budget.

    \b
    Examples:
      likeness plan
      likeness plan jade --json
    """
    from likeness.cli.plan import plan_command

    raise typer.Exit(plan_command(personas or (), as_json=as_json))


@app.command()
def summary(as_json: Json = False) -> None:
    """Show what the last run made and what it cost.

    Items made, reused, failed and refused by stage, seconds, cost, and where the results are.

    \b
    Examples:
      likeness summary
      likeness summary --json
    """
    from likeness.cli.summary import summary_command

    summary_command(as_json=as_json)


@app.command()
def spending(as_json: Json = False) -> None:
    """Show what was bought and what is left of the budget.

    By day, stage and provider; requests that cost nothing are not listed.

    \b
    Examples:
      likeness spending
      likeness spending --json
    """
    from likeness.cli.spending import spending_command

    spending_command(as_json=as_json)


@app.command()
def draw(
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
) -> None:
    """Draw a persona with its LoRA.

    Words and pictures pass the gates of the samples; each picture is marked as generated. They are written to
    models/PERSONA/drawn/ in place of those of the last call.

    \b
    Examples:
      likeness draw jade "head and shoulders photo, smiling"
      likeness draw jade "in a library, smiling" -n 4 --seed 7 --strength 0.8
    """
    from likeness.cli.draw import draw_command

    raise typer.Exit(draw_command(persona, words, number=number, seed=seed, strength=strength))


for command in (publish, diff, compare, lineage, verify, detect, inspect, convert):
    app.command()(command)


@app.command()
def params(
    overrides: Annotated[list[str] | None, typer.Argument(metavar="OVERRIDE")] = None,
    keep: Annotated[
        str | None, typer.Option(metavar="NAME", help="write what differs from conf/ to conf/trial/NAME.yaml")
    ] = None,
) -> None:
    """Compose params.yaml from conf/.

    As `dvc exp run` does, with Hydra overrides for a trial; a permanent choice belongs in conf/config.yaml.

    \b
    Examples:
      likeness params
      likeness params enhance=superres +experiment=fakes
      likeness params --keep lower_lr
    """
    from likeness.cli.params import params_command

    params_command(overrides or [], keep=keep)
