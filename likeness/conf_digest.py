"""Digests that params.yaml carries: of what conf/ says, so that it can tell whether it is still what conf/ composes to, and
of its own values, so that it can tell whether a hand has changed one since.

Of conf/, values count, and the `# @package` line that Hydra reads; comments, blank lines and the order of keys do not.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from likeness.errors import ConfigError
from likeness.paths import PRICES
from likeness.secret_values import refuse_secrets
from likeness.settings import flatten, texts
from likeness.strict_yaml import parse_yaml, read_yaml

DIGESTS = ("conf_digest", "values_digest")
# Of the repository's own values alone (hydra_plugins/).
OWN_RESOLVERS = re.compile(r"\$\{(conf_digest:conf|values_digest:|drawing:)\}")
INTERPOLATION = re.compile(r"\$\{[\w.\[\]]+\}")
PACKAGE = re.compile(r"^#\s*@package\s+(\S+)", re.MULTILINE)


def conf_digest(folder: Path) -> str:
    """Hex sha256 over the names and values of every .yaml file under `folder` that composes.

    Raises:
        ConfigError: one of them is not YAML, has a key twice, conflict markers, a secret, or a value that is computed.
    """
    said: dict[str, list[Any]] = {}
    for path in sorted(folder.rglob("*.yaml")):
        if path == folder / PRICES.name:  # it is read as it is
            continue
        packages, values = read_yaml(path, remedy="correct it and run `make params`", parse=_parsed)
        refuse_secrets(values, where=str(path))
        refuse_resolvers(values, where=str(path))
        said[path.relative_to(folder).as_posix()] = [packages, values]
    return hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()


@lru_cache(maxsize=512)
def _parsed(text: str) -> tuple[list[str], Any]:
    """The packages that a file of conf/ names, and what it says, which is not to be changed. A composition takes the digest twice,
    and files seldom change."""
    return PACKAGE.findall(text), parse_yaml(text)


def refuse_resolvers(values: Any, *, where: str) -> None:
    """Refuse a value that OmegaConf would compute (`${oc.env:HOME}`); `${other.setting}` only repeats one.

    Raises:
        ConfigError: `resolver`.
    """
    for text in texts(values):
        plain, before = OWN_RESOLVERS.sub("", text), ""
        while plain != before:  # the innermost first: ${oc.${x}:HOME} computes, too
            plain, before = INTERPOLATION.sub("x", plain), plain
        if "${" in plain:
            raise ConfigError(
                f"{where}: {text[:80]!r} is computed while conf/ composes; params.yaml would hold what it finds on this machine",
                reason="resolver",
                remedy="write the value, or name the variable that holds it, as `api_key_env` does",
            )


def values_digest(values: Mapping[str, Any]) -> str:
    """Hex sha256 over all settings but itself, as text: 1e-05 is a number to one reader of YAML and a word to another."""
    said = {key: str(value) for key, value in flatten(values).items() if key != "values_digest"}
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
