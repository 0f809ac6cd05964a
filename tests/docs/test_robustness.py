"""docs/robustness.md: its reasons are those that tests expect, and the tests it names are there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/robustness.md").read_text(encoding="utf-8")
ROWS = [line for line in PAGE.splitlines() if line.startswith("| ") and "---" not in line]
# A reason stands in backticks: words joined by hyphens, or one of the words that ingest uses alone.
REASON = re.compile(r"`((?:[a-z]+(?:-[a-z]+)+)|truncated|negative|skipped|misplaced)`")
NO_REASONS = {"stable-diffusion-xl-v1-base"}


def reasons() -> set[str]:
    return {reason for row in ROWS for reason in REASON.findall(row)} - NO_REASONS


def test_each_reason_in_the_tables_is_one_that_a_test_expects():
    tests = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("*.py"))
    assert len(reasons()) > 40
    assert [
        reason for reason in sorted(reasons()) if f'"{reason}"' not in tests and f"'{reason}'" not in tests
    ] == []


def test_the_tests_that_the_page_names_are_there():
    named = set(re.findall(r"tests/[\w/]+(?:\.py)?", PAGE))
    assert len(named) > 20
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []
