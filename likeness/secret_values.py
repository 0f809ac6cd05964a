"""What looks like a secret: it does not belong into conf/, an override or params.yaml, which are committed and shared."""

import os
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, cast

from likeness.errors import ConfigError
from likeness.settings import flatten, texts

# Forms that vendors publish, so that leaked keys are found; then a private key, and a password in a URL.
SHAPES = re.compile(
    r"\b(?:sk|rk|pk|xai|gsk|r8|nvapi|glpat|key)-[A-Za-z0-9_-]{16,}|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\bAIza[A-Za-z0-9_-]{30,}"
    r"|\b(?:ghp|gho|ghs|github_pat|hf|npm|xox[abp])[_-][A-Za-z0-9_-]{16,}|\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY|://[^/\s:@]*:[^/\s@]+@"
)
SECRET_NAME = re.compile(r"(?:key|token|secret|password|passwd|credential)s?$", re.IGNORECASE)
# Names that end so and hold no secret: a variable's name, tokens of a prompt.
NO_SECRET_NAME = re.compile(r"(?:_env|keep_tokens|max_\w+_tokens|parent_key)$")
MIN_LETTERS = 8
REMEDY = "name the variable that holds it, as `api_key_env` does, and put the value into the environment; change a key that was shared"


def refuse_secrets(values: Any, *, where: str) -> None:
    """Refuse values with the form of a secret, the value of a secret variable of the environment, or a secret's name.

    Raises:
        ConfigError: `secret`; names the settings, and no value.
    """
    if found := list(_secrets(values)):
        raise ConfigError(f"{where}: {', '.join(found)} looks like a secret", reason="secret", remedy=REMEDY)


def _secrets(values: Any) -> Iterator[str]:
    known = {
        value
        for name, value in os.environ.items()
        if _is_secret(name) and len(value) >= MIN_LETTERS and not value.isdecimal()
    }
    settings = cast("dict[str, Any]", values) if isinstance(values, dict) else {"value": values}
    for place, value in flatten(settings).items():
        named = _is_secret(name := place.rpartition(".")[2]) and not NO_SECRET_NAME.search(name)
        for text in texts(value):
            if (
                (named and len(text) >= MIN_LETTERS)
                or SHAPES.search(text)
                or any(secret in text for secret in known)
            ):
                yield place
                break


@lru_cache(maxsize=4096)
def _is_secret(name: str) -> bool:
    return SECRET_NAME.search(name) is not None
