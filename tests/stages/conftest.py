"""Stages' tests read folders of patterns that no stage made; what a gate sees in such pictures is tests/attacks/test_doors.py's."""

import pytest


@pytest.fixture(autouse=True)
def _pictures_of_the_stage_before_are_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("likeness.stage_input", "likeness.report.collect"):
        monkeypatch.setattr(f"{module}.judge_picture", lambda run, picture: None)
