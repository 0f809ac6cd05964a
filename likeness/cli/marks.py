"""The commands around marks: verify, detect, keys dev-ca."""

import dataclasses
import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from likeness.formatting import on_terminal
from likeness.marks.detect import Detected, detect_all
from likeness.marks.keys import CHAIN, KEY, ROOT, make_development_ca
from likeness.marks.registry import Registry, read_registries, read_registry
from likeness.paths import RepositoryPaths
from likeness.publish.verify import verify


def verify_command(path: Path, *, as_json: bool) -> int:
    """Print every check; the exit status is 1 when something was changed or is missing."""
    checks = verify(path, RepositoryPaths.here())
    faults = [check for check in checks if check.state in ("changed", "missing")]
    if as_json:
        rows = [dataclasses.asdict(check) for check in checks]
        sys.stdout.write(json.dumps({"whole": not faults, "checks": rows}, indent=2) + "\n")
        return int(bool(faults))
    for check in checks:
        sys.stdout.write(f"{check.state:8} {on_terminal(check.what)}: {on_terminal(check.why)}\n")
    counts = Counter(check.state for check in checks)
    sys.stdout.write(", ".join(f"{number} {state}" for state, number in counts.items()) + "\n")
    return int(bool(faults))


def detect_command(path: Path, registries: Sequence[Path], *, as_json: bool) -> int:
    """Print what each picture says; the exit status is 1 when none has a mark."""
    lines = [line for one in registries for line in read_registry(one).lines]
    registry = Registry((*read_registries(RepositoryPaths.here().marks).lines, *lines))
    found = False
    for one in detect_all(path, registry):
        found |= one.outcome != "no mark found"
        if as_json:
            sys.stdout.write(json.dumps(dataclasses.asdict(one)) + "\n")
        else:
            sys.stdout.write(_words(one))
    return int(not found)


def dev_ca_command(folder: Path) -> None:
    """Make a development key, and say how to use it."""
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
