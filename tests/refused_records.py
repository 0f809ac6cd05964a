"""Why a consent record is refused."""

from pathlib import Path

import pytest

from likeness.errors import ConsentError
from likeness.safety.consent import load_consent


def reason(folder: Path) -> str:
    """Why the record is refused."""
    with pytest.raises(ConsentError) as caught:
        load_consent(folder, "mia")
    said = str(caught.value).lower()
    assert "remedy:" in said
    assert "pydantic" not in said
    assert "input should be" not in said
    return caught.value.reason
