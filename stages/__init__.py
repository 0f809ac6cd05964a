"""What every stage program shares: load the config, check the consent, run, report errors the same way.

Each stage is `python -m stages.NAME PERSONA` and reads as a table of contents; its work is in likeness/.
"""

import datetime
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from hydra.errors import InstantiationException

from likeness.config import Config, Persona, load_config
from likeness.errors import ConfigError, LikenessError
from likeness.items import ItemStore, write_atomic
from likeness.naming import cache_root
from likeness.safety.consent import Consent, Use, load_consent

PARAMS = Path("params.yaml")
CONSENT = Path("consent")

# What a stage does with the likeness; every stage needs a valid record, these need it to cover their use.
USES: dict[str, tuple[Use, ...]] = {
    "swap": ("swap",),
    "dataset": ("train",),
    "train": ("train",),
    "evaluate": ("generate",),
}

Main = Callable[[Config, Persona], None]


def run(stage: str, main: Main) -> None:
    """Run a stage for the persona named on the command line; a LikenessError ends it with exit status 1."""
    started = time.monotonic()
    try:
        cfg = load_config(PARAMS)
        persona = _persona(cfg, sys.argv[1:], stage)
        consent_of(persona).require(USES.get(stage, ()), today=datetime.datetime.now(datetime.UTC).date())
        main(cfg, persona)
    except (LikenessError, InstantiationException) as error:
        # Hydra wraps what a provider says of its own settings.
        told = error.__cause__ if isinstance(error, InstantiationException) and error.__cause__ else error
        sys.stderr.write(f"\n{stage}: {told}\n")
        raise SystemExit(1) from error
    seconds = {"stage": stage, "persona": persona.name, "seconds": round(time.monotonic() - started, 1)}
    path = cache_root() / "ledger" / f"{stage}@{persona.name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, json.dumps(seconds).encode())


def store(cfg: Config) -> ItemStore:
    """The item store of this repository, shared with DVC's temporary experiment folders."""
    return ItemStore(Path(os.path.abspath(cache_root().parent)) / cfg.items.root, cfg.items.remote)


def consent_of(persona: Persona) -> Consent:
    """The persona's verified consent record."""
    return load_consent(CONSENT, persona.name)


def _persona(cfg: Config, arguments: list[str], stage: str) -> Persona:
    if len(arguments) != 1 or arguments[0] not in cfg.personas:
        known = ", ".join(cfg.personas)
        raise ConfigError(
            f"a stage takes one persona of params.yaml ({known}), not {' '.join(arguments) or 'nothing'}",
            remedy=f"python -m stages.{stage} {next(iter(cfg.personas))}, or `dvc repro`",
        )
    return cfg.personas[arguments[0]]
