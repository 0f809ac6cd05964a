"""A dvc.lock that a merge left in two: the way out that the message names works while the merge lasts."""

import subprocess
from pathlib import Path

import pytest

from likeness.errors import InputError
from likeness.versions.revision import WORKSPACE, lock_of

LOCK = "schema: '2.0'\nstages:\n  check:\n    cmd: {}\n"


def git(*arguments: str) -> int:
    names = ("-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "init.defaultBranch=main")
    return subprocess.run(["git", *names, *arguments], capture_output=True, check=False).returncode


def test_the_way_out_of_a_merge_works_while_it_lasts(in_tmp):
    git("init")
    for branch, words in (("main", "first"), ("other", "theirs"), ("main", "ours")):
        if git("checkout", branch) != 0:
            git("checkout", "-b", branch)
        Path("dvc.lock").write_text(LOCK.format(words))
        git("add", "dvc.lock")
        git("commit", "-m", words)
    assert git("merge", "other") != 0
    with pytest.raises(InputError, match="line 4: the conflict markers of a merge") as caught:
        lock_of(WORKSPACE)
    command = caught.value.remedy.split("`")[1].split()
    assert git("checkout", "dvc.lock") != 0  # what one would try first
    assert git(*command[1:]) == 0
    assert lock_of(WORKSPACE) == {"check": {"cmd": "ours"}}
