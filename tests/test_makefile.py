"""What `make` answers to a machine that is not as it needs it: no git, an old Python, an environment that broke."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from likeness.check.files import READ_BY_GIT_AND_DVC
from likeness.dvc_files import LOCK

ROOT = Path(__file__).parents[1]


@pytest.fixture
def unpacked(tmp_path: Path) -> Path:
    """A folder as a ZIP leaves it, with spaces in its path, whose environment is this one."""
    folder = tmp_path / "ünpacked here"
    (folder / ".dvc").mkdir(parents=True)
    for name in ("Makefile", "pyproject.toml", "setup.py", "requirements-weights.txt", ".dvc/config"):
        shutil.copyfile(ROOT / name, folder / name)
    python = folder / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    (folder / ".venv" / "installed").touch()
    return folder


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    env = os.environ | {"GIT_CEILING_DIRECTORIES": str(folder.parent)}
    return subprocess.run(
        ["make", *arguments], cwd=folder, env=env, capture_output=True, text=True, check=False
    )


def test_a_folder_without_git_runs_without_it_until_it_has_one(unpacked):
    settings = unpacked / ".dvc" / "config.local"
    said = make(unpacked, "install")
    assert said.returncode == 0, said.stderr
    assert "not a git repository" in said.stderr
    assert "git init" in said.stderr
    assert "no_scm = true" in settings.read_text()
    assert make(unpacked, "install").stderr == ""
    subprocess.run(["git", "init", "-q"], cwd=unpacked, check=True)
    assert make(unpacked, "install").returncode == 0
    assert "no_scm" not in settings.read_text()


def test_a_folder_of_another_user_is_told_with_gits_own_remedy(unpacked, monkeypatch):
    subprocess.run(["git", "init", "-q"], cwd=unpacked, check=True)
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    said = make(unpacked, "install").stderr
    assert "git config --global --add safe.directory" in said
    assert "to have it: the line of git's above, then make install" in said


def test_a_folder_where_git_or_dvc_reads_a_file_is_named_before_dvc_runs(unpacked):
    for name in (LOCK, *READ_BY_GIT_AND_DVC):
        path = unpacked / name
        kept = path.read_bytes() if path.is_file() else None
        path.unlink(missing_ok=True)
        path.mkdir(parents=True)
        said = make(unpacked, "install")
        assert (said.returncode, said.stderr.splitlines()[0]) == (
            2, f"{name} is a folder, and git or DVC reads a file there: move it away"
        )  # fmt: skip
        path.rmdir()
        if kept is not None:
            path.write_bytes(kept)


@pytest.mark.parametrize(
    ("python", "words"),
    [
        ("#!/bin/sh\n[ $1 = --version ] && echo Python 3.10.1\nexit 1\n", "is Python 3.10.1"),
        (None, "there is no "),
    ],
)
def test_an_old_python_or_none_is_told_at_once(unpacked, python, words):
    other = unpacked.parent / "python3"
    if python:
        other.write_text(python)
        other.chmod(0o755)
    (unpacked / ".venv" / "installed").unlink()
    said = make(unpacked, "install", f"PYTHON={other}")
    assert said.returncode == 2
    assert words in said.stderr
    assert "make PYTHON=python3.12 install" in said.stderr


@pytest.mark.parametrize("broken", ["#!/gone/python\n", "#!/bin/sh\nexit 1\n"])
def test_an_environment_whose_python_is_gone_or_too_old_is_made_anew(unpacked, broken):
    assert "venv --clear" not in make(unpacked, "-n", "install").stdout
    (unpacked / ".venv" / "bin" / "python").write_text(broken)
    assert "venv --clear" in make(unpacked, "-n", "install").stdout


PAGES = (
    "package-lock.json", "next.config.ts", "postcss.config.mjs", "proxy.ts", "app/page.tsx", "lib/api.ts", "components/door.tsx"
)  # fmt: skip


def test_the_pages_are_built_anew_once_something_that_they_are_made_of_changes(unpacked):
    web, built = unpacked / "gallery" / "web", unpacked / "gallery" / "web" / ".next" / "BUILD_ID"
    files = [web / name for name in PAGES]
    for path in (*files, built, unpacked / ".venv" / "gallery"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    now = built.stat().st_mtime
    assert "npm run build" not in make(unpacked, "-n", "gallery").stdout
    for path in files:
        os.utime(path, (now + 9, now + 9))
        assert "npm run build" in make(unpacked, "-n", "gallery").stdout, path
        os.utime(path, (now, now))


def test_what_the_dev_extra_has_is_not_installed_a_second_time(unpacked):
    python, asked = unpacked / ".venv" / "bin" / "python", unpacked / "asked"
    python.write_text(
        f'#!/bin/sh\ncase "$*" in "-m pip"*) echo "$*" >> asked;; *) exec {sys.executable} "$@";; esac\n'
    )
    os.utime(unpacked / ".venv" / "installed", (1e9, 1e9))
    for name in ("pyproject.toml", "setup.py", "requirements-weights.txt"):
        os.utime(unpacked / name, (9e8, 9e8))
    (unpacked / ".venv" / "dev").touch()
    assert make(unpacked, ".venv/gallery").returncode == 0
    assert not asked.exists()
    (unpacked / ".venv" / "gallery").unlink()
    (unpacked / ".venv" / "dev").unlink()
    assert make(unpacked, ".venv/gallery").returncode == 0
    assert "-e .[gallery]" in asked.read_text()
