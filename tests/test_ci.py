"""What .ci/run does about the pages on a machine that lacks npm, its registry or Chromium."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / ".ci" / "run"


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A copy of the script, and beside it a `make` and an `npm` that say what they were asked."""
    (tmp_path / ".ci").mkdir()
    shutil.copy(SCRIPT, tmp_path / ".ci" / "run")
    (tmp_path / "bin").mkdir()
    for name in ("bash", "dirname", "env"):
        (tmp_path / "bin" / name).symlink_to(shutil.which(name) or "")
    program(tmp_path / "bin" / "make", 'echo "made $1"')
    return tmp_path


def program(path: Path, does: str) -> None:
    path.write_text(f"#!{shutil.which('bash')}\n{does}\n")
    path.chmod(0o755)


def run(machine: Path, chromium: Path) -> list[str]:
    env = {"PATH": str(machine / "bin"), "CHROMIUM": str(chromium), "HOME": os.environ.get("HOME", "/")}
    done = subprocess.run([machine / ".ci" / "run"], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [line for line in done.stdout.splitlines() if line.startswith("made ") or "were not" in line]


ALWAYS = ["made check", "made test", "made test-slow"]


def test_the_pages_are_opened_where_npm_and_chromium_are(machine: Path) -> None:
    program(machine / "bin" / "npm", "exit 0")
    program(machine / "chromium", "exit 0")
    assert run(machine, machine / "chromium") == [*ALWAYS, "made test-web"]


def test_without_chromium_their_types_are_checked_and_one_line_says_so(machine: Path) -> None:
    program(machine / "bin" / "npm", "exit 0")
    nowhere = machine / "nowhere"
    said = run(machine, nowhere)
    assert said == [*ALWAYS, "made check-web", f"== the pages were not opened: Chromium is not at {nowhere}"]


@pytest.mark.parametrize("npm", [None, "exit 1"])
def test_without_npm_or_its_registry_one_line_says_so(machine: Path, npm: str | None) -> None:
    if npm:
        program(machine / "bin" / "npm", npm)
    said = run(machine, machine / "chromium")
    assert said == [*ALWAYS, "== the pages were not checked: npm or its registry is not there"]
