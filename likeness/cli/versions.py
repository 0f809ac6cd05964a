"""Versions of a persona's weights: which there are, and the next one."""

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from likeness.cli.arguments import Json, Persona, print_json
from likeness.cli.tables import say, show, table
from likeness.config import load_config
from likeness.errors import InputError, on_terminal
from likeness.evaluate.choice import Verdict
from likeness.formatting import percent
from likeness.paths import PARAMS, PersonaPaths
from likeness.report.outcome import interval
from likeness.run import Run, run_at
from likeness.tracking.records import Registered, register
from likeness.versions.accepted import accept, choose
from likeness.versions.record import Version, read_versions, weights_of
from likeness.versions.revision import WORKSPACE
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
            known = (
                f"these weights are {side.version} already"
                if side.version
                else "no evaluation of these weights (`dvc repro` makes one)"
            )
            say(f"{on_terminal(side.name)}: {known}")
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
    before = read_versions(run.paths)
    version, new = accept(run.paths, side, found)
    path = run.paths.version(version.version)
    say(f"{path}: accepted as {version.name}" if new else f"these weights are {version.name} already")
    if new and before and (worse := less_like(found, before[-1])):
        say(worse)
    if new:
        say(f"commit {run.paths.versions_file}, {run.paths.versions_changelog} and dvc.lock")
    _register(run, read_versions(run.paths))
    return 0


def less_like(found: Verdict, last: Version) -> str:
    """That the last version reached more of the ceiling, where it did and the same embedder judged it."""
    was = last.scores["share"].get(found.embedder, {}).get("value")
    if was is None or found.share >= was:
        return ""
    return (
        f"{last.name} reached {percent(was)} of the ceiling and this one {percent(found.share)}:"
        f" `likeness compare {last.name} workspace` says how sure that is"
    )


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
    if problem := register(tracking.uri, tracking.experiment, run.repository.root, run.persona.name, known):
        sys.stderr.write(f"versions: MLflow: {problem}\n")
