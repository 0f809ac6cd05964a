"""Compose params.yaml from conf/, as `dvc exp run` does."""

import sys
from collections.abc import Sequence
from pathlib import Path

from likeness.cli.compose import compose
from likeness.config import load_config
from likeness.run import PARAMS


def params_command(overrides: Sequence[str]) -> None:
    """Write params.yaml and validate it."""
    compose(Path.cwd(), PARAMS, list(overrides))
    personas = load_config(PARAMS).personas
    sys.stderr.write(f"params: params.yaml composed from conf/ for {', '.join(personas)}\n")
