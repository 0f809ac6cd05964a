"""What README and docs/consent.md say of every stage and program, held for each of them."""

import base64
import datetime
import shutil
import sys
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

import likeness.safety.consent.generator_key as generator_key
from likeness.cli.app import app
from likeness.digests import sha256_bytes
from likeness.errors import exit_on_error
from likeness.pipeline.stage import BY_NAME
from likeness.stage_program import run
from stages import check
from tools import sign_demo

ROOT = Path(__file__).parents[2]
RECORD = Path("consent/jade.yaml")


@pytest.fixture
def jade(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Settings, and the record of jade with her photographs; the working directory."""
    for name in ("conf", "consent", "data/jade/raw"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    monkeypatch.setattr(sys, "argv", ["stage", "jade"])
    return tmp_path


def edited(**changes: object) -> None:
    RECORD.write_text(yaml.safe_dump(yaml.safe_load(RECORD.read_text()) | changes))


def unsigned() -> None:
    said = yaml.safe_load(RECORD.read_text())
    del said["signature"]
    RECORD.write_text(yaml.safe_dump(said))


NO_RECORD = {
    "was revoked": lambda: edited(revoked=datetime.date(2026, 1, 1)),
    "is not signed": unsigned,
    "changed after": lambda: edited(subject="another woman"),
    "consent/jade.yaml": RECORD.unlink,
}


def start(stage: str) -> None:
    """As its program does, with work that must not be reached."""
    if stage == "check":
        with exit_on_error("check"):
            check.main()
    else:
        run(stage, lambda current: pytest.fail(f"{stage} went to work"))


@pytest.mark.parametrize("stage", BY_NAME)
@pytest.mark.parametrize("words", NO_RECORD)
def test_no_stage_begins_without_a_record_in_force(jade, capsys, stage, words):
    NO_RECORD[words]()
    with pytest.raises(SystemExit) as ended:
        start(stage)
    assert ended.value.code == 1
    assert words in capsys.readouterr().err
    assert not [path for path in (jade / "data/jade").iterdir() if path.name != "raw"]


COMMANDS = [
    "plan",
    "draw jade outdoors",
    "publish jade",
    "comfy workflow jade",
    "comfy test jade",
    "compare jade",
]


@pytest.mark.parametrize("words", COMMANDS)
def test_no_command_that_makes_something_of_her_begins_after_a_revocation(jade, words):
    edited(revoked=datetime.date(2026, 1, 1))
    done = CliRunner().invoke(app, words.split())
    assert done.exit_code == 1
    assert "was revoked" in done.output


def test_the_key_that_signed_the_demo_is_kept_nowhere(jade, monkeypatch):
    made = []
    real = sign_demo.Ed25519PrivateKey.generate
    monkeypatch.setattr(
        sign_demo,
        "Ed25519PrivateKey",
        type("Keys", (), {"generate": lambda: made.append(real()) or made[-1]}),
    )
    code = Path(shutil.copy(generator_key.__file__, jade))
    monkeypatch.setattr(generator_key, "__file__", str(code))
    before = sha256_bytes(Path("consent/jade.yaml").read_bytes())
    sign_demo.main()
    assert sha256_bytes(Path("consent/jade.yaml").read_bytes()) != before
    private = made[0].private_bytes_raw()
    forms = (private, private.hex().encode(), base64.b64encode(private))
    assert [
        path
        for path in jade.rglob("*")
        if path.is_file() and any(form in path.read_bytes() for form in forms)
    ] == []
