"""Finds the LoRA file that training starts from and sees what the file alone tells, before anything is loaded; no torch
here."""

from pathlib import Path

from likeness.config import Config
from likeness.errors import ConfigError, InputError
from likeness.paths import PersonaPaths, RepositoryPaths
from likeness.safety.consent import load_consent


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
        raise ConfigError(
            f"train.start_from {named}: nothing is there",
            reason="missing-file",
            remedy="give the path of a LoRA file, counted from the repository",
        )
    return path


def check_start(cfg: Config, repository: RepositoryPaths) -> None:
    """See, before anything is made or bought, that training can start from the file of `train.start_from`, as far as the file
    alone tells. Which layers it has, training compares with the base's.

    Raises:
        ConfigError: as `starting_file`; its rank is not train.lora's.
        InputError: it is no LoRA that is read here, or its numbers are none.
        ConsentError: it was trained under another person's consent, or under one that has ended.
    """
    if (path := starting_file(cfg, repository)) is None:
        return
    # Here: they load numpy, and most runs start from no file.
    from likeness.lora.door import refuse_others, refuse_revoked
    from likeness.lora.inspect import read_lora
    from likeness.lora.keys import split
    from likeness.lora.safetensors_io import find_weights, of_file, read_header
    from likeness.lora.signature import refuse_changed

    what, lora = f"train.start_from {cfg.train.start_from}", cfg.train.lora
    with of_file(what):
        header = read_header(find_weights(path)[0])
        for name in header.entries:
            split(name)
        found = read_lora(path)
        refuse_changed(find_weights(path)[0])
    refuse_revoked(header.metadata, repository.root, what=what)
    for persona in cfg.personas:
        refuse_others(header.metadata, (load_consent(repository.consent, persona).id,), what=what)
    if found.not_finite:
        raise InputError(
            f"{what}: {found.not_finite:,} of its numbers are infinite or not a number",
            reason="lora-tensors",
            remedy="take an earlier checkpoint",
        )
    if found.ranks and lora.kind != "lokr" and set(found.ranks) != {lora.rank}:
        raise ConfigError(
            f"{what}: its layers have the rank {', '.join(map(str, sorted(found.ranks)))}, and train.lora.rank is {lora.rank}",
            reason="start-from",
            remedy="set train.lora.rank as it was trained",
        )
