"""What differs between two versions of a training set, as a table and as a page."""

import json
import sys
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from likeness.cli.arguments import Json, complete_persona
from likeness.cli.tables import console, say, table
from likeness.disk import write_atomic
from likeness.versions.changes import Difference, difference
from likeness.versions.revision import WORKSPACE, Revision, lock_of, personas_of

SHOWN = 40  # lines of the table; the page and --json have all


def diff_command(
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
    new = new or WORKSPACE
    personas = [persona] if persona else personas_of(lock_of(new))
    found = {name: difference(Revision(old, name), Revision(new, name)) for name in personas}
    if as_json:
        sys.stdout.write(json.dumps({name: asdict(one) for name, one in found.items()}, indent=2) + "\n")
    else:
        for name, one in found.items():
            _show(name, old, new, one)
    if html is not None:
        from likeness.versions.page import page  # here: it brings the report's pictures

        write_atomic(html, page(old, new, found).encode())
        if not as_json:
            say(console(), f"page: {html.absolute()}")


def _show(persona: str, old: str, new: str, found: Difference) -> None:
    terminal = console()
    if not found.changes:
        say(terminal, f"{persona}: the {found.after} pictures and captions of {old} and {new} are the same")
        return
    title = f"{persona}: {old} has {found.before} pictures, {new} has {found.after}"
    view = table(title, left=["picture", "change", "cause"], right=[])
    for change in found.changes[:SHOWN]:
        view.add_row(change.id, change.what, change.cause)
    terminal.print(view, markup=False)
    if len(found.changes) > SHOWN:
        say(terminal, f"and {len(found.changes) - SHOWN} more: --html FILE or --json shows all")
    counts = Counter(change.what for change in found.changes)
    say(terminal, ", ".join(f"{count} {what}" for what, count in counts.items()))
