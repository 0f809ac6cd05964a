"""How programs begin and end: another Python, packages that are not there, Ctrl-C at any moment."""

import ast
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from likeness import program

ROOT = Path(__file__).parents[1]
BLOCKS = "import signal\nprint('importing', flush=True)\nsignal.pause()\n"


@pytest.mark.parametrize("module", ["stages.check", "stages.train", "likeness"])
def test_a_python_without_the_packages_is_told_in_a_sentence(module):
    done = subprocess.run(
        [sys.executable, "-S", "-m", module, "jade"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert f"is not installed for {sys.executable}\n  remedy: `. .venv/bin/activate`" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_old_python_is_told_which_one_is_needed(monkeypatch, capsys):
    monkeypatch.setattr(sys, "version_info", (3, 10, 13, "final", 0))
    with pytest.raises(SystemExit) as ended:
        program.begin()
    assert ended.value.code == 1
    assert f"needs Python 3.11 or newer; {sys.executable} is 3.10.13" in capsys.readouterr().err


@pytest.mark.parametrize(
    "name", ["likeness/program.py", "stages/__init__.py", "likeness/__init__.py", "setup.py"]
)
def test_an_old_python_can_read_what_tells_it(name):
    ast.parse((ROOT / name).read_text(), feature_version=(3, 7))


@pytest.mark.parametrize("command", [["stages.swap", "jade"], ["likeness", "plan"]])
def test_ctrl_c_during_the_imports_ends_in_one_line(tmp_path, command):
    for name in ("pydantic", "typer"):
        (tmp_path / f"{name}.py").write_text(BLOCKS)
    started = subprocess.Popen(
        [sys.executable, "-m", *command], cwd=ROOT, env={"PYTHONPATH": str(tmp_path)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert started.stdout is not None
    assert started.stdout.readline() == "importing\n"
    started.send_signal(signal.SIGINT)
    _, said = started.communicate(timeout=60)
    assert (started.returncode, said) == (130, "\ninterrupted\n")
