"""What DVC keeps of a persona: its cache and run-cache, dvc.lock, experiments' folders, its remotes.

DVC alone can bring outputs back from these, past every program of likeness; so a purge empties them.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar, cast

import yaml

from likeness.cli.deletion import delete, files_of, may_be_deleted
from likeness.digests import md5_file
from likeness.disk import write_atomic
from likeness.dvc_files import LOCK, dicts, entries, listed, outs_of, stages_in, yaml_mapping
from likeness.errors import ConfigError, InputError
from likeness.git import ask_git
from likeness.git_history import versions
from likeness.paths import PersonaPaths
from likeness.versions.revision import stages_of

_T = TypeVar("_T")


class DvcTraces:
    """The digests of everything that stages of a persona ever wrote in this clone, as far as DVC and git know them.

    Raises:
        ConfigError: DVC does not open the clone.
    """

    def __init__(self, root: Path, persona: str, *, photographs: bool = False) -> None:
        from dvc.exceptions import DvcException  # pyright: ignore[reportMissingTypeStubs]
        from dvc.repo import Repo  # pyright: ignore[reportMissingTypeStubs]

        self.root, self.persona, self._photographs = root, persona, photographs
        self.unanswered: dict[str, str] = {}  # what git was asked, and why it did not say
        self._own = PersonaPaths(persona)
        self._folders = [f"/{one.as_posix()}/" for one in (self._own.data, self._own.models)]
        try:
            self._repo: Any = cast(Any, Repo)(str(root))
        except DvcException as error:  # as where git is gone that was there
            raise ConfigError(
                f"DVC does not open {root}: {error}",
                reason="dvc",
                remedy="`dvc status` says the same; once it does not, purge again",
            ) from error
        self._runs = Path(self._repo.stage_cache.cache_dir)
        self._caches = [one for one in (self._repo.cache.local, self._repo.cache.legacy) if one is not None]
        known = {path.stem for path in (root / "consent").glob("*.yaml")} - {persona}
        self._of_others = [f"/{folder}/{name}/" for folder in ("data", "models") for name in known]
        self.run_entries, mine, others = self._read_runs()
        self._imports, unnamed = list[Path](), list[tuple[str, Path, Path]]()
        for path, text, lies_there in self._named_by_dvc():
            for name, stage in stages_in(path, yaml_mapping(text)):
                whose = self._sorted(name, path, stage, mine, others)
                if lies_there and not name and not self._is_inside(path):
                    outs = [(digest, root / Path(path).parent / out, own) for digest, out, own in whose]
                    self._imports += [one for _, out, own in outs if own for one in (out, root / path)]
                    unnamed += [(digest, out, root / path) for digest, out, own in outs if own is None]
        mine |= set(self._named_dirs())
        self._mine, self._others = mine, others
        self.digests = set(self._expanded(mine)) - set(self._expanded(others))
        for digest, out, file in unnamed:
            if digest in self.digests:  # a .dvc file may name anything: only files of these bytes go
                self._imports += [*(one for one in files_of(out) if self._is_of_these_bytes(one)), file]

    def delete(self, *, dry_run: bool) -> Iterator[tuple[str, str | None]]:
        """Delete it; yields what went, or what did not and why."""
        imports = [one for one in dict.fromkeys(self._imports) if files_of(one) and self._may_go(one)]
        objects, experiments = self._objects(self.digests), self._experiment_folders()
        found = [
            *((f"run-cache: {path.relative_to(self._runs)}", path) for path in self.run_entries),
            *((f"DVC's cache: {path.parent.name}{path.name}", path) for path in objects),
            *((f"experiment: {path.relative_to(self.root)}", path) for path in experiments),
            *((f"tracked by hand: {path.relative_to(self.root)}", path) for path in imports),
        ]
        for name, path in found:
            yield name, None if dry_run else delete(path)
        yield from self._shorten_lock(dry_run=dry_run)

    def delete_in_remotes(self, *, dry_run: bool) -> Iterator[tuple[str, str | None]]:
        """Delete the same in each of DVC's remotes; yields what went, or the remote and why it was not reached."""
        for name in self._repo.config["remote"]:
            try:
                remote = self._repo.cloud.get_remote(name)
                fs, odb = remote.fs, remote.odb
                runs, digests = self._in_remote(remote)
                paths = {digest: odb.oid_to_path(digest) for digest in digests}
                paths |= {f"runs/{fs.parts(run)[-1]}": run for run in runs}
                for digest, path in paths.items():
                    if fs.exists(path):
                        yield f"{name}: {digest}", None
                        if not dry_run:
                            fs.remove(path)
            # Whatever a remote raises, the others are asked, too, and the report says it.
            except Exception as error:
                yield f"DVC's remote {name}", f"{type(error).__name__}: {error}"

    def elsewhere(self) -> Iterator[str]:
        """Where more may lie that is not this clone's to delete, a line a place."""
        ask = partial(ask_git, "worktree", "list", "--porcelain", root=self.root)
        for line in (self._answer("other worktrees of this clone", ask, None) or "").splitlines():
            key, _, folder = line.partition(" ")
            if key == "worktree" and Path(folder).is_dir() and not self.root.resolve().is_relative_to(folder):
                yield f"the worktree {folder} has folders and caches of its own: purge there, too"
        for cache in self._caches:
            if not Path(cache.path).resolve().is_relative_to(self.root.resolve()):
                yield f"other clones may share DVC's cache {cache.path}, and what only they name stays there: purge in each of them"

    def _in_remote(self, remote: Any) -> tuple[list[str], set[str]]:
        """Runs and objects of this persona that a remote has, by its own runs and folders: this clone may have pulled none of it."""
        fs, runs = remote.fs, list[str]()
        folder = fs.join(remote.path, "runs")
        mine, others = set(self._mine), set(self._others)
        for path in fs.find(folder) if fs.exists(folder) else ():
            run = yaml_mapping(fs.read_text(path))
            runs += [path] if self._is_run(run, mine, others) else []

        def expanded(digests: set[str]) -> set[str]:
            paths = [remote.odb.oid_to_path(digest) for digest in digests if digest.endswith(".dir")]
            return digests.union(
                *(entries(fs.read_bytes(path)).values() for path in paths if fs.exists(path))
            )

        return runs, self.digests | (expanded(mine) - expanded(others) - set(self._expanded(others)))

    def commits_with_photographs(self) -> int:
        """How many commits hold this persona's photographs: git keeps them until its history is rewritten."""
        ask = partial(ask_git, "log", "--all", "--format=%H", "--", str(self._own.raw), root=self.root)
        return len((self._answer("commits with photographs", ask, None) or "").split())

    def _answer(self, what: str, ask: Callable[[], _T], otherwise: _T) -> _T:
        """What git says; `otherwise` where it does not, which is noted."""
        try:
            return ask()
        except ConfigError as error:
            self.unanswered[what] = error.message
            return otherwise

    def _may_go(self, path: Path) -> bool:
        return self._answer(f"tracked by hand: {path}", partial(may_be_deleted, path, self.root), False)

    def _read_runs(self) -> tuple[list[Path], set[str], set[str]]:
        mine, others = set[str](), set[str]()
        files = [path for path in sorted(self._runs.rglob("*")) if path.is_file()]
        texts = ((path, path.read_text(encoding="utf-8", errors="replace")) for path in files)
        return [path for path, text in texts if self._is_run(yaml_mapping(text), mine, others)], mine, others

    def _is_run(self, run: dict[str, Any], mine: set[str], others: set[str]) -> bool:
        """Whether a run of DVC's run-cache was one of this persona's."""
        return any(own for _, _, own in self._sorted("", "", run, mine, others)) or _made_for(
            run, self.persona
        )

    def _sorted(
        self, name: str, file: str, stage: dict[str, Any], mine: set[str], others: set[str]
    ) -> list[tuple[str, str, bool | None]]:
        """Put the digests of a stage where they belong; each output with its digest, and whether it is this persona's."""
        whose = [(digest, out, self._is_own(name, file, stage, out)) for digest, out in outs_of(stage)]
        for digest, _, own in whose:
            if own is not None:
                (mine if own else others).add(digest)
        return whose

    def _is_of_these_bytes(self, path: Path) -> bool:
        with contextlib.suppress(OSError):
            return path.is_file() and md5_file(path) in self.digests
        return False

    def _named_by_dvc(self) -> Iterator[tuple[str, str, bool]]:
        """Each dvc.lock and .dvc file with its path, as it lies there and as it was in any commit: of any folder, of experiments
        that were removed, of branches of which a merge took nothing."""
        shown = [path for path in self.root.iterdir() if not path.name.startswith(".")]
        for path in (*shown, *(one for folder in shown if folder.is_dir() for one in folder.rglob("*"))):
            if path.name.endswith((LOCK, ".dvc")) and path.is_file():
                yield path.relative_to(self.root).as_posix(), path.read_text("utf-8", "replace"), True
        ask = partial(versions, self.root, lambda path: path.endswith((LOCK, ".dvc")))
        for path, data in self._answer("what only commits name in DVC's cache and remotes", ask, iter(())):
            yield path, data.decode("utf-8", "replace"), False

    def _is_inside(self, file: str) -> bool:
        """Whether a file lies in this persona's folders."""
        return any(folder in f"/{file}" for folder in self._folders)

    def _is_own(self, name: str, file: str, stage: dict[str, Any], out: str) -> bool | None:
        """Whether it is this persona's, and not another's: by who made it, the folder it lies in, or the folder it was made or
        imported from; photographs where they are to go. None where nothing says whose it is: a copy under another name keeps
        nothing."""
        place, raw = f"{PurePosixPath(file).parent / out}/", f"/{self._own.raw.as_posix()}/"
        if raw in f"/{place}":
            return self._photographs
        if name.endswith(f"@{self.persona}") or _made_for(stage, self.persona) or self._is_inside(place):
            return True
        if (
            "@" in name
            or "stages." in str(stage.get("cmd"))
            or any(one in f"/{place}" for one in self._of_others)
        ):
            return False
        sources = [f"{dep.get('path', '')}/" for dep in dicts(stage, "deps")]
        if any(map(self._is_inside, sources)):
            return self._photographs or "cmd" in stage or not any(raw in f"/{one}" for one in sources)
        return None

    def _named_dirs(self) -> Iterator[str]:
        """Folders in the cache with a file that is named after the persona, whatever wrote them."""
        for cache in self._caches:
            for path in Path(cache.path).glob("??/*.dir"):
                names = listed(path)
                if any(Path(name).name.startswith(f"{self.persona}-") for name in names):
                    yield path.parent.name + path.name

    def _expanded(self, digests: Iterable[str]) -> Iterator[str]:
        for digest in digests:
            yield digest
            for path in self._objects([digest]) if digest.endswith(".dir") else ():
                yield from listed(path).values()

    def _objects(self, digests: Iterable[str]) -> list[Path]:
        paths = [Path(cache.oid_to_path(digest)) for digest in sorted(digests) for cache in self._caches]
        return [path for path in paths if path.is_file()]

    def _experiment_folders(self) -> list[Path]:
        place, mine = self.root / ".dvc" / "tmp" / "exps", (self._own.data, self._own.models)
        found = [copy / own for copy in (*place.glob("*/*"), *place.glob("*")) for own in mine]
        return [folder for folder in found if folder.is_dir()]

    def _shorten_lock(self, *, dry_run: bool) -> Iterator[tuple[str, str | None]]:
        lock = self.root / LOCK
        if not lock.is_file():
            return
        try:
            stages = stages_of(text := lock.read_text(encoding="utf-8"), LOCK)
        except InputError as error:
            yield f"{LOCK}, and what it alone names in DVC's cache", str(error)
            return
        whole = yaml_mapping(text)
        mine = [name for name in stages if name.endswith(f"@{self.persona}")]
        yield from ((f"dvc.lock: {name}", None) for name in mine)
        if mine and not dry_run:
            left = {name: stage for name, stage in stages.items() if name not in mine}
            text = yaml.safe_dump(whole | {"stages": left}, sort_keys=False)  # pyright: ignore[reportUnknownMemberType]
            write_atomic(lock, text.encode())


def _made_for(stage: dict[str, Any], persona: str) -> bool:
    return str(stage.get("cmd", "")).split()[-1:] == [persona]
