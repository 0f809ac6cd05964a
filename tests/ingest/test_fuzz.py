"""Whatever is in a file, decoding it ends in a picture or in a reason: soon, and in little memory."""

import json
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize("seconds", [1, pytest.param(60, marks=pytest.mark.slow)])
def test_broken_photographs_of_all_formats_are_told_soon_and_in_little_memory(seconds: int) -> None:
    program = Path(__file__).with_name("fuzz_photographs.py")
    # A crash of a decoder has another exit status, a hang runs into the time limit.
    run = subprocess.run(
        [sys.executable, str(program), str(seconds), "12"],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    told = json.loads(run.stdout)
    assert told["escapes"] == []
    assert told["files"] > 10 * seconds
    assert told["slowest_s"] < 10
    assert told["grown"] < 1 << 30
    assert {"read", "truncated"} <= told["reasons"].keys()
