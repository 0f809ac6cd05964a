"""`likeness consent purge`: delete what was made from a likeness, wherever this clone can reach, and say what it cannot."""

import contextlib
import datetime
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from likeness.cli.arguments import Persona, Yes, agree
from likeness.cli.consent import known
from likeness.cli.deletion import Report, files_of, make_writable
from likeness.cli.purge_dvc import DvcTraces
from likeness.config import Config, load_config
from likeness.digests import sha256_file
from likeness.disk import write_atomic
from likeness.paths import PARAMS, PersonaPaths, RepositoryPaths
from likeness.pipeline.manifest import MANIFEST
from likeness.store import open_items, team_store
from likeness.store.cleaning import earlier_stores, forget, held_by
from likeness.store.s3 import Remote
from likeness.tracking.cause import VARIABLE
from likeness.tracking.records import delete_runs

OWNER = "persona"
"""The file in a folder of working checkpoints that names whose they are."""
SHOWN = 5


def purge(persona: str, *, dry_run: bool, photographs: bool) -> Report:
    """Delete, place by place; a place that fails is noted, and the others are done."""
    repository, paths = RepositoryPaths.here(), PersonaPaths(persona)
    root, report = repository.root, Report(persona=persona, dry_run=dry_run)
    made = [*_folders(root, paths, photographs=photographs), repository.publication(persona)]
    digests = set(_digests(made)) | _named(made)
    keys = [path.name for path in repository.training.glob("*") if owner(path) == persona]
    if (root / ".dvc").is_dir():
        with report.noted("all that DVC keeps"):
            _purge_dvc(root, report, photographs=photographs)
    with report.noted("item store, team's store, MLflow, publication"):
        _purge_stores(load_config(PARAMS), repository, digests, keys, report)
    counts = [*repository.history.glob(f"*-{persona}-*.json"), *repository.history.glob(f"*@{persona}.json")]
    for place, paths_there in (
        ("files", made),
        ("working checkpoints", [repository.training / key for key in keys]),
        ("counts", sorted(counts)),
    ):
        for path in paths_there:
            report.remove(place, path, root)
    _note_rest(root, paths, report, photographs=photographs)
    return report


def _purge_dvc(root: Path, report: Report, *, photographs: bool) -> None:
    persona, dry_run = report.persona, report.dry_run
    traces = DvcTraces(root, persona, photographs=photographs)
    here, elsewhere = traces.delete(dry_run=dry_run), traces.delete_in_remotes(dry_run=dry_run)
    for place, gone in (("DVC", here), ("DVC's remotes", elsewhere)):
        for name, problem in gone:
            if problem is None:
                report.add(place, [name])
            else:
                report.unreachable[name] = problem
    report.stays += traces.elsewhere()
    if commits := traces.commits_with_photographs():
        report.stays.append(
            f"git: {commits} commit(s) hold photographs of {persona} (data/{persona}/raw); rewrite the history "
            "with git filter-repo, and tell everybody who cloned it"
        )
    report.unreachable |= traces.unanswered


def _purge_stores(
    config: Config, repository: RepositoryPaths, digests: set[str], keys: list[str], report: Report
) -> None:
    persona, dry_run = report.persona, report.dry_run
    items = open_items(config, repository, read_only=True)
    mine = held_by(items, persona, digests)
    digests |= {digest for names in mine.values() for digest in names}
    place, publish = team_store(config), config.publish.url
    inputs = dict(config.swap.provider).get("inputs_url")

    if place is not None:
        with report.noted(place.url):
            report.empty(f"team's store {place.url}", place, _team(place, persona, mine, keys))
    if inputs:
        lent = Remote(str(inputs), config.s3)
        with report.noted(lent.url):
            names = [name for name in lent.names("") if Path(name).stem in digests]
            report.empty(f"inputs {lent.url}", lent, names)
    if publish:
        public = Remote(f"{publish.rstrip('/')}/{persona}", config.s3)
        with report.noted(public.url):
            report.empty(f"publication {public.url}", public, public.names(""))
        report.stays.append(f"whoever downloaded from {public.url} has copies: tell them")
    tracking = config.tracking  # also where it is off now: it may have been on
    # Both addresses: the shell of a purge may have the variable where that of a run had it not.
    for uri in dict.fromkeys((tracking.uri, os.environ.get(VARIABLE) or tracking.uri)):
        with report.noted(place := f"MLflow at {VARIABLE if uri != tracking.uri else uri}"):
            gone = delete_runs(uri, tracking.experiment, repository.root, persona, dry_run=dry_run)
            report.add("MLflow", gone.names)
            if gone.elsewhere:
                report.stays.append(
                    f"{place} has {gone.elsewhere} run(s) of a {persona} in other experiments than "
                    f"{tracking.experiment}: whose they are, who wrote them knows"
                )
    if nameless := [key for key in items.keys() if key not in mine and not items.personas(key)]:  # noqa: SIM118
        report.stays.append(
            f"{len(nameless)} item(s) of earlier versions in {items.root} name nobody: "
            "`likeness items prune --unused-days 0` deletes what no run uses"
        )
    for store in (items, *earlier_stores(repository.root, items.root)):
        with report.noted(f"items in {store.root}"):
            if not dry_run:
                make_writable(store.root)
            gone = sorted(held_by(store, persona, digests)) if dry_run else forget(store, persona, digests)
            report.add("items", gone)


def _team(place: Remote, persona: str, mine: dict[str, list[str]], keys: list[str]) -> list[str]:
    """The team's records that name this persona and nobody else, their files, and its checkpoints."""
    from likeness.store.record import object_name, parse_personas, parse_record, record_name

    records = {name: place.read(name) or b"{}" for name in place.names("records")}
    own: list[str] = []
    kept: set[str] = set()
    for name, described in records.items():
        try:
            personas, hashes = parse_personas(described), parse_record(described)[0]
        except ValueError:
            continue
        files = [object_name(digest) for digest in hashes.values()]
        if personas == frozenset({persona}) or (not personas and name in map(record_name, mine)):
            own += [name, *files]
        else:
            kept |= set(files)
    gone = [name for name in dict.fromkeys(own) if name not in kept]
    return gone + [name for key in keys for name in place.names(f"training/{key}")]


def _folders(root: Path, paths: PersonaPaths, *, photographs: bool) -> list[Path]:
    data = root / paths.data
    kept = {paths.raw.name, paths.captions_override.name}
    outputs = [path for path in sorted(data.glob("*")) if path.name not in kept or photographs]
    return [*outputs, root / paths.models]


def _digests(folders: list[Path]) -> Iterator[str]:
    """Of what can be read: links to nothing and files of somebody else are told when they are to be deleted."""
    for file in (file for folder in folders for file in files_of(folder) if file.is_file()):
        with contextlib.suppress(OSError):
            yield sha256_file(file)


def _named(folders: list[Path]) -> set[str]:
    """The digests that manifests name, also of files that are gone."""
    found: set[str] = set()
    files = (file for folder in folders for file in files_of(folder))
    for manifest in (file for file in files if file.name == MANIFEST):
        for line in manifest.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                found.add(str(json.loads(line).get("sha256")))
            except (ValueError, AttributeError):
                continue
    return found


def owner(folder: Path) -> str:
    """Whose working checkpoints a folder holds."""
    if folder.name.startswith("kohya-"):
        return folder.name.removeprefix("kohya-")
    marker = folder / OWNER
    return marker.read_text(encoding="utf-8") if marker.is_file() else ""


def _note_rest(root: Path, paths: PersonaPaths, report: Report, *, photographs: bool) -> None:
    persona = report.persona
    if not photographs and (root / paths.raw).is_dir():
        report.stays.append(
            f"the photographs in {paths.raw}: `likeness consent purge {persona} --photographs` deletes them"
        )
    if (root / "consent" / f"{persona}.yaml").exists():
        report.stays.append(
            f"consent/{persona}.yaml, with the face as numbers, which proves what was agreed and that it ended"
        )
    if (registry := RepositoryPaths(root).registry(persona)).exists():
        report.stays.append(
            f"{registry.relative_to(root)}, by which copies that others hold are recognised; it holds no picture"
        )
    nameless = [p.name for p in RepositoryPaths(root).training.glob("*") if p.is_dir() and not owner(p)]
    if nameless:
        report.stays.append(
            f".cache/training has {len(nameless)} folder(s) of earlier versions that name nobody: "
            "`likeness items prune --unused-days 0` deletes them"
        )
    report.stays.append(
        "copies on other machines, in other clones and with providers of swaps and captions: ask them; and what `dvc get` or a "
        "hand laid elsewhere, which nothing names"
    )


def purge_command(
    persona: Persona,
    photographs: Annotated[
        bool, typer.Option("--photographs", help="Also data/PERSONA/raw and captions_override.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would go, and delete nothing.")
    ] = False,
    yes: Yes = False,
) -> None:
    """Delete what was made from a likeness, wherever it is kept.

    Outputs, items here and with the team, DVC's caches, lock and remotes, checkpoints, MLflow runs, what was lent to
    providers and what was published. The report says what could not be reached. Run no stage meanwhile.

    \b
    Examples:
      likeness consent purge mia --dry-run
      likeness consent purge mia --yes
    """
    agree(f"Delete everything that was made from {persona}?", yes=yes or dry_run)
    report = purge(known(persona), dry_run=dry_run, photographs=photographs)
    would = "would be " if dry_run else ""
    for place, names in report.deleted.items():
        sys.stdout.write(f"{place}: {len(names)} {would}deleted\n")
        sys.stdout.writelines(f"  {name}\n" for name in names[:SHOWN])
        if len(names) > SHOWN:
            sys.stdout.write(f"  and {len(names) - SHOWN} more\n")
    sys.stdout.writelines(f"not reached: {place}: {why}\n" for place, why in report.unreachable.items())
    sys.stdout.writelines(f"stays: {line}\n" for line in report.stays)
    if not report.count:
        sys.stdout.write(f"nothing of {persona} was found\n")
    elif not dry_run:
        now = datetime.datetime.now(datetime.UTC)
        path = RepositoryPaths.here().consent / "purged" / f"{persona}-{now:%Y-%m-%dT%H%M%SZ}.json"
        written = {
            "persona": persona,
            "at": now.isoformat(timespec="seconds"),
            "deleted": report.deleted,
            "not_reached": report.unreachable,
            "stays": report.stays,
        }
        write_atomic(path, (json.dumps(written, indent=1, ensure_ascii=False) + "\n").encode())
        sys.stdout.write(f"{report.count} deleted; the whole list is in consent/purged/{path.name}\n")
