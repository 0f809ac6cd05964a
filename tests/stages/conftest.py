"""Stages' tests read folders of patterns that no stage made; what a gate sees in such pictures is tests/attacks/test_doors.py's."""

import pytest


@pytest.fixture(autouse=True)
def _pictures_of_the_stage_before_are_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("likeness.stage_input._judge", lambda run, picture, *, photographs: None)
