"""What every stage program shares: load the config, check the consent, run, report errors the same way.

Each stage is `python -m stages.NAME PERSONA` and reads as a table of contents; its work is in likeness/.
"""

import contextlib
import datetime
import json
import os
import sys
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

from hydra.errors import InstantiationException
from hydra.utils import instantiate

from likeness.config import Config, Persona, load_config
from likeness.errors import ConfigError, LikenessError
from likeness.paths import cache_root
from likeness.pipeline.supervise import supervise
from likeness.purchases.budget import Spending
from likeness.purchases.buy import STOP, Buyer
from likeness.purchases.history import is_awaited, purchases, spending_path, total_usd
from likeness.safety.consent import Consent, Use, load_consent
from likeness.store.items import ItemStore, write_atomic
from likeness.store.remote import SharedItems
from likeness.tracking import Tracker

PARAMS = Path("params.yaml")
CONSENT = Path("consent")

# What a stage does with the likeness; every stage needs a valid record, these need it to cover their use.
USES: dict[str, tuple[Use, ...]] = {
    "swap": ("swap",),
    "dataset": ("train",),
    "train": ("train",),
    "evaluate": ("generate",),
}

# The team's stores that this process opened: flushed when the stage ends, however it ends.
_SHARED: list[SharedItems] = []

Main = Callable[[Config, Persona], None]


def run(stage: str, main: Main) -> None:
    """Run a stage for the persona named on the command line; a LikenessError ends it with exit status 1."""
    started = time.monotonic()
    try:
        cfg = load_config(PARAMS)
        persona = _persona(cfg, sys.argv[1:], stage)
        require(persona, *USES.get(stage, ()))
        if is_remote(getattr(cfg, stage, None)):
            supervise(stage, persona.name)
        with spending_tracked(cfg, stage, persona):
            try:
                main(cfg, persona)
            except LikenessError:
                with contextlib.suppress(LikenessError):  # the first error is the one to tell
                    share()
                raise
            share()
    except (LikenessError, InstantiationException) as error:
        # Hydra wraps what a provider says of its own settings.
        told = error.__cause__ if isinstance(error, InstantiationException) and error.__cause__ else error
        sys.stderr.write(f"\n{stage}: {told}\n")
        raise SystemExit(1) from error
    seconds = {"stage": stage, "persona": persona.name, "seconds": round(time.monotonic() - started, 1)}
    path = cache_root() / "ledger" / f"{stage}@{persona.name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, json.dumps(seconds).encode())


@contextlib.contextmanager
def spending_tracked(cfg: Config, stage: str, persona: Persona) -> Generator[None, None, None]:
    """One MLflow run for what a stage buys, planned beside actual; none where nothing is bought, nor when the run
    was stopped: it has no time to lose, and the ledger has it all."""
    section: Any = getattr(cfg, stage, None)
    if not is_remote(section):
        yield
        return
    path = spending_path()
    before = {purchase.id: purchase.end for purchase in purchases(path)}
    try:
        yield
    finally:
        ours = [p for p in purchases(path) if (p.stage, p.persona) == (stage, persona.name) and p.usd_max]
        paid = [p for p in ours if p.end == "paid" and before.get(p.id) != "paid"]
        items = ItemStore(items_root(cfg))
        doubt = [p for p in ours if p.end == "open" and p.id not in before and not is_awaited(p, items)]
        if (paid or doubt) and not STOP.is_set():
            params = {stage: section.model_dump(mode="json")}
            figures = {
                "planned_usd": sum(p.usd_max for p in paid), "actual_usd": total_usd(paid),
                "purchases": len(paid), "in_doubt": len(doubt),
            }  # fmt: skip
            tracking = cfg.tracking.model_dump()
            with Tracker(**tracking, stage=stage, persona=persona.name, params=params) as tracker:
                tracker.log_metrics([(0, figures)])


def items_root(cfg: Config) -> Path:
    """Where this machine's item store lies."""
    return Path(os.path.abspath(cache_root().parent)) / cfg.items.root


def store(cfg: Config) -> ItemStore:
    """The item store of this repository, shared with DVC's temporary experiment folders, and with the team's.

    Raises:
        AuthError, ConfigError: items.remote can't be used; nothing has been spent.
    """
    root = items_root(cfg)
    if cfg.items.remote is None:
        return ItemStore(root)
    shared = SharedItems(cfg.items.remote, root, cfg.s3)
    shared.check()
    _SHARED.append(shared)
    return ItemStore(root, shared)


def share() -> None:
    """Wait until the team has what this stage made.

    Raises:
        ProviderError, ConfigError: it has not; the next run shares it.
    """
    for shared in _SHARED:
        shared.flush()


def provider(section: Any) -> Any:
    """The provider that a section of the config names, with plain lists and dicts for settings."""
    return instantiate(section.provider, _convert_="all")


def is_remote(section: Any) -> bool:
    """Whether a section's provider sends its work elsewhere."""
    return "base_url" in getattr(section, "provider", ())


def workers(cfg: Config, section: Any) -> int:
    """How many items are worked on at a time: enough to fill what a remote provider is allowed in flight."""
    return max(cfg.items.workers, section.provider.get("limits", {}).get("in_flight", 0))


def till(cfg: Config, items: ItemStore, stage: str, persona: Persona) -> Buyer:
    """Where a stage buys: the budget and the prices of conf/, the ledger of this repository."""
    spending = Spending(
        cache_root() / "ledger" / "spending.jsonl",
        prices=cfg.prices,
        budget=cfg.budget,
        stage=stage,
        persona=persona.name,
    )
    return Buyer(items, spending)


def consent_of(persona: Persona) -> Consent:
    """The persona's verified consent record."""
    return load_consent(CONSENT, persona.name)


def require(persona: Persona, *uses: Use) -> None:
    """ConsentError unless the persona's consent is in force and covers these uses."""
    consent_of(persona).require(uses, today=datetime.datetime.now(datetime.UTC).date())


def _persona(cfg: Config, arguments: list[str], stage: str) -> Persona:
    if len(arguments) != 1 or arguments[0] not in cfg.personas:
        known = ", ".join(cfg.personas)
        raise ConfigError(
            f"a stage takes one persona of params.yaml ({known}), not {' '.join(arguments) or 'nothing'}",
            remedy=f"python -m stages.{stage} {next(iter(cfg.personas))}, or `dvc repro`",
        )
    return cfg.personas[arguments[0]]
