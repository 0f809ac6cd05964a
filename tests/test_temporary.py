"""A test run leaves nothing in the folder for temporary files, whatever fails in it or is killed."""

import os
import subprocess
import sys

PROGRAM = """
import os, subprocess, sys, tempfile
from temporary import keep_together

keep_together()
tempfile.mkdtemp()
killed = "import os, tempfile; print(tempfile.mkdtemp(), flush=True); os.kill(os.getpid(), 9)"
print(subprocess.run([sys.executable, "-c", killed], stdout=subprocess.PIPE, text=True).stdout)
raise AssertionError("a test fails")
"""


def test_nothing_is_left_of_what_failed_or_was_killed(tmp_path):
    (tmp_path / f"lt-{2**22 + 1}-killed").mkdir()  # no process has such a number
    theirs = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    environment = {**theirs, "TMPDIR": str(tmp_path), "PYTHONPATH": os.path.dirname(__file__)}
    ended = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True)
    assert ended.returncode == 1
    assert ended.stdout.startswith(str(tmp_path))
    assert os.listdir(tmp_path) == []
