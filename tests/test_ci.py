"""What .ci/run does on a machine that lacks npm, its registry, Chromium, Slurm or SkyPilot."""

import os
import shutil
import subprocess
import sys
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
    program(tmp_path / "bin" / "make", 'echo "made $*"')
    return tmp_path


def program(path: Path, does: str) -> None:
    path.write_text(f"#!{shutil.which('bash')}\n{does}\n")
    path.chmod(0o755)


def run(machine: Path, chromium: Path) -> list[str]:
    env = {"PATH": str(machine / "bin"), "CHROMIUM": str(chromium), "HOME": os.environ.get("HOME", "/")}
    done = subprocess.run([machine / ".ci" / "run"], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [
        line
        for line in done.stdout.splitlines()
        if line.startswith("made ") or "were not" in line or LOST in line
    ]


ALWAYS = ["made test", "made test-slow"]
WITH_PAGES = ["made -j2 -O check check-web", *ALWAYS]


def test_the_pages_are_opened_where_npm_and_chromium_are(machine: Path) -> None:
    program(machine / "bin" / "npm", "exit 0")
    program(machine / "chromium", "exit 0")
    assert run(machine, machine / "chromium")[:-1] == [*WITH_PAGES, "made test-web"]


def test_without_chromium_their_types_are_checked_and_one_line_says_so(machine: Path) -> None:
    program(machine / "bin" / "npm", "exit 0")
    nowhere = machine / "nowhere"
    said = run(machine, nowhere)[:-1]
    assert said == [*WITH_PAGES, f"== the pages were not opened: Chromium is not at {nowhere}"]


@pytest.mark.parametrize("npm", [None, "exit 1"])
def test_without_npm_or_its_registry_one_line_says_so(machine: Path, npm: str | None) -> None:
    if npm:
        program(machine / "bin" / "npm", npm)
    program(machine / "chromium", "exit 0")
    said = run(machine, machine / "chromium")[:-1]
    assert said == ["made check", "== the pages were not checked: npm or its registry is not there", *ALWAYS]


LOST = "no machine was lost in mid-training: "


@pytest.mark.parametrize(
    ("slurm", "make", "last"),
    [
        ("exit 0", 'echo "made $*"', ["made sky", "made slurm-test"]),
        ("echo a warning; echo 'munged: not installed' >&2; exit 1", 'echo "made $*"', [f"== {LOST}munged: not installed"]),
        ("exit 0", '[ "$1" != sky ] && echo "made $*"', [f"== {LOST}SkyPilot could not be installed"]),
    ],
    ids=["all is there", "no Slurm", "no SkyPilot"],
)  # fmt: skip
def test_a_machine_is_lost_where_slurm_starts_and_else_one_line_says_why_not(
    machine: Path, slurm: str, make: str, last: list[str]
) -> None:
    (machine / ".venv" / "bin").mkdir(parents=True)
    program(machine / ".venv" / "bin" / "python", slurm)
    program(machine / "bin" / "make", make)
    said = [line for line in run(machine, machine / "chromium") if "pages" not in line]
    assert said == ["made check", *ALWAYS, *last]


@pytest.mark.slow
def test_the_tests_of_a_group_run_on_one_worker(tmp_path: Path) -> None:
    """`make test-slow` builds once what the tests of a file share."""
    (tmp_path / "test_groups.py").write_text(
        "import os, pathlib, pytest\n"
        "@pytest.mark.parametrize('n', range(8))\n"
        "@pytest.mark.xdist_group('one')\n"
        "def test_one(n):\n"
        "    pathlib.Path(os.environ['PYTEST_XDIST_WORKER']).touch()\n"
    )
    arguments = [
        "-c",
        os.devnull,
        "-n",
        "2",
        "--dist",
        "loadgroup",
        "--no-loadscope-reorder",
        "-p",
        "no:cacheprovider",
    ]
    subprocess.run(
        [sys.executable, "-m", "pytest", *arguments], cwd=tmp_path, check=True, stdout=subprocess.DEVNULL
    )
    assert len(list(tmp_path.glob("gw*"))) == 1
