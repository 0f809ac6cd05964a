"""What must be right before anything runs: fresh settings, providers that can be built, consent for every persona."""

import datetime
from collections.abc import Iterator
from pathlib import Path

from likeness.conf_digest import conf_digest
from likeness.config import Config
from likeness.errors import ConfigError, LikenessError
from likeness.pipeline.stage import ALL_USES, STAGES
from likeness.run import CONSENT
from likeness.safety.consent import load_consent


def check_fresh(cfg: Config, conf: Path = Path("conf")) -> None:
    """`dvc repro` reads params.yaml and never composes, so an edit in conf/ alone would be silently ignored.

    Raises:
        ConfigError: `stale-params`.
    """
    if cfg.conf_digest != conf_digest(conf):
        raise ConfigError(
            "conf/ was edited after params.yaml was composed from it",
            reason="stale-params",
            remedy="run `make params`, look at `git diff params.yaml`, then `dvc repro` again",
        )


def check_parts(cfg: Config) -> None:
    """See that every provider can be built and that every persona's consent covers the graph.

    Raises:
        ConfigError: lists all that is wrong.
    """
    if problems := [*_provider_problems(cfg), *_consent_problems(cfg)]:
        raise ConfigError(f"{len(problems)} problem(s); nothing was run:\n\n" + "\n".join(problems))


def _provider_problems(cfg: Config) -> Iterator[str]:
    """Every provider is built once: its settings, files and licences are checked where it declares them."""
    for section in (spec.name for spec in STAGES if spec.provider):
        try:
            getattr(cfg, section).built()
        except LikenessError as error:
            yield f"{section}: {error}"


def _consent_problems(cfg: Config) -> Iterator[str]:
    """A record in force for each persona that covers what the whole graph does."""
    today = datetime.datetime.now(datetime.UTC).date()
    for name in cfg.personas:
        try:
            load_consent(CONSENT, name).require(ALL_USES, today=today)
        except LikenessError as error:
            yield str(error)
