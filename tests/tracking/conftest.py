"""The fixtures of tests/tracked_runs.py."""

from tracked_runs import database, impatient, ready

__all__ = ["database", "impatient", "ready"]
