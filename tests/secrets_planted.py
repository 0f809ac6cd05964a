"""Secrets in the environment that no file may hold afterwards."""

import base64
from pathlib import Path

import pytest

VARIABLES = (
    "MAXSTUDIO_API_KEY", "XAI_API_KEY", "OPENAI_API_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN", "MLFLOW_TRACKING_PASSWORD", "RUNPOD_API_KEY", "HF_TOKEN",
)  # fmt: skip


def plant(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Set each of VARIABLES to a text of its own; gives the texts."""
    texts = [f"planted-{name.lower()}-7f3a" for name in VARIABLES]
    for name, text in zip(VARIABLES, texts, strict=True):
        monkeypatch.setenv(name, text)
    return [text.encode() for text in texts]


def holders(folder: Path, secrets: list[bytes]) -> list[str]:
    """The files below a folder in which one of the secrets stands, as it is, in base64 or in hex."""
    forms = [
        form for one in secrets for form in (one, base64.b64encode(one).rstrip(b"="), one.hex().encode())
    ]
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [
        str(path.relative_to(folder)) for path in files if any(form in path.read_bytes() for form in forms)
    ]
