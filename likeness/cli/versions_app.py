"""The command `likeness versions`, and what tells one version of pictures and weights from another."""

from pathlib import Path
from typing import Annotated

import typer

from likeness.cli.arguments import PLAIN, Json, Persona, complete_persona

versions = typer.Typer(help="Number the weights that are good enough, and list them.", **PLAIN)


@versions.command("accept")
def versions_accept(
    persona: Persona,
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="REV", help="Revisions to choose among; what lies here by default."),
    ] = None,
) -> None:
    """Give the weights the next version's name, if they keep the floors of conf/choice/.

    Of several the ones with the largest share of the ceiling. They are copied to models/PERSONA/versions/, the record goes
    into models/PERSONA/versions.json, which you commit, and MLflow's registry gets the same number. Exit status 1 when none passes.

    \b
    Examples:
      likeness versions accept jade
      likeness versions accept jade workspace bold-name
    """
    from likeness.cli.versions import accept_command

    raise typer.Exit(accept_command(persona, names or []))


@versions.command("list")
def versions_list(persona: Persona, as_json: Json = False) -> None:
    """List the accepted versions.

    \b
    Examples:
      likeness versions list jade
      likeness versions list jade --json
    """
    from likeness.cli.versions import list_command

    list_command(persona, as_json=as_json)


def diff(
    old: Annotated[str, typer.Argument(metavar="REV")],
    new: Annotated[
        str | None, typer.Argument(metavar="REV", help="the files as they lie here by default")
    ] = None,
    persona: Annotated[
        str | None, typer.Option(autocompletion=complete_persona, help="all by default")
    ] = None,
    html: Annotated[
        Path | None, typer.Option(help="Write a page with the pictures, before and after.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show which pictures of a training set differ between two versions, and what did it.

    A version is a commit, branch, tag or experiment at which dvc.lock was committed.

    \b
    Examples:
      likeness diff HEAD~1
      likeness diff v1 v2 --html diff.html
    """
    from likeness.cli.diff import diff_command

    diff_command(old, new, persona=persona, html=html, as_json=as_json)


def compare(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="LORA", help="A weights file, commit, tag or experiment, or `workspace`."),
    ] = None,
    persona: Annotated[
        str | None, typer.Option(autocompletion=complete_persona, help="needed where there are several")
    ] = None,
    experiments: Annotated[bool, typer.Option("--experiments", help="Also every experiment of DVC.")] = False,
    draw: Annotated[bool, typer.Option("--draw", help="Draw also where all were evaluated.")] = False,
    strength: Annotated[
        list[float] | None, typer.Option(min=0, max=2, help="Draw at this strength; may be given again.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option(help="Where the page goes: models/PERSONA/comparison/ by default.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Compare LoRAs: which one draws the person better, and is that sure?

    The same prompts, seeds and embedders; each is compared with the first, paired by seed. Revisions that were evaluated are
    compared from their evaluations; files are drawn, by the settings of evaluate.

    \b
    Examples:
      likeness compare HEAD~1 workspace
      likeness compare jade-v1.safetensors other.safetensors --strength 0.6 --strength 1
      likeness compare workspace --experiments --html experiments.html
    """
    from likeness.cli.compare import compare_command

    compare_command(
        names or [],
        experiments=experiments,
        persona=persona,
        draw=draw,
        strengths=strength or [],
        html=html,
        as_json=as_json,
    )


def lineage(file: Annotated[Path, typer.Argument(metavar="FILE")], as_json: Json = False) -> None:
    """Show which revision made a file, from which training set and photographs.

    Weights, archives, training images and samples; also one that was copied elsewhere: its bytes are looked up.

    \b
    Examples:
      likeness lineage models/jade/jade-v1.safetensors
      likeness lineage somewhere/else.safetensors --json
    """
    from likeness.cli.lineage import lineage_command

    lineage_command(file, as_json=as_json)
