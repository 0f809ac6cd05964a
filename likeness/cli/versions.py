"""Versions of a persona's weights: which there are, the next one, what differs between two, and which
made a file."""

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from likeness.cli.arguments import Json, Persona, complete_persona, print_json
from likeness.cli.tables import say, show, table
from likeness.config import load_config
from likeness.disk import write_atomic
from likeness.errors import InputError
from likeness.formatting import on_terminal
from likeness.paths import PARAMS, PersonaPaths
from likeness.report.outcome import interval
from likeness.report.words import percent
from likeness.run import Run, run_at
from likeness.tracking.records import Registered, register
from likeness.versions.accepted import accept, choose
from likeness.versions.changes import Difference, difference
from likeness.versions.lineage import Made, lineage
from likeness.versions.record import Version, read_versions, weights_of
from likeness.versions.revision import WORKSPACE, Revision, lock_of, personas_of
from likeness.versions.sides import sides


def accept_command(
    persona: Persona,
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="REV", help="Revisions to choose among; the files in this folder by default."),
    ] = None,
) -> int:
    """Give weights that are good enough the next version number.

    conf/choice/ says what is good enough. Among several revisions the command takes the weights with the largest share of the
    ceiling. It copies them to models/PERSONA/versions/, writes the record to models/PERSONA/versions.json, which you commit,
    and registers the same number in MLflow. Exit status 1 when none passes.

    \b
    Examples:
      likeness versions accept jade
      likeness versions accept jade workspace bold-name
    """
    config = load_config(PARAMS)
    run = run_at("evaluate", persona, config)
    judged = choose(sides(names or [WORKSPACE], persona), config.choice)
    for side, found in judged:
        if found is None:
            say(f"{on_terminal(side.name)}: no evaluation of these weights (`dvc repro` makes one)")
            continue
        word = "passes" if found.accepted else "does not pass"
        say(f"{on_terminal(side.name)} {word}, judged by {found.embedder}")
        for one in found.floors:
            mark = "not asked" if one.kept is None else "kept" if one.kept else "MISSED"
            say(f"  {mark:<9} {one.sentence}")
    side, found = judged[0]
    if found is None or not found.accepted:
        say("No version was made. The floors are settings: conf/choice/.")
        return 1
    version, new = accept(run.paths, side, found)
    path = run.paths.version(version.version)
    say(f"{path}: accepted as {version.name}" if new else f"these weights are {version.name} already")
    if new:
        say(f"commit {run.paths.versions_file}, {run.paths.versions_changelog} and dvc.lock")
    _register(run, read_versions(run.paths))
    return 0


def list_command(persona: Persona, as_json: Json = False) -> None:
    """List the accepted versions.

    \b
    Examples:
      likeness versions list jade
      likeness versions list jade --json
    """
    found = read_versions(PersonaPaths(persona))
    if as_json:
        print_json([one.model_dump(mode="json") for one in found])
        return
    if not found:
        say(f"{persona}: no version is accepted yet; `likeness versions accept {persona}` makes one")
        return
    view = table(
        f"{persona}: accepted versions",
        left=["version", "of", "sha256"],
        right=["share of the ceiling", "leak"],
    )
    for one in reversed(found):
        by = one.rule["embedder"]
        share = one.scores["share"][by]
        leak = percent(one.scores["leak"].get(by))
        view.add_row(one.name, one.of, one.sha256[:12], percent(share["value"]) + interval(share), leak)
    show(view)


def _register(run: Run, versions: Sequence[Version]) -> None:
    """MLflow's registry gets what it lacks; a server that does not answer costs nothing else."""
    tracking = run.config.tracking
    if not tracking.enabled:
        return
    known: list[Registered] = []
    for one in versions:
        try:
            source = weights_of(one, run.paths)
        except InputError:
            source = None
        tags = {"dataset": one.dataset or "", "of": one.of}
        known.append(
            Registered(number=one.version, sha256=one.sha256, source=source, tags=tags, words=one.why)
        )
    problem = register(tracking.uri, tracking.experiment, run.repository.root, run.persona.name, known)
    if problem:
        sys.stderr.write(f"versions: MLflow: {problem}\n")


SHOWN = 40  # lines of the table; the page and --json have all


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
    for name in personas if html is not None else ():  # the page shows them
        run_at("report", name)
    found = {name: difference(Revision(old, name), Revision(new, name)) for name in personas}
    if as_json:
        print_json({name: asdict(one) for name, one in found.items()})
    else:
        for name, one in found.items():
            _show(name, old, new, one)
    if html is not None:
        from likeness.versions.page import page  # here: it brings the report's pictures

        write_atomic(html, page(old, new, found).encode())
        if not as_json:
            say(f"page: {html.absolute()}")


def _show(persona: str, old: str, new: str, found: Difference) -> None:
    if not found.changes:
        say(f"{persona}: the {found.after} pictures and captions of {old} and {new} are the same")
    else:
        _show_pictures(persona, old, new, found)
    if found.training:
        say(f"{persona}: the LoRAs of {old} and {new} differ ({found.training}): `likeness compare {old} {new} "
            f"--persona {persona}` says which draws better")  # fmt: skip


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
