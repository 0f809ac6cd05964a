"""What the graph made at one revision: dvc.lock from git, the files from DVC's cache.

Old manifests are read as they are, without today's columns: a version of last year stays comparable.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import orjson
import yaml

from likeness.dvc_files import DIGEST, LOCK, cache_folder, cached, listed
from likeness.errors import InputError
from likeness.git import ask_git, file_at
from likeness.paths import PARAMS, PRICES, PersonaPaths, is_persona_name, require_file, weights_persona
from likeness.pipeline.manifest import FAILURES, MANIFEST
from likeness.pipeline.stage import BY_FOLDER
from likeness.strict_yaml import parse_yaml

WORKSPACE = "workspace"
EXPERIMENTS = "refs/exps"
# What git and DVC lay aside for a while, and a killed run leaves there: nobody's version.
ASIDE = ("refs/stash", "refs/exps/stash", "refs/exps/exec/*", "refs/exps/celery/*", "refs/exps/apply/*")


@dataclass(frozen=True, kw_only=True)
class Folder:
    """The lines of a stage's manifest by id, and of its failures."""

    entries: Mapping[str, Mapping[str, Any]]
    failures: tuple[Mapping[str, Any], ...]
    file: Callable[[str], Path]
    """Where a file of the folder lies."""


class Revision:
    """One persona's graph at `name`: a commit, branch, tag, experiment, or `workspace` for the files as they lie here."""

    def __init__(self, name: str, persona: str, lock: Mapping[str, Mapping[str, Any]] | None = None) -> None:
        """`lock` saves a reader of many personas reading it once each."""
        self.name = name
        self.paths = PersonaPaths(persona)
        self._lock = lock
        self._folders: dict[str, Folder] = {}

    @cached_property
    def stages(self) -> dict[str, Mapping[str, Any]]:
        """The lock's stages by name, those of this persona."""
        lock = lock_of(self.name) if self._lock is None else self._lock
        named = ((name.partition("@"), stage) for name, stage in lock.items())
        return {stage: lines for (stage, _, persona), lines in named if persona == self.paths.persona}

    @cached_property
    def outs(self) -> dict[str, str]:
        """DVC's digest of each output by its path."""
        return {
            out["path"]: out["md5"]
            for stage in self.stages.values()
            for out in stage.get("outs", ())
            if "md5" in out
        }

    def listing(self, out: Mapping[str, Any]) -> Mapping[str, str]:
        """{md5: path} of the files in an output that is a folder; empty where this machine's cache lacks it."""
        md5 = out.get("md5", "")
        names = listed(cached(cache_folder(), md5)) if md5.endswith(".dir") else {}
        return {digest: name for name, digest in names.items()}

    def settings(self, stage: str) -> Mapping[str, Any]:
        """The settings that a stage ran with, by dotted names."""
        params = self.stages.get(stage, {}).get("params", {})
        own = {"prices": params[str(PRICES)]} if str(PRICES) in params else {}
        return {**params.get(str(PARAMS), {}), **own}

    def programs(self, stage: str) -> Mapping[str, str]:
        """The digests of the code that a stage ran."""
        deps = self.stages.get(stage, {}).get("deps", ())
        return {dep["path"]: dep["md5"] for dep in deps if dep["path"].startswith(("likeness/", "stages/"))}

    def folder(self, name: str) -> Folder:
        """A stage's folder, read at its first use.

        Raises:
            InputError: the revision has none, or its files are not in DVC's cache.
        """
        if name not in self._folders:
            self._folders[name] = self._read(name)
        return self._folders[name]

    def photo(self, label: str) -> Mapping[str, Any] | None:
        """The ingested photograph `s1` or `t1`."""
        return self._photos.get(label)

    @cached_property
    def _photos(self) -> dict[str, Mapping[str, Any]]:
        entries = self.folder("ingested").entries.values()
        return {
            label: entry for entry in entries for label in (entry.get("source"), entry.get("target")) if label
        }

    def _read(self, name: str) -> Folder:
        path = self.paths.output(name)
        file = (
            path.joinpath if self.name == WORKSPACE else self._cached(path.as_posix(), BY_FOLDER[name].name)
        )
        return Folder(
            entries={line["id"]: line for line in _lines(file(MANIFEST))},
            failures=tuple(_lines(file(FAILURES))),
            file=file,
        )

    def trained(self, path: Path) -> Path:
        """Where one of the files lies that training writes.

        Raises:
            InputError: the revision has none, or it is not in DVC's cache.
        """
        if self.name != WORKSPACE:
            return self._stored(path.as_posix(), "train")
        return require_file(path, remedy="run `dvc repro`")

    def _cached(self, path: str, stage: str) -> Callable[[str], Path]:
        digests = listed(self._stored(path, stage))
        cache = cache_folder()
        return lambda name: cached(cache, digests[name]) if name in digests else Path(path) / name

    def _stored(self, path: str, stage: str) -> Path:
        if path not in self.outs:
            raise InputError(
                f"{self.name}: {LOCK} there names no {path}",
                reason="no-version",
                remedy=f"name a revision at which `dvc repro {stage}@{self.paths.persona}` had run and {LOCK} was committed",
            )
        stored = cached(cache_folder(), self.outs[path])
        if not stored.is_file():
            raise InputError(
                f"{self.name}: {path} is not in DVC's cache",
                reason="not-in-cache",
                remedy=f"`git checkout {self.name} && dvc pull {path}` brings it from the remote, if it was pushed",
            )
        return stored


def lock_of(revision: str) -> dict[str, dict[str, Any]]:
    """The stages of dvc.lock at a revision, by the names that DVC gives them.

    Raises:
        InputError: git knows no such revision, or there is no lock.
        ConfigError: git does not say.
    """
    if revision == WORKSPACE:
        text = Path(LOCK).read_text(encoding="utf-8") if Path(LOCK).is_file() else None
    else:
        text = file_at(commit_of(revision), LOCK)
    if text is None:
        raise InputError(
            f"{revision} has no {LOCK}", reason="no-version", remedy="run `dvc repro` and commit dvc.lock"
        )
    return stages_of(text, f"{LOCK} of {revision}")


def stages_of(text: str, whose: str) -> dict[str, dict[str, Any]]:
    """The stages that a dvc.lock names.

    Raises:
        InputError: it does not read, as after a merge: what it names is not known then, and nothing may pass for it.
    """
    try:
        stages = cast("dict[str, dict[str, Any]]", parse_yaml(text)["stages"])
        for stage in stages.values():
            for file in (*stage.get("outs", ()), *stage.get("deps", ())):
                if not (Path(file["path"]).name and DIGEST.fullmatch(file.get("md5", "0" * 32))):
                    raise TypeError(f"{str(file)[:200]} is no file with its digest")
    except (yaml.YAMLError, TypeError, KeyError, AttributeError) as error:
        raise InputError(
            f"{whose} cannot be read: {error}",
            reason="no-version",
            remedy=f"`git checkout HEAD -- {LOCK}`, then `dvc repro`",
        ) from error
    return stages


def personas_of(lock: Mapping[str, Any]) -> list[str]:
    """The personas whose stages a lock names, in its order."""
    return list(dict.fromkeys(stage.partition("@")[2] for stage in lock if "@" in stage))


def commit_of(revision: str) -> str:
    """The commit behind a branch, tag, commit or name of an experiment.

    Raises:
        InputError: there is none.
        ConfigError: git does not say.
    """
    if (commit := _commit(revision)) is not None:
        return commit
    remedy = "name a commit, branch or tag (`git log --oneline`) or an experiment (`dvc exp list --all`)"
    if is_persona_name(persona := weights_persona(revision)):
        file = PersonaPaths(persona).versions_file
        remedy += f"; a version of weights is none: `git log -- {file}` names the commits that accepted one"
    raise InputError(f"git knows no revision {revision!r}", reason="no-version", remedy=remedy)


def is_revision(name: str) -> bool:
    """Whether a name is `workspace` or has a commit."""
    return name == WORKSPACE or _commit(name) is not None


def _commit(revision: str) -> str | None:
    if revision.startswith("-"):  # git would take it for an option
        return None
    if commit := ask_git("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}"):
        return commit.strip()
    return next((commit for ref, commit in refs(EXPERIMENTS) if ref.rpartition("/")[2] == revision), None)


def refs(prefix: str) -> Iterator[tuple[str, str]]:
    """The references below a prefix, with their commits."""
    for line in (ask_git("for-each-ref", "--format=%(refname) %(objectname)", prefix) or "").splitlines():
        ref, _, commit = line.partition(" ")
        yield ref, commit


def locks_in_history() -> Iterator[tuple[str, str]]:
    """(commit, its first line) of every commit that changed dvc.lock, on any branch or experiment, newest first."""
    aside = [f"--exclude={ref}" for ref in ASIDE]
    for line in (ask_git("log", *aside, "--all", "--format=%H %cs %s", "--", LOCK) or "").splitlines():
        commit, _, title = line.partition(" ")
        yield commit, title


def _lines(path: Path) -> list[dict[str, Any]]:
    if not path.is_file():
        raise InputError(
            f"{path} is missing",
            reason="no-manifest",
            remedy="run `dvc repro`, or `dvc fetch` for an older version",
        )
    return [orjson.loads(line) for line in path.read_bytes().split(b"\n") if line]
