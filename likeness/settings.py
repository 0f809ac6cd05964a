"""The common base of all models of settings."""

import os
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Self, cast, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from likeness.errors import ConfigError
from likeness.paths import RepositoryPaths

# pydantic would read the entry points of every installed distribution, a tenth of a short stage's start, and let any
# of them look at settings. Told before the first model is made.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")


# What pins a repository of the model hub.
HUB_COMMIT = re.compile(r"[0-9a-f]{40}")


def _licence(said: str) -> str:
    if len(said.strip()) < 3 or said.strip().lower() in ("none", "unknown", "todo", "???"):
        raise ValueError("say which licence allows the use of this network")
    return said


NetworkLicence = Annotated[str, AfterValidator(_licence)]
"""What allows the use of a network of the user's."""


def among(words: Callable[[], Collection[str]]) -> AfterValidator:
    """One of these words, which are looked up when a setting is read."""

    def known(word: str) -> str:
        if word not in words():
            raise ValueError(f"{word} is none of {', '.join(sorted(words()))}")
        return word

    return AfterValidator(known)


class Record(BaseModel):
    """What likeness itself writes, read again: frozen, no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class _Truth:
    """true or false where a number belongs: pydantic takes it for none, and says so in that setting's place."""

    def __init__(self, value: bool) -> None:
        self._text = str(value).lower()

    def __repr__(self) -> str:
        return self._text


class Section(BaseModel):
    """A section of params.yaml: frozen, no unknown keys; defaults are in conf/ only."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _no_truth_for_a_number(cls, values: Any) -> Any:
        # pydantic takes true for 1, so that `evaluate.steps: true` would draw with one step.
        if not isinstance(values, dict):
            return values
        given = cast("dict[str, Any]", values)
        wrong = [key for key, value in given.items() if isinstance(value, bool) and cls._is_number(key)]
        return {**given, **{key: _Truth(given[key]) for key in wrong}} if wrong else given

    @classmethod
    def _is_number(cls, key: str) -> bool:
        """Whether a setting takes numbers, and neither true nor false."""
        kind = cls.model_fields[key].annotation if key in cls.model_fields else None
        kinds = {kind, *get_args(kind)}
        return bool not in kinds and bool(kinds & {int, float})

    def _unless(self, wrong: Mapping[str, bool]) -> Self:
        """The section; ValueError with all of these words that hold of it."""
        if said := [words for words, holds in wrong.items() if holds]:
            raise ValueError("; ".join(said))
        return self


Seed = Annotated[int, Field(ge=0, lt=2**63)]
"""What a generator of random numbers takes; a larger number would be refused when the first picture is drawn."""


def own_path(named: str | Path) -> Path:
    """Where a file or folder lies that the settings name: a path counts from the repository, in the copies that DVC runs
    experiments in, too, which lack what git does not keep; `~` is the user's home."""
    return RepositoryPaths.here().root / Path(named).expanduser()


def is_path(named: str, repository: Path) -> bool:
    """Whether a setting that may name a model of the hub names a path: it begins with `.`, `/` or `~`, ends in .safetensors, or is
    or lies below what the repository has."""
    below = repository / Path(named).parts[0]
    return named[0] in "./~" or named.endswith(".safetensors") or below.exists()


def refuse_missing_path(
    setting: str, named: str, repository: Path, *, reason: str, what: str = "folder"
) -> None:
    """Refuse a path where there is nothing, of a setting that may name a model of the hub; what names no path passes.

    Raises:
        ConfigError: with `reason`.
    """
    if is_path(named, repository):
        raise ConfigError(
            f"{setting} {named!r}: there is no {what} {repository / Path(named).expanduser()}",
            reason=reason,
            remedy="correct the path (it counts from the repository), or give a hub id (OWNER/NAME)",
        )


def dotted(values: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """(dotted key, value) of every value and of every mapping below `values`, in their order."""
    if isinstance(values, Mapping):
        for name, inner in cast("Mapping[Any, Any]", values).items():
            key = f"{place}.{name}" if place else str(name)
            yield key, inner
            yield from dotted(inner, key)


def flatten(values: Mapping[str, Any]) -> dict[str, Any]:
    """Nested settings as dotted names; an empty mapping has none."""
    return {key: value for key, value in dotted(values) if not isinstance(value, Mapping)}


def texts(values: Any) -> Iterator[str]:
    """Every string below `values`, keys included."""
    if isinstance(values, str):
        yield values
    elif isinstance(values, Mapping):
        for key, inner in cast("Mapping[Any, Any]", values).items():
            yield from texts(key)
            yield from texts(inner)
    elif isinstance(values, list | tuple):
        for inner in cast("Sequence[Any]", values):
            yield from texts(inner)
