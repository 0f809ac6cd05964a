"""What conf/ composes to, by the function that `dvc exp run` composes with."""

import re
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

from dvc.utils.hydra import compose_and_dump  # pyright: ignore[reportMissingTypeStubs, reportUnknownVariableType]
from hydra.errors import HydraException, OverrideParseException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from likeness.cli.overrides import refuse_unknown_overrides
from likeness.conf_digest import conf_digest, values_digest
from likeness.errors import ConfigError
from likeness.strict_yaml import parse_yaml
from likeness.train.earlier_names import refuse_earlier_names

# What Hydra says of `KEY=1,2` where one value belongs.
SEVERAL = re.compile("Ambiguous value for argument '(.*)'")


def compose(repository: Path, target: Path, overrides: Sequence[str] = ()) -> None:
    """Write what the repository's conf/ composes to with Hydra's overrides.

    Raises:
        ConfigError: it does not compose.
    """
    refuse_earlier_names(overrides)
    refuse_unknown_overrides(overrides, repository)
    conf = repository / "conf"
    conf_digest(conf)  # says what is wrong with a file in words of its own
    refuse_odd_defaults(conf / "config.yaml")
    try:
        compose_and_dump(target, str(conf), None, "config", str(repository), list(overrides))
    except OverrideParseException as error:
        raise ConfigError(
            f"{error.override}: it cannot be read",
            remedy="write KEY=VALUE without spaces around =, a list as 'KEY=[a,b]' with both brackets, and a text with "
            """commas or a ~ as 'KEY="a, b"', quotes and all""",
        ) from error
    except (HydraException, OmegaConfBaseException) as error:
        if several := SEVERAL.match(str(error)):
            raise ConfigError(
                f"{several[1]}: params.yaml takes one value",
                remedy=f"try several in a sweep: dvc exp run --queue -S '{several[1]}', then dvc queue start",
            ) from error
        raise ConfigError(
            f"conf/ does not compose: {str(error).splitlines()[0]}", remedy="correct conf/ or the override"
        ) from error


def refuse_odd_defaults(config: Path) -> None:
    """Refuse a choice such as `no`, `007` or `null`, which YAML takes for a truth value, a number or nothing.

    Raises:
        ConfigError: names each.
    """
    # Read as Hydra reads it: `1e3` is a number to OmegaConf alone.
    defaults = cast("dict[str, Any]", OmegaConf.to_container(OmegaConf.load(config))).get("defaults", [])
    choices = [
        pair
        for entry in defaults
        if isinstance(entry, dict)
        for pair in cast("dict[Any, Any]", entry).items()
    ]
    odd = [f"{group}: {choice}" for group, choice in choices if not isinstance(choice, str)]
    if odd:
        raise ConfigError(
            f"{config}: YAML does not read these choices as words: {'; '.join(odd)}",
            remedy="choose another name (a persona is called by a word like jade)",
        )


def composed(repository: Path, *overrides: str) -> dict[str, Any]:
    """What the repository's conf/ composes to, as values."""
    return parse_yaml(composed_text(repository, *overrides))


def composed_text(repository: Path, *overrides: str) -> str:
    """The params.yaml that the repository's conf/ composes to."""
    with TemporaryDirectory() as folder:
        target = Path(folder) / "params.yaml"
        compose(repository, target, overrides)
        return target.read_text(encoding="utf-8")


def with_value(text: str, key: str, value: Any) -> str:
    """A params.yaml with another value of one setting, and the digest of its values as it then is."""
    cfg = OmegaConf.create(text)
    assert isinstance(cfg, DictConfig), "params.yaml is a mapping"
    OmegaConf.update(cfg, key, value)
    cfg.values_digest = values_digest(cast("dict[str, Any]", OmegaConf.to_container(cfg)))
    return OmegaConf.to_yaml(cfg)
