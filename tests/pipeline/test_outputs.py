"""Outputs are new files: what DVC has linked in their place is its cache, and never written through."""

import ast
import os
from pathlib import Path

import pytest

from likeness.dataset.archive import write_zip
from likeness.pipeline.outputs import materialize, write_text

ROOT = Path(__file__).parents[2]
# Who makes outputs.
ROOMS = ("ingest", "swap", "resize", "enhance", "caption", "dataset", "train", "evaluate", "report")
# A new file beside the old one, renamed at the end; and MLflow's silence.
WRITERS = {"likeness/dataset/archive.py", "likeness/train/native/distributed.py"}


def _text(path: Path) -> None:
    write_text(path, "new")


def _copy(path: Path) -> None:
    stored = path.with_name("stored")
    stored.write_text("new")
    materialize(stored, path)


def _zip(path: Path) -> None:
    path.with_name("one.txt").write_text("new")
    write_zip(path, path.parent, ["one.txt"])


@pytest.mark.parametrize("write", [_text, _copy, _zip])
@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_a_link_into_a_cache_is_replaced_and_not_written_through(tmp_path, write, link):
    cached, output = tmp_path / "cache" / "ab12", tmp_path / "models" / "README.md"
    for path in (cached, output):
        path.parent.mkdir()
    cached.write_text("old")
    cached.chmod(0o444)
    link(cached, output)
    for _ in range(2):
        write(output)
    assert cached.read_text() == "old"
    assert not output.is_symlink()
    assert b"new" in output.read_bytes()


def test_a_zip_that_is_not_whole_leaves_nothing(tmp_path):
    with pytest.raises(FileNotFoundError):
        write_zip(tmp_path / "a.zip", tmp_path, ["lost.txt"])
    assert list(tmp_path.iterdir()) == []


def test_nobody_who_makes_outputs_opens_a_file_to_write():
    found: set[str] = set()
    for path in [
        one
        for room in (*(f"likeness/{name}" for name in ROOMS), "stages")
        for one in (ROOT / room).rglob("*.py")
    ]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and _writes(node):
                found.add(path.relative_to(ROOT).as_posix())
    assert found == WRITERS


def _writes(call: ast.Call) -> bool:
    name = getattr(call.func, "attr", getattr(call.func, "id", ""))
    if name in ("open", "ZipFile"):
        mode = [*call.args, *(keyword.value for keyword in call.keywords if keyword.arg == "mode")]
        return any(
            isinstance(one, ast.Constant) and set(str(one.value)) & set("wax") and len(str(one.value)) < 4
            for one in mode
        )
    return name in (
        "write_text",
        "write_bytes",
        "copyfile",
        "copy2",
        "copytree",
        "savez",
        "save_file",
    ) and not (name == "write_text" and isinstance(call.func, ast.Name))
