"""Finds the LoRA file that training starts from, before anything is loaded; no torch here."""

from pathlib import Path

from likeness.config import Config
from likeness.errors import ConfigError
from likeness.paths import PersonaPaths, RepositoryPaths


def starting_file(cfg: Config, repository: RepositoryPaths) -> Path | None:
    """Where `train.start_from` lies, counted from the repository; None without one.

    Raises:
        ConfigError: nothing is there, or the graph itself writes it: DVC removes a stage's outputs before the stage runs.
    """
    named = cfg.train.start_from
    if named is None:
        return None
    path = (repository.root / Path(named).expanduser()).resolve()
    for places in map(PersonaPaths, cfg.personas):
        written = [(repository.root / one).resolve() for one in (places.weights, places.training)]
        if any(one in (path, *path.parents) for one in written):
            raise ConfigError(
                f"train.start_from {named} is what the stage train writes, and DVC removes that before the stage runs",
                reason="start-from-output",
                remedy=f"copy it first, and name the copy: cp {named} {path.stem}-first.safetensors",
            )
    if not path.is_file() and not path.is_dir():
        raise ConfigError(f"train.start_from {named}: nothing is there", reason="missing-file",
                          remedy="give the path of a LoRA file, counted from the repository")  # fmt: skip
    return path
