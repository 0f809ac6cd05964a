"""A plan as JSON, and its rows."""

import json
from pathlib import Path

import pytest
from paid_pipeline import SOURCES, TARGETS, outfit

from likeness.cli.plan import plan_command
from likeness.config import Config

SWAPS = SOURCES * TARGETS


# 2,500 tokens in at $1.25 and 300 out at $2.50 a million.
CAPTION_USD = 0.003875


@pytest.fixture
def mission(in_tmp: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    """4 photographs and 8 targets, swapped and enhanced by MaxStudio and captioned by Grok."""
    return outfit(monkeypatch)


def planned(*arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[dict, int]:
    capsys.readouterr()
    code = plan_command(arguments, as_json=True)
    return json.loads(capsys.readouterr().out), code


def rows(plan: dict) -> dict[str, dict]:
    return {line["stage"]: line for line in plan["personas"]["jade"]["stages"]}


def columns(plan: dict, *fields: str) -> dict[str, tuple]:
    return {stage: tuple(row[field] for field in fields) for stage, row in rows(plan).items()}
