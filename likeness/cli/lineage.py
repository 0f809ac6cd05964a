"""Where a file comes from: revision, training set, photographs."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from likeness.cli.arguments import Json
from likeness.cli.tables import console, say
from likeness.versions.lineage import Made, lineage


def lineage_command(file: Annotated[Path, typer.Argument(metavar="FILE")], as_json: Json = False) -> None:
    """Show which revision made a file, from which training set and photographs.

    Weights, archives, training images and samples; also one that was copied elsewhere: its bytes are looked up.

    \b
    Examples:
      likeness lineage models/jade/jade-v1.safetensors
      likeness lineage somewhere/else.safetensors --json
    """
    made = lineage(file)
    if as_json:
        sys.stdout.write(json.dumps(asdict(made), indent=2) + "\n")
        return
    terminal = console()
    for line in _sentences(made):
        say(terminal, line)


def _sentences(made: Made) -> list[str]:
    lines = [
        f"{made.output}",
        f"  made by    stage {made.stage} for {made.persona}",
        f"  revision   {made.revision} ({made.title})",
    ]
    if made.training_set:
        size = "" if made.pictures is None else f", {made.pictures} pictures"
        lines.append(
            f"  dataset    {made.training_set.removesuffix('.dir')} since {made.dataset_revision}{size}"
        )
    lines += [
        f"  {entry['stage']:<10} {entry['file']}  sha256 {entry['sha256']}"
        + (f"  from {entry['origin']}" if entry["stage"] == "ingest" and entry.get("origin") else "")
        for entry in made.parents
    ]
    return lines
