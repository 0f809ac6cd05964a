"""Where finished items lie: this machine's store, the team's, S3."""

from typing import TYPE_CHECKING

from likeness.disk import try_place
from likeness.errors import ConfigError

if TYPE_CHECKING:
    from likeness.config import Config
    from likeness.paths import RepositoryPaths
    from likeness.store.items import Inspect, ItemStore
    from likeness.store.s3 import Remote

# Folders of a repository that are DVC's and git's.
TAKEN = ("data", "models", "conf", "consent", ".dvc", ".git")


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


def check_place(config: "Config", repository: "RepositoryPaths") -> None:
    """See that items.root is a folder of the store's own, and can be written to.

    Raises:
        ConfigError: it holds the repository, or lies where DVC and git put and delete files.
        DiskError: see `try_place`.
    """
    home, root = repository.root.resolve(), (repository.root / config.items.root).resolve()
    taken = next((name for name in TAKEN if root.is_relative_to(home / name)), None)
    if taken or home.is_relative_to(root):
        where = (
            f"lies in {taken}/, where DVC or git deletes files"
            if taken
            else "is a folder around all of likeness"
        )
        raise ConfigError(
            f"items.root {config.items.root!r} {where}: what is finished or paid needs a folder of its own",
            remedy="set items.root: .cache/items in conf/items/, or a folder that holds nothing else",
        )
    try_place(root)


def team_store(config: "Config") -> "Remote | None":
    """The team's store, where there is one: it knows of revocations, too."""
    if config.items.remote is None:
        return None
    from likeness.store.s3 import Remote

    return Remote(config.items.remote, config.s3)
