"""The command `likeness` as a whole: help, usage errors, Ctrl-C, closed pipes, JSON, and what it loads to say so."""

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from typer.core import TyperGroup
from typer.main import get_command
from typer.testing import CliRunner

from likeness.cli import commands
from likeness.cli.app import app
from likeness.errors import ConfigError, exit_on_error

ROOT = Path(__file__).parents[2]
HEAVY = ("torch", "hydra", "omegaconf", "mlflow", "dvc", "cv2", "numpy", "pydantic", "fsspec", "rich")
COMMAND = get_command(app)


def command_names(group: TyperGroup, *above: str) -> list[tuple[str, ...]]:
    names: list[tuple[str, ...]] = []
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            names += command_names(command, *above, name)
        else:
            names.append((*above, name))
    return names


NAMES = command_names(COMMAND)


def likeness(*arguments: str):
    return CliRunner().invoke(app, list(arguments), prog_name="likeness")


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Settings and consent, nothing made yet; the working directory."""
    for name in ("conf", "consent", "hydra_plugins"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copyfile(ROOT / "params.yaml", tmp_path / "params.yaml")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    return tmp_path


def program(folder: Path, *arguments: str, **settings) -> subprocess.Popen:
    env = {k: v for k, v in os.environ.items() if not k.startswith("DVC_")} | {"PYTHONPATH": str(ROOT)}
    return subprocess.Popen([sys.executable, *arguments], cwd=folder, env=env, **settings)


def test_every_command_is_there():
    assert {" ".join(name) for name in NAMES} == {
        "keys team", "keys dev-ca", "verify", "detect",
        "plan", "summary", "draw", "compare", "diff", "lineage", "spending", "publish", "inspect", "convert", "params",
        "comfy test", "comfy workflow", "versions accept", "versions list",
        "items list", "items verify", "items prune", "items share", "consent show", "consent bind", "consent artefacts",
        "consent keygen", "consent allow", "consent new", "consent sign", "consent revoke", "consent renew", "consent export",
        "consent purge", "persona new", "desk",
        "photos list", "photos refuse", "photos accept", "photos caption", "photos swap",
        "launch", "cloud status", "cloud logs", "cloud stop", "cloud cost", "cloud fetch",
    }  # fmt: skip


@pytest.mark.parametrize("name", NAMES, ids=" ".join)
def test_the_help_of_a_command_has_examples_that_parse(name):
    text = likeness(*name, "--help").stdout
    examples = [shlex.split(line) for line in text.splitlines() if line.startswith("    likeness ")]
    assert examples
    for _, *words in examples:
        assert words[: len(name)] == list(name)
        command = COMMAND
        for word in name:
            command = command.commands[word]
        command.make_context("likeness", words[len(name) :])


def test_help_loads_nothing_heavy():
    code = (
        "import sys; from likeness.cli.app import app; app(['--help'], standalone_mode=False); "
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    "arguments", [["nothing"], ["plan", "--jsn"], ["items", "prune"], ["convert", "one"]]
)
def test_a_wrong_call_ends_with_2(arguments):
    result = likeness(*arguments)
    assert result.exit_code == 2
    assert "Usage: likeness" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            "persona new mia --sources x --age thirty",
            "'--age': 'thirty' stands there; expected: a whole number",
        ),
        (
            "persona new mia --sources x --kind me",
            "'--kind': 'me' is not one of 'self', 'release', 'synthetic'",
        ),
        ("items prune --unused-days -1", "'--unused-days': '-1' stands there; expected: 0 or more"),
        ("params -S train.seed=5", "-S: settings are no options here. `likeness params train.seed=5`"),
        ("plan --train.seed=5", "--train.seed=5: settings are no options here."),
    ],
)
def test_a_value_that_does_not_fit_is_told_in_our_words(arguments, words):
    result = likeness(*arguments.split())
    assert result.exit_code == 2
    assert words in result.stderr


@pytest.mark.parametrize(
    ("arguments", "who"),
    [
        (["plan", "nobody"], "plan"),
        (["publish", "nobody"], "publish"),
        (["consent", "show", "nobody"], "consent"),
        (["consent", "artefacts", "nobody"], "consent"),
        (["convert", "nothing.safetensors", "out.safetensors"], "convert"),
        (["inspect", "nothing.safetensors"], "inspect"),
        (["params", "swap=nothing"], "params"),
        (["params", "train.nothing=1"], "params"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else value,
)
def test_what_cannot_be_done_is_told_in_one_form(repository, arguments, who):
    result = likeness(*arguments)
    assert result.exit_code == 1
    assert result.stderr.startswith(f"\n{who}: ")
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("name", ["plan", "summary", "spending", "items list"])
@pytest.mark.parametrize(
    ("text", "words"),
    [("a: [", "is not YAML"), ("<<<<<<< HEAD\na: 1\n", "conflict markers"), (None, "is missing")],
)
def test_broken_settings_are_told_with_the_remedy(repository, name, text, words):
    path = repository / "params.yaml"
    path.unlink() if text is None else path.write_text(text)
    result = likeness(*name.split())
    assert result.exit_code == 1
    assert words in result.stderr
    assert "make params" in result.stderr


@pytest.mark.parametrize("name", ["summary", "spending", "items list", "consent show jade"])
def test_json_is_json(repository, name):
    result = likeness(*name.split(), "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout) is not None


def test_of_a_revoked_consent_there_is_no_plan(repository):
    """It named the cost of a run that no stage would begin, and a budget to raise for it."""
    assert likeness("consent", "revoke", "jade", "--yes").exit_code == 0
    result = likeness("plan")
    assert result.exit_code == 1
    assert "was revoked" in result.stderr
    assert "likeness consent purge jade" in result.stderr
    assert not result.stdout


def test_a_revoked_consent_is_json_too(repository):
    record = repository / "consent" / "jade.yaml"
    record.write_text(record.read_text() + "\nrevoked: 2026-01-01\n")
    result = likeness("consent", "show", "jade", "--json")
    told = json.loads(result.stdout)
    assert (result.exit_code, told["in_force"]) == (1, False)
    assert "revoked" in told["problem"]


def test_a_system_that_is_not_posix_is_refused(repository, monkeypatch):
    class Windows:
        name = "nt"

    monkeypatch.setattr(commands, "os", Windows)
    result = likeness("summary")
    assert result.exit_code == 1
    assert "Linux and macOS" in result.stderr


def test_completion_names_the_personas(repository):
    env = {
        **os.environ,
        "_LIKENESS_COMPLETE": "complete_bash",
        "COMP_WORDS": "likeness plan ja",
        "COMP_CWORD": "2",
    }
    completed = subprocess.run(
        [sys.executable, "-m", "likeness"], cwd=repository, env=env | {"PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert completed.stdout.split() == ["jade"]


def test_a_reader_that_has_enough_ends_it_quietly(repository):
    reader, writer = os.pipe()
    os.close(reader)
    running = program(
        repository, "-m", "likeness", "summary", stdout=writer, stderr=subprocess.PIPE, text=True
    )
    os.close(writer)
    _, told = running.communicate(timeout=120)
    assert told == ""


WAITING = "import sys, time\nsys.stderr.write('ready\\n'); sys.stderr.flush()\ntime.sleep(600)\n"


def test_ctrl_c_ends_with_a_line_and_130(repository):
    code = (
        # Started in the background of a shell, a program ignores Ctrl-C: as at a terminal, this one does not.
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from likeness.cli import app\n"
        "@app.app.command()\n"
        "def wait() -> None:\n    " + WAITING.replace("\n", "\n    ").rstrip() + "\napp.app(['wait'])"
    )
    with program(repository, "-c", code, stderr=subprocess.PIPE, text=True) as running:
        try:
            assert running.stderr.readline() == "ready\n"
            running.send_signal(signal.SIGINT)
            _, told = running.communicate(timeout=120)
        finally:
            running.kill()
    assert (running.returncode, told) == (130, "\nwait: interrupted\n")


def test_a_stage_program_ends_alike(capsys):
    with pytest.raises(SystemExit) as ended, exit_on_error("swap"):
        raise ConfigError("it is wrong", remedy="put it right")
    assert ended.value.code == 1
    assert capsys.readouterr().err == "\nswap: it is wrong\n  remedy: put it right\n"
    with pytest.raises(SystemExit) as ended, exit_on_error("swap"):
        raise KeyboardInterrupt
    assert ended.value.code == 130
    with pytest.raises(ZeroDivisionError), exit_on_error("swap"):
        raise ZeroDivisionError


@pytest.mark.parametrize(
    "words",
    [("consent", "revoke", "jade", "--id", "jade-0"), ("consent", "purge", "jade"), ("consent", "sign", "jade", "--photographs")],
)  # fmt: skip
def test_a_question_that_nobody_can_answer_says_so_and_changes_nothing(
    repository, words, monkeypatch, tmp_path_factory
):
    monkeypatch.setenv("LIKENESS_HOME", str(tmp_path_factory.mktemp("home")))
    likeness("consent", "keygen", "--name", "J. Doe")
    for name in ("raw/sources", "captions_override"):
        (repository / "data" / "jade" / name).mkdir(parents=True)
    (repository / "data/jade/raw/sources/new.jpg").write_bytes(b"a photograph more")
    files = [path for path in repository.rglob("*") if path.is_file()]
    before = [path.read_bytes() for path in files]
    done = likeness(*words)
    assert done.exit_code == 1
    assert "so nothing was done" in done.output
    assert "remedy: run it on a terminal, or add --yes" in done.output
    assert [path.read_bytes() for path in files] == before
    if "--photographs" in words:
        assert "new: new.jpg\n" in done.output
        assert "no longer there: jade_01.jpg, " in done.output
