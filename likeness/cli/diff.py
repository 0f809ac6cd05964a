"""What differs between two versions of a training set, and which version made a file."""

import gc
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from likeness.cli.arguments import Json, complete_persona, print_json
from likeness.cli.tables import say, show, table
from likeness.disk import write_atomic
from likeness.versions.changes import Difference, difference
from likeness.versions.lineage import Made, lineage
from likeness.versions.revision import WORKSPACE, Revision, lock_of, personas_of


@contextmanager
def _no_cycles() -> Generator[None]:
    """Manifests become some hundred thousand plain values without a cycle: to look for one again and again took longer than
    to read them."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


SHOWN = 40  # lines of the table; the page and --json have all


@_no_cycles()
def diff_command(
    old: Annotated[str, typer.Argument(metavar="OLD", help="A commit, branch, tag or experiment.")],
    new: Annotated[
        str | None, typer.Argument(metavar="NEW", help="The same; the files in this folder by default.")
    ] = None,
    persona: Annotated[
        str | None, typer.Option(autocompletion=complete_persona, help="All by default.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option(help="Write a page with the pictures, before and after.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show which training images differ between two versions, and why.

    A version is a commit, branch, tag or experiment at which dvc.lock was committed.

    \b
    Examples:
      likeness diff HEAD~1
      likeness diff v1 v2 --html diff.html
    """
    new = new or WORKSPACE
    personas = [persona] if persona else personas_of(lock_of(new))
    if html is not None:
        from likeness.run import run_at  # here: only the page shows a person

        for name in personas:
            run_at("report", name)
    found = {name: difference(Revision(old, name), Revision(new, name)) for name in personas}
    if as_json:
        print_json({name: asdict(one) for name, one in found.items()})
    else:
        for name, one in found.items():
            _show(name, old, new, one)
    if html is not None:
        from likeness.versions.pages import difference_page  # here: it brings the report's pictures

        write_atomic(html, difference_page(old, new, found).encode())
        if not as_json:
            say(f"page: {html.absolute()}")


def _show(persona: str, old: str, new: str, found: Difference) -> None:
    if not found.changes:
        say(f"{persona}: the {found.after} pictures and captions of {old} and {new} are the same")
    else:
        _show_pictures(persona, old, new, found)
    if found.training:
        say(
            f"{persona}: the LoRAs of {old} and {new} differ ({found.training}): `likeness compare {old} {new} "
            f"--persona {persona}` says which draws better"
        )


def _show_pictures(persona: str, old: str, new: str, found: Difference) -> None:
    title = f"{persona}: {old} has {found.before} pictures, {new} has {found.after}"
    view = table(title, left=["picture", "change", "cause"], right=[])
    for change in found.changes[:SHOWN]:
        view.add_row(change.id, change.what, change.cause)
    show(view)
    if len(found.changes) > SHOWN:
        say(f"and {len(found.changes) - SHOWN} more: --html FILE or --json shows all")
    counts = Counter(change.what for change in found.changes)
    say(", ".join(f"{count} {what}" for what, count in counts.items()))


@_no_cycles()
def lineage_command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Weights, an archive or a picture.")],
    as_json: Json = False,
) -> None:
    """Show which revision made a file, from which photographs.

    Takes weights, archives, training images and samples, copies outside the repository too: it looks up their bytes.

    \b
    Examples:
      likeness lineage models/jade/jade-v1.safetensors
      likeness lineage somewhere/else.safetensors --json
    """
    made = lineage(file)
    if as_json:
        print_json(asdict(made))
        return
    for line in _sentences(made):
        say(line)


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
