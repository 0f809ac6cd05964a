"""The notebook of docs/ runs from top to bottom as it stands, with the tests' tiny base, and holds no output."""

import ast
import json
from pathlib import Path

import pytest
from evaluation_runs import PERSONA, config, ready_folders
from PIL import Image

from likeness.images import load_rgb
from likeness.marks.xmp import SourceType, find_code

NOTEBOOK = Path(__file__).parents[2] / "docs" / "draw.ipynb"
CELLS = json.loads(NOTEBOOK.read_text())["cells"]
CODE = ["".join(cell["source"]) for cell in CELLS if cell["cell_type"] == "code"]


def run_cell(source: str, names: dict[str, object]) -> object:
    """What a notebook shows below a cell: the value of its last line, if that is an expression."""
    *body, last = ast.parse(source).body
    shown = isinstance(last, ast.Expr)
    exec(compile(ast.Module(body if shown else [*body, last], []), NOTEBOOK.name, "exec"), names)
    return eval(compile(ast.Expression(last.value), NOTEBOOK.name, "eval"), names) if shown else None


@pytest.mark.slow
def test_its_cells_draw(in_tmp, monkeypatch):
    folders = ready_folders(in_tmp, monkeypatch)
    (in_tmp / "params.yaml").touch()
    (in_tmp / "docs").mkdir(exist_ok=True)
    monkeypatch.chdir(in_tmp / "docs")
    settings = config().model_copy(update={"personas": {PERSONA.name: PERSONA}})
    monkeypatch.setattr("likeness.cli.draw.load_config", lambda path: settings)
    names: dict[str, object] = {}
    shown = [run_cell(source, names) for source in CODE]
    assert Path.cwd() == in_tmp
    sheet, row = (one for one in shown if isinstance(one, Image.Image))
    assert sheet.width > 4 * 64
    assert row.size == (3 * 64, 64)
    (last,) = folders.places.drawn.glob("*.jpg")
    assert find_code(last.read_bytes()) == SourceType.TRAINED
    assert load_rgb(last).shape == (64, 64, 3)
    weakest, strongest = row.crop((0, 0, 64, 64)), row.crop((128, 0, 192, 64))
    assert weakest.tobytes() != strongest.tobytes()


def test_it_is_committed_without_what_it_drew():
    assert [cell for cell in CELLS if cell.get("outputs") or cell.get("execution_count")] == []
