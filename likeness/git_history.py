"""What the commits of a clone have, whatever hides it: settings of git, grafts, other names of objects, names of files."""

import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from hashlib import sha1, sha256
from pathlib import Path
from typing import Any

from likeness.errors import ConfigError
from likeness.git import ANYBODYS, git_bytes, work_tree

# No object under another's name, no parents but those that a commit names.
PLAIN = ("--no-replace-objects", *ANYBODYS, "-c", "core.commitGraph=false")
NO_GRAFTS = {"GIT_GRAFT_FILE": os.devnull}
# A clone without all objects asks no other for them.
HERE_ALONE = {"GIT_NO_LAZY_FETCH": "1"}
# Commits of branches, tags, experiments, stashes and worktrees, what a rebase or a reset left behind, what was fetched or is being
# merged, and side branches that a merge took nothing of.
EVERY_COMMIT = (
    "rev-list", "--all", "--reflog", "--full-history", "--ignore-missing",
    "FETCH_HEAD", "MERGE_HEAD", "ORIG_HEAD", "CHERRY_PICK_HEAD",
)  # fmt: skip
# Each file of a commit that a parent has not or has otherwise: `:MODE MODE NAME NAME STATUS` of before and after, and its path.
OF_A_TREE = ("diff-tree", "-r", "-z", "--no-renames", "--no-relative", "--raw")
CHANGES = (*OF_A_TREE, "--stdin", "--root", "-m", "--no-commit-id")
OF_FILES = ("100644", "100755", "120000")
# What `git add -N` stages, whether there is such an object or not.
EMPTY = [hashed(b"blob 0\0").hexdigest() for hashed in (sha1, sha256)]


def was_committed(root: Path, contents: Collection[bytes]) -> bool:
    """Whether the index or any commit of the clone has a file of one of these contents, whatever it is called. What the clone
    does not hold takes git some milliseconds; of what it holds, all objects of all commits are listed.

    Raises:
        ConfigError: see `require_git`.
    """
    headed = [b"blob %d\0" % len(data) + data for data in contents]
    asked = [
        hashed(data).hexdigest() for hashed in (sha1, sha256) for data in headed
    ]  # of a clone's two formats
    told = git_bytes(
        *PLAIN, "cat-file", "--batch-check", root=root, stdin="\n".join(asked).encode(), variables=HERE_ALONE
    )
    there = {line.split()[0] for line in told.splitlines() if b" blob " in line}
    if not there:
        return False
    staged = git_bytes(*PLAIN, "ls-files", "--stage", "-z", root=root)
    listed = git_bytes(*PLAIN, *EVERY_COMMIT, "--objects", root=root, variables=NO_GRAFTS | HERE_ALONE)
    return any(name in staged for name in there) or any(
        line.partition(b" ")[0] in there for line in listed.splitlines()
    )


def versions(root: Path, wanted: Callable[[str], bool], *paths: str) -> Iterator[tuple[str, bytes]]:
    """Path and content of each version that any commit of the clone, a tree that has a name, or what is staged, has of the files
    below `paths` that are `wanted`, under each path that it had; none where there is no repository. Files are read whole and no
    difference is: neither attributes nor settings of git change what is found.

    Raises:
        ConfigError: see `require_git`.
    """
    if work_tree(root) is None:
        return iter(())
    try:
        listed = _changes(root, paths, NO_GRAFTS | {"GIT_SHALLOW_FILE": ""})
    except ConfigError:  # a clone that is shallow in truth: it lacks the commits beyond
        listed = _changes(root, paths, NO_GRAFTS)
    staged = _listed("ls-files", "--stage", "--full-name", "-z", "--", *paths, root=root)
    trees = [_listed(*OF_A_TREE, *each, "--", *paths, root=root)[:-1] for each in _named_trees(root)]
    listed = [*(one for tree in trees for one in tree), *listed]
    named = [(*one.split(" ")[1:4:2], path) for one, path in zip(listed[::2], listed[1::2], strict=False)]
    named += [(*head.split(" ")[:2], path) for head, _, path in (one.partition("\t") for one in staged[:-1])]
    found: dict[str, dict[str, None]] = {}
    for mode, name, path in named:
        if mode in OF_FILES and name not in EMPTY and wanted(path):
            found.setdefault(name, {})[path] = None
    if not found:
        return iter(())
    read = _contents(git_bytes(*PLAIN, "cat-file", "--batch", root=root, stdin="\n".join(found).encode()))
    return ((path, data) for names, data in zip(found.values(), read, strict=True) for path in names)


def _changes(root: Path, paths: Sequence[str], variables: Mapping[str, str]) -> list[str]:
    commits = git_bytes(*PLAIN, *EVERY_COMMIT, "--", *paths, root=root, variables=variables)
    return _listed(*CHANGES, "--", *paths, root=root, stdin=commits, variables=variables) if commits else []


def _named_trees(root: Path) -> Iterator[tuple[str, str]]:
    """Trees that no commit has, each behind an empty one: a tag may name a tree, and `git checkout TAG -- FILE` brings it back."""
    refs = git_bytes(*PLAIN, "for-each-ref", "--format=%(refname)^{}", root=root)
    told = (
        git_bytes(*PLAIN, "cat-file", "--batch-check", root=root, stdin=refs, variables=HERE_ALONE)
        if refs
        else b""
    )
    for name in dict.fromkeys(line.split()[0].decode() for line in told.splitlines() if b" tree " in line):
        yield (sha1 if len(name) == 40 else sha256)(b"tree 0\0").hexdigest(), name


def _listed(*arguments: str, **more: Any) -> list[str]:
    """What ends with a zero byte each, and an empty one."""
    return git_bytes(*PLAIN, *arguments, **more).decode("utf-8", "surrogateescape").split("\0")


def _contents(read: bytes) -> Iterator[bytes]:
    start = 0
    while start < len(read):
        end = read.index(b"\n", start)
        name, *_, size = read[start:end].split()
        if not size.isdigit():
            raise ConfigError(
                f"git lacks the object {name.decode()} that a commit names",
                reason="git",
                remedy="`git fsck` tells what is lost; `git fetch` brings what a clone of a part lacks",
            )
        start = end + 2 + int(size)
        yield read[end + 1 : start - 1]
