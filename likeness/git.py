"""Git, by its command line."""

import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from likeness.errors import ConfigError, without_control

TIMEOUT_S = 60.0
# Copies whole trees, on a machine that may be busy.
COPY_WITHIN_S = 1800.0
# How git marks both sides of a conflict in a file; a hand that resolved it in part leaves one of them.
CONFLICT = re.compile(r"^(?:<{7} |\|{7} |={7}\r?$|>{7} )", re.MULTILINE)

# What a `.git` that is a repository has.
GITS_OWN = ("HEAD", "objects", "refs", "packed-refs", "config")

# Whose folder it is changes nothing.
ANYBODYS = ("-c", "safe.directory=*")

# `git rev-parse --local-env-vars`: a hook, a rebase or a shell that sets them means another repository than `root`; and what
# changes how a path is read.
ELSEWHERE = (
    "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_COMMON_DIR", "GIT_DIR", "GIT_GRAFT_FILE", "GIT_INDEX_FILE", "GIT_NAMESPACE",
    "GIT_OBJECT_DIRECTORY", "GIT_PREFIX", "GIT_REPLACE_REF_BASE", "GIT_SHALLOW_FILE", "GIT_WORK_TREE",
    "GIT_GLOB_PATHSPECS", "GIT_ICASE_PATHSPECS", "GIT_LITERAL_PATHSPECS", "GIT_NOGLOB_PATHSPECS",
)  # fmt: skip


def git(*arguments: str, root: Path | None = None, within_s: float = TIMEOUT_S) -> str | None:
    """What git prints in `root` (here by default); None where it refuses, is missing, or takes longer than `within_s`: for what
    is no worse where git says nothing. What would pass for another answer then asks by `require_git` or `ask_git`."""
    try:
        return git_bytes(*arguments, root=root, within_s=within_s).decode("utf-8", "replace")
    except ConfigError:
        return None


def require_git(*arguments: str, root: Path | None = None) -> str:
    """As `git`, where no answer would read as one that says nothing.

    Raises:
        ConfigError: `git`: it refuses, is missing, or does not answer in time.
    """
    return git_bytes(*arguments, root=root).decode("utf-8", "replace")


def git_bytes(
    *arguments: str,
    root: Path | None = None,
    stdin: bytes = b"",
    within_s: float | None = None,
    variables: Mapping[str, str] | None = None,
) -> bytes:
    """As `require_git`, for files of any content; `stdin` is what it reads, `variables` are set besides.

    Raises:
        ConfigError: see `require_git`.
    """
    done = _answer(arguments, root, stdin, within_s, variables)
    if done.returncode != 0:
        raise _no_answer(arguments, root, _refused(done))
    return done.stdout


def ask_git(*arguments: str, root: Path | None = None) -> str | None:
    """As `require_git`, whoever owns the folder; None where git's answer is no (exit status 1, as of a name that it does not know),
    and in a folder that belongs to no repository.

    Raises:
        ConfigError: see `require_git`.
    """
    if work_tree(root or Path()) is None:
        return None
    done = _answer((*ANYBODYS, *arguments), root)
    if done.returncode not in (0, 1):
        raise _no_answer(arguments, root, _refused(done))
    return None if done.returncode else done.stdout.decode("utf-8", "replace")


def file_at(commit: str, path: str, root: Path | None = None) -> str | None:
    """A file of a commit; None where the commit has none.

    Raises:
        ConfigError: see `require_git`.
    """
    words = ("show", f"{commit}:./{path}")
    done = _answer(words, root)
    if done.returncode == 0:
        return done.stdout.decode("utf-8", "replace")
    if require_git("ls-tree", "--name-only", commit, "--", path, root=root):
        raise _no_answer(words, root, _refused(done))
    return None


def _answer(
    arguments: Sequence[str],
    root: Path | None,
    stdin: bytes = b"",
    within_s: float | None = None,
    variables: Mapping[str, str] | None = None,
) -> "subprocess.CompletedProcess[bytes]":
    kept = {name: value for name, value in os.environ.items() if name not in ELSEWHERE}
    if (tree := work_tree(root or Path())) is not None:
        # One of which a part is gone is none to git, which would look for another in the folders above.
        kept["GIT_CEILING_DIRECTORIES"] = str(tree.parent)
    within_s = TIMEOUT_S if within_s is None else within_s
    try:
        return subprocess.run(
            ["git", *arguments],
            cwd=root,
            env=kept | dict(variables or {}),
            input=stdin,
            capture_output=True,
            check=False,
            timeout=within_s,
        )
    except subprocess.TimeoutExpired as error:
        raise _no_answer(arguments, root, f"did not answer within {within_s:g} s") from error
    except OSError as error:
        raise _no_answer(arguments, root, f"could not be started ({error.strerror})") from error


def _refused(done: "subprocess.CompletedProcess[bytes]") -> str:
    said = without_control(done.stderr.decode("utf-8", "replace")).split("\n")[0].strip()
    return f"refused ({said[:200] or f'exit status {done.returncode}'})"


def _no_answer(arguments: Sequence[str], root: Path | None, what: str) -> ConfigError:
    words = " ".join(one for one in arguments if one not in ANYBODYS)[:200]
    return ConfigError(
        f"`git {words}` {what}",
        reason="git",
        remedy=f"the same by hand in {root or 'this folder'} says why; if it goes through, try again",
    )


def work_tree(folder: Path) -> Path | None:
    """The nearest folder, this one or above, that is a repository's, as far as files tell; None where there is none. Git is not
    asked: what it does not answer about may be one all the same."""
    folder = folder.resolve()
    return next((one for one in (folder, *folder.parents) if _is_repository(one / ".git")), None)


def is_part_of(folder: Path, root: Path, *, but: str) -> bool:
    """Whether a folder lies in another, and both in one work tree, or in none; work trees below `but` in it count as its own."""
    folder, root = folder.resolve(), root.resolve()
    return folder.is_relative_to(root) and (
        folder.is_relative_to(root / but) or work_tree(folder) == work_tree(root)
    )


def _is_repository(path: Path) -> bool:
    """Whether a `.git` is a worktree's or a submodule's file, or has anything of git's own in it."""
    return path.is_file() or any((path / name).exists() for name in GITS_OWN)


def may_commit(path: Path) -> bool:
    """Whether git keeps a file, or would with the next `git add .`: in a work tree, and not ignored; whether it is there or not.

    Raises:
        ConfigError: see `require_git`.
    """
    path = path.resolve()
    root = work_tree(path.parent)
    if root is None:
        return False
    inside = path.relative_to(root).parts[0] != ".git"
    return inside and ask_git("check-ignore", "--quiet", "--", str(path), root=root) is None
