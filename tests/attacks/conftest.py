"""What attacks on consent begin with."""

from pathlib import Path

import pytest
from consent_clone import clone_of_mia


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone with the record of mia, in force on DAY, which it is, and committed; the working directory."""
    return clone_of_mia(tmp_path, monkeypatch)
