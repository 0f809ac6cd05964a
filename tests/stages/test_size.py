"""A stage reads as a table of contents: what is work is in likeness/."""

from pathlib import Path

import pytest

STAGES = Path(__file__).parents[2] / "stages"
MAX_LINES = 40


@pytest.mark.parametrize("path", sorted(STAGES.glob("[a-z]*.py")), ids=lambda path: path.stem)
def test_a_stage_is_short(path):
    lines = [line for line in path.read_text().splitlines() if line.strip()]
    assert len(lines) <= MAX_LINES
