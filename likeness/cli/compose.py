"""What conf/ composes to, by the function that `dvc exp run` composes with."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from dvc.utils.hydra import compose_and_dump  # pyright: ignore[reportMissingTypeStubs, reportUnknownVariableType]
from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from likeness.conf_digest import conf_digest
from likeness.errors import ConfigError
from likeness.strict_yaml import read_yaml
from likeness.train.config import refuse_earlier_names


def compose(repository: Path, target: Path, overrides: Sequence[str] = ()) -> None:
    """Write what the repository's conf/ composes to with Hydra's overrides.

    Raises:
        ConfigError: it does not compose.
    """
    refuse_earlier_names(overrides)
    conf = repository / "conf"
    conf_digest(conf)  # says what is wrong with a file in words of its own
    try:
        compose_and_dump(target, str(conf), None, "config", str(repository), list(overrides))
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError(
            f"conf/ does not compose: {error}", remedy="correct conf/ or the override"
        ) from error


def composed(repository: Path, *overrides: str) -> dict[str, Any]:
    """What the repository's conf/ composes to, as values."""
    with TemporaryDirectory() as folder:
        target = Path(folder) / "params.yaml"
        compose(repository, target, overrides)
        return read_yaml(target, remedy="")
