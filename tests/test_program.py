"""How programs begin and end: another Python, packages that are not there, Ctrl-C at any moment."""

import ast
import errno
import os
import runpy
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from likeness import program
from likeness.config import load_config
from likeness.dvc_files import links_to_cache
from likeness.errors import ConfigError, exit_on_error

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


ODD_TAG = """
import io, warnings
from PIL import Image
from likeness.program import begin
begin()
odd = io.BytesIO()
Image.new("L", (8, 8)).save(odd, "TIFF", tiffinfo={274: 1})
data = odd.getvalue()
entry = data.index(bytes([18, 1, 3, 0]))  # the orientation, of which there is one
Image.open(io.BytesIO(data[:entry + 4] + bytes([2, 0, 0, 0]) + data[entry + 8:])).load()
warnings.warn("of another")
"""


def test_what_pillow_warns_of_a_photograph_s_tags_is_not_printed():
    done = subprocess.run(
        [sys.executable, "-c", ODD_TAG], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, "of another" in done.stderr, "PIL" in done.stderr) == (0, True, False), (
        done.stderr
    )


ENDING = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


def interrupted(libraries: Path, *words: str, by: int = signal.SIGINT) -> tuple[int, str, str]:
    """How Python ends, and what it prints and says, when a signal (Ctrl-C) meets it while a library blocks its import."""
    started = subprocess.Popen(
        [sys.executable, *words], cwd=ROOT, env={"PYTHONPATH": str(libraries)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert started.stdout is not None
    assert started.stdout.readline() == "importing\n"
    started.send_signal(by)
    printed, said = started.communicate(timeout=60)
    return started.returncode, printed, said


def test_ctrl_c_during_imports_of_a_program_under_way_ends_in_one_line(tmp_path):
    (tmp_path / "slow_library.py").write_text(BLOCKS)
    words = "from likeness.program import importing\nwith importing():\n    import slow_library"
    assert interrupted(tmp_path, "-c", words) == (130, "", "\ninterrupted\n")


def test_after_those_imports_ctrl_c_is_as_before():
    before = signal.getsignal(signal.SIGINT)
    with program.importing():
        pass
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize("by", ENDING)
@pytest.mark.parametrize("command", [["stages.swap", "jade"], ["likeness", "plan"]])
def test_ctrl_c_and_kill_during_the_imports_end_in_one_line(tmp_path, command, by):
    for name in ("pydantic", "typer"):
        (tmp_path / f"{name}.py").write_text(BLOCKS)
    assert interrupted(tmp_path, "-m", *command, by=by) == (130, "", "\ninterrupted\n")


AT_WORK = """
from likeness.program import begin
begin()
from likeness.errors import exit_on_error
with exit_on_error("swap", "`dvc repro` goes on"):
    try:
        import slow_library
    finally:
        print("MLflow's run is ended", flush=True)
"""


@pytest.mark.parametrize("by", ENDING)
def test_at_work_all_that_ends_a_program_lets_it_end_what_it_began(tmp_path, by):
    (tmp_path / "slow_library.py").write_text(BLOCKS)
    assert interrupted(tmp_path, "-c", AT_WORK, by=by) == (
        130,
        "MLflow's run is ended\n",
        "\nswap: interrupted\n  remedy: `dvc repro` goes on\n",
    )


def test_what_nohup_ignores_stays_ignored(tmp_path):
    words = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\nfrom likeness.program import begin, interruptible\n"
    words += "begin()\ninterruptible()\nassert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN"
    subprocess.run([sys.executable, "-c", words], cwd=ROOT, check=True)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            FileNotFoundError(errno.ENOENT, "No such file", "models/jade/jade-v1.safetensors"),
            "is missing\n  remedy: run `dvc repro`",
        ),
        (
            OSError(errno.EFBIG, "File too large", "data/jade/a.png"),
            "larger than this disk, or `ulimit -f`, allows\n  remedy: `ulimit -f unlimited`, or",
        ),
        (OSError(errno.ENOSPC, "No space", "data/jade/a.png"), "no space is left"),
        (
            PermissionError(errno.EACCES, "Permission denied", "data/jade"),
            "make it readable and writable for this user",
        ),
        (
            FileExistsError(errno.EEXIST, "File exists", "models/jade"),
            "models/jade: file exists\n  remedy: a file,",
        ),
        (NotADirectoryError(errno.ENOTDIR, "Not a directory", "models"), "move it away"),
        (
            IsADirectoryError(errno.EISDIR, "Is a directory", "models/jade/jade-v1.safetensors"),
            "move it away",
        ),
        (OSError(errno.ELOOP, "Too many levels of symbolic links", "data"), "move it away"),
        (OSError(errno.EIO, "Input/output error", "data/jade"), "data/jade: the disk fails"),
    ],
)
def test_an_error_of_the_disk_ends_in_one_sentence(capsys, error, words):
    with pytest.raises(SystemExit) as ended, exit_on_error("evaluate"):
        raise error
    assert ended.value.code == 1
    assert words in capsys.readouterr().err


def test_a_file_of_elsewhere_that_is_missing_is_no_matter_of_the_graph():
    with pytest.raises(FileNotFoundError), exit_on_error("evaluate"):
        raise FileNotFoundError(errno.ENOENT, "No such file", "/usr/lib/x")


def test_a_working_folder_that_is_gone_is_told(tmp_path, monkeypatch, capsys):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(SystemExit), exit_on_error("train"):
        Path.cwd()
    assert "train: the folder that this was started in is gone\n  remedy: cd " in capsys.readouterr().err


def test_links_that_lead_in_a_circle_are_told(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("a").symlink_to("b")
    Path("b").symlink_to("a")
    assert not links_to_cache(Path("a"))
    with pytest.raises(SystemExit), exit_on_error("train"):
        Path("a").resolve()
    assert "train: links lead in a circle" in capsys.readouterr().err


def test_what_a_user_without_home_or_temporary_folder_lacks_is_told(monkeypatch, capsys):
    """A user id of a container, and a machine whose /tmp is full: no file name comes with either error."""
    monkeypatch.delenv("HOME")
    monkeypatch.setattr("os.path.expanduser", lambda path: path)  # as where no account has this user's number
    with pytest.raises(SystemExit), exit_on_error("publish"):
        Path("~/models").expanduser()
    told = capsys.readouterr().err
    assert "publish: this user has no home folder\n  remedy: set HOME" in told
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", list)
    with pytest.raises(SystemExit), exit_on_error("convert"):
        tempfile.gettempdir()
    assert "convert: no folder takes temporary files\n  remedy: set TMPDIR" in capsys.readouterr().err


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_a_program_whose_output_is_closed_does_its_work(tmp_path, closed):
    code = (
        "from likeness import program; program.begin()\n"
        "import sys; sys.stdout.write('a'); sys.stderr.write('b'); open(sys.argv[1], 'w').write('done')"
    )
    command = f'exec "$0" -c "$1" "$2" {closed}'
    subprocess.run(["bash", "-c", command, sys.executable, code, tmp_path / "made"], cwd=ROOT, check=True)
    assert (tmp_path / "made").read_text() == "done"


def test_a_letter_that_a_terminal_lacks_is_shown_by_its_number():
    code = r"from likeness import program; program.begin(); print('Zo\u00eb \u7389 \udcff')"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=os.environ | {"PYTHONIOENCODING": "latin-1"}, capture_output=True, check=True
    )  # fmt: skip
    assert done.stdout == b"Zo\xeb \\u7389 \\udcff\n"


def test_in_a_folder_of_the_repository_its_own_is_named(tmp_path, monkeypatch):
    (tmp_path / "params.yaml").touch()
    (tmp_path / "data").mkdir()
    monkeypatch.chdir(tmp_path / "data")
    with pytest.raises(ConfigError) as caught:
        load_config(Path("params.yaml"))
    assert caught.value.remedy == f"cd {tmp_path}"


@pytest.mark.parametrize("stage", ["resize", "evaluate"])
def test_a_stage_tells_what_it_does_when_asked(stage, monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "argv", [stage, "--help"])
    monkeypatch.setattr("os.umask", lambda mode: None)  # this process goes on
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(f"stages/{stage}.py", run_name="__main__")
    said = capsys.readouterr()
    assert (ended.value.code, said.err) == (None, "")
    assert said.out.startswith(f"python -m stages.{stage} PERSONA\n\n{stage}: ")
    assert "writes" in said.out


def test_no_search_for_garbage_goes_through_what_imports_made():
    words = "import gc; from likeness import program; program.begin(); print(gc.isenabled())\n"
    words += "program.interruptible(); print(gc.isenabled(), gc.get_freeze_count() > 1000)\n"
    # Once more, as at the end of later imports: what is garbage by then is not kept.
    words += "kept = gc.get_freeze_count(); program.interruptible(); print(gc.get_freeze_count() == kept)"
    done = subprocess.run([sys.executable, "-c", words], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True", "True", "True"]
