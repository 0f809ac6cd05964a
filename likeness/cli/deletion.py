"""Deleting what may only be read, and telling what is left: a report that says more went than did would be worse than none."""

import contextlib
import os
import shutil
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from likeness.errors import LikenessError
from likeness.git import ask_git
from likeness.store.s3 import Remote


def files_of(path: Path) -> list[Path]:
    """A file, or the files in a folder; a link is one."""
    if path.is_dir() and not path.is_symlink():
        return [file for file in sorted(path.rglob("*")) if file.is_file() or file.is_symlink()]
    return [path] if path.is_symlink() or path.exists() else []


def may_be_deleted(path: Path, root: Path) -> bool:
    """Whether a file that a .dvc file names is DVC's: whoever wrote that may have named anything. What git keeps, its own folder and
    DVC's, and what lies elsewhere is not.

    Raises:
        ConfigError: git does not say whether it keeps it.
    """
    place, root = path.parent.resolve() / path.name, root.resolve()
    if not place.is_relative_to(root) or place.relative_to(root).parts[:1] in ((), (".git",), (".dvc",)):
        return False
    return path.suffix == ".dvc" or not ask_git("ls-files", "--", str(place), root=place.parent)


def make_writable(folder: Path) -> None:
    """Let the user delete in a folder and in all below it, where they are the user's own."""
    for one in (folder, *(Path(at) / name for at, names, _ in os.walk(folder) for name in names)):
        if not one.is_symlink():
            with contextlib.suppress(OSError):
                one.chmod(one.stat().st_mode | 0o700)


def delete(path: Path) -> str | None:
    """Delete a file, or a folder with all that is in it; what is left and why, None where all went.

    A link to a folder is left: what lies behind it may be somebody else's.
    """
    if path.is_symlink() and path.is_dir():
        return f"it is a link to {path.resolve()}, in which nothing was deleted: do that by hand, then delete the link"
    try:
        if path.is_dir():
            make_writable(path)
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    except PermissionError:
        with contextlib.suppress(OSError):
            make_writable(path.parent)
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    except OSError:
        shutil.rmtree(path, ignore_errors=True)
    left = files_of(path)
    return f"{len(left)} file(s) could not be deleted, {left[0]} the first: who owns them?" if left else None


@dataclass(kw_only=True)
class Report:
    """What was deleted by place (with `dry_run`: would be), what could not be reached and why, what stays and what others hold."""

    persona: str
    dry_run: bool
    deleted: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    unreachable: dict[str, str] = field(default_factory=dict[str, str])
    stays: list[str] = field(default_factory=list[str])

    def add(self, place: str, names: Iterable[str]) -> None:
        """Note what went from a place."""
        if listed := list(names):
            self.deleted.setdefault(place, []).extend(listed)

    @contextlib.contextmanager
    def noted(self, place: str) -> Generator[None]:
        """A place that fails is one more line of the report."""
        try:
            yield
        except (LikenessError, OSError) as error:
            self.unreachable[place] = str(error)

    def remove(self, place: str, path: Path, root: Path) -> None:
        """Delete a file or folder, and note the files that went and what is left."""
        before = files_of(path)
        if not self.dry_run and (problem := delete(path)):
            self.unreachable[str(path.relative_to(root))] = problem
            before = [file for file in before if file not in files_of(path)]
        self.add(place, [str(file.relative_to(root)) for file in before])

    def empty(self, place: str, remote: Remote, names: Sequence[str]) -> None:
        """Delete files of a store, and note them."""
        if not self.dry_run:
            remote.delete(names)
        self.add(place, names)

    @property
    def count(self) -> int:
        return sum(map(len, self.deleted.values()))
