"""Where finished items lie: this machine's store, the team's, S3."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from likeness.config import Config
    from likeness.paths import RepositoryPaths
    from likeness.store.items import Inspect, ItemStore
    from likeness.store.s3 import Remote


def open_items(
    config: "Config",
    repository: "RepositoryPaths",
    *,
    read_only: bool = False,
    persona: str | None = None,
    inspect: "Inspect | None" = None,
) -> "ItemStore":
    """The item store of a repository, shared with DVC's temporary experiment folders, and with the team's; what is made
    or used is noted as `persona`'s, and what the team has made passes `inspect` before it is kept.

    Raises:
        AuthError, ConfigError: items.remote can't be written to, and not `read_only`.
    """
    from likeness.store.items import ItemStore  # here: who only needs settings of the store opens none

    root = repository.root / config.items.root
    if config.items.remote is None:
        return ItemStore(root, persona=persona)
    from likeness.store.remote import SharedItems

    shared = SharedItems(config.items.remote, root, config.s3)
    if not read_only:
        shared.check()
    return ItemStore(root, shared, persona=persona, inspect=inspect or (lambda files: None))


def team_store(config: "Config") -> "Remote | None":
    """The team's store, where there is one: it knows of revocations, too."""
    if config.items.remote is None:
        return None
    from likeness.store.s3 import Remote

    return Remote(config.items.remote, config.s3)
