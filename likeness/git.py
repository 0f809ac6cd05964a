"""Git, by its command line."""

import os
import re
import subprocess
from collections.abc import Callable, Collection, Iterator, Mapping
from hashlib import sha1, sha256
from pathlib import Path

from likeness.errors import ConfigError

TIMEOUT_S = 60.0
# Copies whole trees, on a machine that may be busy.
COPY_WITHIN_S = 1800.0
# How git marks both sides of a conflict in a file; a hand that resolved it in part leaves one of them.
CONFLICT = re.compile(r"^(?:<{7} |\|{7} |={7}\r?$|>{7} )", re.MULTILINE)


# `git rev-parse --local-env-vars`: a hook, a rebase or a shell that sets them means another repository than `root`; and what
# changes how a path is read.
ELSEWHERE = (
    "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_COMMON_DIR", "GIT_DIR", "GIT_GRAFT_FILE", "GIT_INDEX_FILE", "GIT_NAMESPACE",
    "GIT_OBJECT_DIRECTORY", "GIT_PREFIX", "GIT_REPLACE_REF_BASE", "GIT_SHALLOW_FILE", "GIT_WORK_TREE",
    "GIT_GLOB_PATHSPECS", "GIT_ICASE_PATHSPECS", "GIT_LITERAL_PATHSPECS", "GIT_NOGLOB_PATHSPECS",
)  # fmt: skip


def git(*arguments: str, root: Path | None = None, within_s: float = TIMEOUT_S) -> str | None:
    """What git prints in `root` (here by default); None where it refuses, is missing, or takes longer than `within_s`."""
    printed = git_bytes(*arguments, root=root, within_s=within_s)
    return None if printed is None else printed.decode("utf-8", "replace")


def require_git(*arguments: str, root: Path | None = None) -> str:
    """As `git`, where no answer would read as one that says nothing.

    Raises:
        ConfigError: `git`: it refuses, is missing, or does not answer in time.
    """
    told = git(*arguments, root=root)
    if told is None:
        command = f"git {' '.join(arguments)[:200]}"
        raise ConfigError(f"`{command}` did not answer within {TIMEOUT_S:.0f} s, or refused", reason="git",
                          remedy=f"the same by hand in {root or 'this folder'} says why; if it goes through, try again")  # fmt: skip
    return told


def git_bytes(
    *arguments: str,
    root: Path | None = None,
    stdin: bytes = b"",
    within_s: float = TIMEOUT_S,
    variables: Mapping[str, str] | None = None,
) -> bytes | None:
    """As `git`, for files of any content; `stdin` is what it reads, `variables` are set besides."""
    try:
        done = subprocess.run(
            ["git", *arguments],
            cwd=root,
            env={name: value for name, value in os.environ.items() if name not in ELSEWHERE}
            | dict(variables or {}),
            input=stdin,
            capture_output=True,
            check=False,
            timeout=within_s,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


def may_commit(path: Path) -> bool:
    """Whether git keeps a file, or would with the next `git add .`: in a work tree, and not ignored; whether it is there or not."""
    path = path.resolve()
    root = repository_of(path)
    if root is None:
        return False
    inside = path.relative_to(root).parts[0] != ".git"
    return inside and git(*ANYBODYS, "check-ignore", "--quiet", "--", str(path), root=root) is None


def repository_of(path: Path) -> Path | None:
    """The work tree that a path lies in; None where it lies in none."""
    root = next((folder for folder in path.parents if (folder / ".git").exists()), None)
    if root is None or git(*ANYBODYS, "rev-parse", "--is-inside-work-tree", root=root) is None:
        return None
    return root


def was_committed(root: Path, contents: Collection[bytes]) -> bool:
    """Whether the index or any commit of the clone has a file of one of these contents, whatever it is called. What the clone
    does not hold takes git some milliseconds; of what it holds, all objects of all commits are listed. Where git cannot say,
    it was."""
    headed = [b"blob %d\0" % len(data) + data for data in contents]
    asked = [
        hashed(data).hexdigest() for hashed in (sha1, sha256) for data in headed
    ]  # of a clone's two formats
    told = git_bytes(
        *PLAIN, "cat-file", "--batch-check", root=root, stdin="\n".join(asked).encode(), variables=HERE_ALONE
    )
    if told is None:
        return True
    there = {line.split()[0] for line in told.splitlines() if b" blob " in line}
    if not there:
        return False
    staged = git_bytes(*PLAIN, "ls-files", "--stage", "-z", root=root)
    listed = git_bytes(*PLAIN, *EVERY_COMMIT, root=root, variables=NO_GRAFTS | HERE_ALONE)
    if staged is None or listed is None:
        return True
    return any(name in staged for name in there) or any(
        line.partition(b" ")[0] in there for line in listed.splitlines()
    )


# Whose folder it is changes nothing.
ANYBODYS = ("-c", "safe.directory=*")
# No object under another's name, no parents but those that a commit names.
PLAIN = ("--no-replace-objects", *ANYBODYS, "-c", "core.commitGraph=false")
NO_GRAFTS = {"GIT_GRAFT_FILE": os.devnull}
# A clone without all objects asks no other for them.
HERE_ALONE = {"GIT_NO_LAZY_FETCH": "1"}
# Commits of branches, tags, experiments, stashes and worktrees, what a rebase or a reset left behind, what was fetched or is being
# merged, and side branches that a merge took nothing of.
EVERY_COMMIT = (
    "rev-list", "--all", "--reflog", "--full-history", "--objects", "--ignore-missing",
    "FETCH_HEAD", "MERGE_HEAD", "ORIG_HEAD", "CHERRY_PICK_HEAD",
)  # fmt: skip


def versions(root: Path, wanted: Callable[[str], bool], *paths: str) -> Iterator[tuple[str, bytes]] | None:
    """Path and content of each version that any commit of the clone has of the files below `paths` that are `wanted`; None where
    git cannot say. Files are read whole and no difference is: neither attributes nor settings of git change what is found."""
    command = (*PLAIN, *EVERY_COMMIT, "--", *paths)
    listed = git_bytes(*command, root=root, variables=NO_GRAFTS | {"GIT_SHALLOW_FILE": ""})
    if listed is None:  # a clone that is shallow in truth: it lacks the commits beyond
        listed = git_bytes(*command, root=root, variables=NO_GRAFTS)
    if listed is None:
        return None
    named = (line.partition(" ") for line in listed.decode("utf-8", "surrogateescape").split("\n"))
    names = {name: path for name, _, path in named if wanted(path)}
    read = (
        git_bytes(*PLAIN, "cat-file", "--batch", root=root, stdin="\n".join(names).encode()) if names else b""
    )
    return None if read is None else _contents(read, list(names.values()))


def _contents(read: bytes, paths: list[str]) -> Iterator[tuple[str, bytes]]:
    start = 0
    for path in paths:
        end = read.index(b"\n", start)
        _, kind, size = read[start:end].split()
        start = end + 2 + int(size)
        if kind == b"blob":
            yield path, read[end + 1 : start - 1]
