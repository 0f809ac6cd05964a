"""Git, by its command line."""

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

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
