"""Commands on finished files: they are published, verified, inspected, converted and tried in ComfyUI."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from likeness.cli.arguments import PLAIN, Json, Persona
from likeness.paths import RepositoryPaths

comfy = typer.Typer(help="Try a persona's LoRA in ComfyUI.", **PLAIN)


@comfy.command("test")
def comfy_test(persona: Persona, as_json: Json = False) -> None:
    """Draw with a running ComfyUI server, and compare.

    The prompts and seeds of evaluate, without and with the LoRA, through the same gates and scores. Exit status 1 when the
    LoRA was not loaded whole. Settings: conf/comfy/.

    \b
    Examples:
      likeness comfy test jade
      likeness comfy test jade --json
    """
    from likeness.cli.comfy import trial_command

    raise typer.Exit(trial_command(persona, as_json=as_json))


@comfy.command("workflow")
def comfy_workflow(persona: Persona) -> None:
    """Write a workflow to drop on ComfyUI's canvas.

    As JSON, and inside a PNG, to models/PERSONA/comfy/: the base, the LoRA and the prompts of evaluate.

    \b
    Example:
      likeness comfy workflow jade
    """
    from likeness.cli.comfy import workflow_command

    workflow_command(persona)


def publish(
    persona: Persona,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be uploaded, and write nothing.")
    ] = False,
    gallery: Annotated[
        bool,
        typer.Option("--gallery", help="Lay the weights out in .cache/gallery instead (docs/gallery.md)."),
    ] = False,
) -> None:
    """Upload a persona's finished files to S3.

    Images, captions, archive, weights, cards and report, only what changed. Reads what `dvc repro` made and
    publish.url, and needs a consent in force for every use.

    \b
    Examples:
      likeness publish jade --dry-run
      likeness publish jade
      likeness publish jade --gallery
    """
    from likeness.cli.publish import publish_command

    if gallery and dry_run:
        raise typer.BadParameter("--gallery uploads nothing, so that --dry-run has nothing to show")
    publish_command(persona, dry_run=dry_run, gallery=RepositoryPaths.here().gallery if gallery else None)


def verify(
    path: Annotated[Path, typer.Argument(metavar="PATH", show_default=False)], as_json: Json = False
) -> None:
    """Check an artefact and its way back to the photographs.

    A picture, archive, weights file, report, folder, or a downloaded publication. Exit status 1 when something was
    changed or is missing.

    \b
    Examples:
      likeness verify models/jade/jade-v1.safetensors
      likeness verify data/jade/enhanced --json
    """
    from likeness.cli.marks import verify_command

    raise typer.Exit(verify_command(path, as_json=as_json))


def detect(
    path: Annotated[Path, typer.Argument(metavar="PATH", show_default=False)],
    registry: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="A publication's marks.jsonl; may be given again."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Say whether pictures carry a mark.

    Reads C2PA, XMP and the mark in the pixels of a picture or of all in a folder. Needs no account, no download and no
    repository; a mark whose metadata were stripped is told from chance by a registry only. Exit status 1 when none has one.

    \b
    Examples:
      likeness detect picture.jpg
      likeness detect downloads --registry marks.jsonl --json
    """
    from likeness.cli.marks import detect_command

    raise typer.Exit(detect_command(path, registry or [], as_json=as_json))


def inspect(
    files: Annotated[list[Path], typer.Argument(metavar="FILE", show_default=False)], as_json: Json = False
) -> None:
    """Show what LoRA files say about themselves.

    Any trainer's. Headers and numbers are read, nothing in a file is executed. Exit status 1 when one is broken.

    \b
    Examples:
      likeness inspect models/jade/jade-v1.safetensors
      likeness inspect one.safetensors two.safetensors --json
    """
    from likeness.cli.inspect import inspect_command

    raise typer.Exit(inspect_command(files, as_json=as_json))


def convert(
    file: Annotated[Path, typer.Argument(metavar="FILE")],
    out: Annotated[Path, typer.Argument(metavar="OUT")],
    to: Annotated[
        Literal["kohya", "diffusers"] | None, typer.Option(help="Whose names; unchanged by default.")
    ] = None,
    dtype: Annotated[
        Literal["float32", "float16", "bfloat16"] | None, typer.Option(help="Unchanged by default.")
    ] = None,
) -> None:
    """Write a LoRA file under other names or in a smaller type.

    What the file says about itself (consent, dataset ...) is kept; its hashes are those of the new weights.

    \b
    Examples:
      likeness convert jade-v1.safetensors diffusers.safetensors --to diffusers
      likeness convert jade-v1.safetensors small.safetensors --dtype bfloat16
    """
    from likeness.cli.convert import convert_command

    convert_command(file, out, to=to, dtype=dtype)
