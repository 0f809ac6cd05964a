"""Registers the resolvers of both digests and of `train.drawing` wherever Hydra composes: in `dvc exp run` and in `make params`;
there no value comes from the environment, since it would be written into params.yaml.

Hydra finds this module because .dvc/config names the repository as hydra.plugins_path; a SearchPathPlugin is the
one kind of plugin that Hydra creates before it composes.
"""

import itertools
import re
import sys
from pathlib import Path
from typing import Any, NoReturn

from hydra.core.config_search_path import ConfigSearchPath
from hydra.plugins.search_path_plugin import SearchPathPlugin
from omegaconf import DictConfig, OmegaConf

from likeness.cli.compose import refuse_unknown_overrides
from likeness.conf_digest import conf_digest, values_digest
from likeness.config import validated
from likeness.errors import ConfigError
from likeness.paths import PARAMS
from likeness.train.drawing import drawing
from likeness.train.earlier_names import refuse_earlier_names


class ConfDigestPlugin(SearchPathPlugin):
    """Adds no search path; its creation registers the resolver."""

    def __init__(self) -> None:
        # `dvc exp run -S train.lr=3e-4`: Hydra would only say that there is no such key.
        refuse_earlier_names(sys.argv[1:])
        repository = _repository()
        refuse_unknown_overrides(set_params(sys.argv[1:]), repository)
        # Before OmegaConf reads conf/: it follows aliases and computes values.
        digest = conf_digest(repository / "conf")
        OmegaConf.register_new_resolver("conf_digest", lambda folder: digest, replace=True)
        # OmegaConf.resolve takes a section from a resolver as its own kind of dict alone.
        OmegaConf.register_new_resolver("drawing", _drawing, replace=True)
        OmegaConf.register_new_resolver("values_digest", _values_digest, replace=True)
        OmegaConf.register_new_resolver("oc.env", _refuse, replace=True)

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Nothing to add."""


def _repository() -> Path:
    """The repository that DVC or `likeness` works in. This file may be another's: of the clone that the environment was made
    for, whose conf/ says other things."""
    here = Path.cwd()
    folders = (folder for folder in (here, *here.parents) if (folder / "conf" / "config.yaml").is_file())
    return next(folders, Path(__file__).resolve().parent.parent)


def set_params(words: list[str]) -> list[str]:
    """The overrides of a `dvc` command line: what follows -S or --set-param, or is written to it; argparse takes beginnings of
    long flags, and short ones together."""
    found: list[str] = []
    for flag, after in itertools.zip_longest(words, words[1:], fillvalue=""):
        long, given, value = flag.partition("=")
        if long.startswith("--se") and "--set-param".startswith(long):
            found.append(value if given else after)
        elif short := re.match(r"-[qvfismdpPRk]*S=?(.*)", flag, re.DOTALL):
            found.append(short[1] or after)
    return found


def _drawing(*, _root_: DictConfig) -> DictConfig:
    train = _root_.train
    drawn = drawing(
        train.selection.sample_every_steps, train.data.prior_images, _root_.evaluate, _root_.ingest
    )
    return OmegaConf.create(drawn)


def _values_digest(*, _root_: DictConfig) -> str:
    others = [str(key) for key in _root_ if key != "values_digest"]
    values: Any = OmegaConf.to_container(OmegaConf.masked_copy(_root_, others), resolve=True)
    digest = values_digest(values)
    # DVC writes what it composes as it is; `likeness params` looks at it before.
    if {"exp", "experiments"} & set(sys.argv[1:]):
        validated(values | {"values_digest": digest}, _repository() / PARAMS)
    return digest


def _refuse(name: str, *_: str) -> NoReturn:
    raise ConfigError(
        f"${{oc.env:{name}}}: a value of the environment does not belong into params.yaml",
        remedy="name the variable, as `api_key_env` does",
    )
