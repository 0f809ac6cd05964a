"""check: refuse to start on stale or wrong settings, or without consent.

reads   conf/, params.yaml, consent/
writes  data/checked.json (constant, so that a passing check re-runs nothing)
"""

import datetime
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from likeness.conf_digest import conf_digest
from likeness.config import Config, load_config
from likeness.errors import ConfigError, LikenessError, exit_on_error
from likeness.paths import RepositoryPaths
from likeness.pipeline.stage import ALL_USES, STAGES
from likeness.run import CONSENT, PARAMS, open_items
from likeness.safety.consent import load_consent
from likeness.store.items import write_atomic

CHECKED = Path("data/checked.json")


def main() -> None:
    cfg = load_config(PARAMS)
    check_fresh(cfg)
    problems = [*provider_problems(cfg), *consent_problems(cfg)]
    if problems:
        raise ConfigError(f"{len(problems)} problem(s); nothing was run:\n\n" + "\n".join(problems))
    open_items(cfg, RepositoryPaths.here())
    CHECKED.parent.mkdir(exist_ok=True)
    write_atomic(CHECKED, json.dumps({"checked": True}).encode())
    sys.stderr.write(f"check: settings and consent of {', '.join(cfg.personas)} are in order\n")


def check_fresh(cfg: Config) -> None:
    """`dvc repro` reads params.yaml and never composes, so an edit in conf/ alone would be silently ignored."""
    if cfg.conf_digest != conf_digest(Path("conf")):
        raise ConfigError(
            "conf/ was edited after params.yaml was composed from it",
            reason="stale-params",
            remedy="run `make params`, look at `git diff params.yaml`, then `dvc repro` again",
        )


def provider_problems(cfg: Config) -> Iterator[str]:
    """Every provider is built once: its settings, files and licences are checked where it declares them."""
    for section in (spec.name for spec in STAGES if spec.provider):
        try:
            getattr(cfg, section).built()
        except LikenessError as error:
            yield f"{section}: {error}"


def consent_problems(cfg: Config) -> Iterator[str]:
    """A record in force for each persona that covers what the whole graph does."""
    today = datetime.datetime.now(datetime.UTC).date()
    for name in cfg.personas:
        try:
            load_consent(CONSENT, name).require(ALL_USES, today=today)
        except LikenessError as error:
            yield str(error)


if __name__ == "__main__":
    with exit_on_error("check"):
        main()
