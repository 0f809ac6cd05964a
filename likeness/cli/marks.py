"""The commands around marks: verify, detect, keys dev-ca."""

import dataclasses
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from likeness.cli.arguments import Json, print_json
from likeness.errors import on_terminal
from likeness.marks.detect import Detected, detect_all
from likeness.marks.keys import CHAIN, KEY, ROOT, make_development_ca
from likeness.marks.registry import read_registries
from likeness.paths import RepositoryPaths
from likeness.publish.verify import verify


def verify_command(
    path: Annotated[
        Path, typer.Argument(metavar="PATH", show_default=False, help="A file, folder or publication.")
    ],
    as_json: Json = False,
) -> int:
    """Check a file or folder, and trace it back to the photographs.

    Takes a picture, archive, weights file, report, folder or downloaded publication. Exit status 1 when something has
    changed or is missing.

    \b
    Examples:
      likeness verify models/jade/jade-v1.safetensors
      likeness verify data/jade/enhanced --json
    """
    checks = verify(path, RepositoryPaths.here())
    faults = [check for check in checks if check.state in ("changed", "missing")]
    if as_json:
        print_json({"whole": not faults, "checks": [dataclasses.asdict(check) for check in checks]})
        return int(bool(faults))
    for check in checks:
        sys.stdout.write(f"{check.state:8} {on_terminal(check.what)}: {on_terminal(check.why)}\n")
    counts = Counter(check.state for check in checks)
    sys.stdout.write(", ".join(f"{number} {state}" for state, number in counts.items()) + "\n")
    return int(bool(faults))


def detect_command(
    path: Annotated[
        Path, typer.Argument(metavar="PATH", show_default=False, help="A picture or a folder of pictures.")
    ],
    registry: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="A publication's marks.jsonl; may be given again."),
    ] = None,
    as_json: Json = False,
) -> int:
    """Say whether pictures carry a mark.

    Reads C2PA, XMP and the mark in the pixels. Needs no account, no download and no repository. Where metadata were
    stripped, only a registry (--registry) can tell a mark from chance. Exit status 1 when no picture has a mark.

    \b
    Examples:
      likeness detect picture.jpg
      likeness detect downloads --registry marks.jsonl --json
    """
    known = read_registries(RepositoryPaths.here().marks, registry or [])
    found = False
    for one in detect_all(path, known):
        found |= one.outcome != "no mark found"
        if as_json:
            sys.stdout.write(json.dumps(dataclasses.asdict(one)) + "\n")
        else:
            sys.stdout.write(_words(one))
    return int(not found)


def dev_ca_command(
    folder: Annotated[Path, typer.Option("--out", help="Where the files go; nothing is overwritten.")] = Path(
        ".cache/keys"
    ),
) -> None:
    """Make a development key and its certificates.

    For tests and trials: it is issued by itself and proves nobody's identity.

    \b
    Examples:
      likeness keys dev-ca
      likeness keys dev-ca --out ~/likeness-key
    """
    make_development_ca(folder)
    sys.stdout.write(
        f"{folder / KEY} (keep it secret), {folder / CHAIN}, {folder / ROOT}\n"
        "It proves nobody's identity. To sign with it, set in conf/marks/default.yaml:\n"
        f"  key_file: {folder / KEY}\n  certificate_file: {folder / CHAIN}\nand run `likeness params`.\n"
    )


def _words(one: Detected) -> str:
    lines = [f"{on_terminal(one.file)}: {one.outcome}"]
    if one.c2pa is not None and one.c2pa.valid:
        said = (one.c2pa.source_type or "?").rpartition("/")[2]
        lines.append(f"C2PA: {said}, signed by {one.c2pa.signer}; valid, whose key it is a registry says")
    if one.xmp is not None:
        lines.append(f"XMP: {one.xmp}")
    if one.pixels is not None:
        whose = f", persona {one.pixels.persona}" if one.pixels.persona else ""
        near = "" if one.pixels.pdq_bits is None else f"; PDQ {one.pixels.pdq_bits} of 256 bits apart"
        lines.append(
            f"pixels: mark {one.pixels.mark}{whose}, {one.pixels.bits} of 32 bits{near}; "
            f"by chance once in {1 / one.pixels.chance:.0e} unmarked pictures"
        )
    lines += one.notes
    return "\n  ".join(map(on_terminal, lines)) + "\n"
