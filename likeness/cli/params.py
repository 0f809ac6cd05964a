"""params: compose params.yaml from conf/, as `dvc exp run` does (`make params`).

`python -m likeness.cli.params [override ...]` takes Hydra overrides, e.g. `enhance=superres train.lr=3e-4`; a permanent
choice belongs into conf/config.yaml instead.
"""

import sys
from pathlib import Path

from likeness.cli.compose import compose
from likeness.config import load_config
from likeness.errors import LikenessError


def main(overrides: list[str]) -> None:
    repository = Path.cwd()
    compose(repository, repository / "params.yaml", overrides)
    config = load_config(repository / "params.yaml")
    sys.stderr.write(f"params: params.yaml composed from conf/ for {', '.join(config.personas)}\n")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except LikenessError as error:
        sys.stderr.write(f"\nparams: {error}\n")
        raise SystemExit(1) from error
