"""Git, by its command line."""

import re
import subprocess
from pathlib import Path

TIMEOUT_S = 60.0
# How git marks both sides of a conflict in a file; a hand that resolved it in part leaves one of them.
CONFLICT = re.compile(r"^(?:<{7} |\|{7} |={7}\r?$|>{7} )", re.MULTILINE)


def git(*arguments: str, root: Path | None = None) -> str | None:
    """What git prints in `root` (here by default); None where it refuses, is missing, or takes longer than TIMEOUT_S."""
    try:
        done = subprocess.run(
            ["git", *arguments],
            cwd=root,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
            timeout=TIMEOUT_S,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
