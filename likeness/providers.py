"""The registry: builds every provider; the Protocols say all that a stage may call on one.

`_target_` in conf/{swap,enhance,caption}/ names a registered class and nothing else. Registered are:
- likeness' own: each class of likeness/swap/*.py whose name ends in Swapper, and so on (TASKS);
- those of installed packages: entry points of the group `likeness.providers`, named `swap.WORD`, `enhance.WORD` or
  `caption.WORD`. What is not registered is refused before anything is imported.
docs/adding-a-provider.md is the way to write one. `train.optimizer` names a torch optimizer by the same rule: one of
OPTIMIZER_PACKAGES, or an entry point `optimizer.WORD`.
"""

import dataclasses
import importlib
import os
import re
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, Self, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError
from typing_extensions import get_protocol_members

from likeness.digests import Json
from likeness.errors import ConfigError, LikenessError
from likeness.purchases.prices import Prices, Quote
from likeness.setting_problems import as_yaml, setting_problems, unknown_setting
from likeness.settings import Section

if TYPE_CHECKING:  # settings are read where nothing is bought
    from likeness.purchases.buy import Buyer

Task = Literal["swap", "enhance", "caption"]
# What the class names of a task's providers end in.
TASKS: dict[str, str] = {"swap": "Swapper", "enhance": "Enhancer", "caption": "Captioner"}
ENTRY_POINTS = "likeness.providers"
TARGET = "_target_"
OPTIMIZER_PACKAGES = ("torch.optim", "bitsandbytes.optim", "lion_pytorch", "prodigyopt", "schedulefree")

OPTIMIZER = "train.optimizer"
# Where a class may be named, with the word that entry points of packages begin with.
PLACES = {OPTIMIZER: "optimizer", **{f"{task}.provider": task for task in TASKS}}

Work = TypeVar("Work", covariant=True)


class Provider(Protocol[Work]):
    """What `swap.provider`, `enhance.provider` and `caption.provider` name: settings, cheap to construct.

    name: the provider in manifests and reports.
    remote: the work is done elsewhere: pictures leave this machine, and the stage survives a kill.
    neural: a trained network draws pixels or words; decides the digital source type of a swap.
    """

    name: ClassVar[str]
    remote: ClassVar[bool]
    neural: ClassVar[bool]

    @property
    def api_key_env(self) -> str | None:
        """The variable that holds the key; None where none is needed."""
        ...

    @property
    def in_flight(self) -> int:
        """How many items it can have under way; a stage works on `items.workers` at least."""
        ...

    def identity(self) -> dict[str, Json]:
        """Everything that decides the result: version, settings, weights digests; part of item keys."""
        ...

    def quote(self, prices: Prices) -> Quote | None:
        """What one item takes, at most; None: nothing is bought.

        Raises:
            ConfigError: `no-price`.
        """
        ...

    def purchase_key(self, *args: Any, **kwargs: Any) -> str | None:
        """The key an item is bought under, so that a plan can tell what is paid for; None: not known, or nothing is
        bought. Made of the pixels' digest; for a swap of both photographs' digests and the target's face."""
        ...

    def opened(self, buyer: "Buyer") -> AbstractContextManager[Work]:
        """The provider at work; paid ones buy at `buyer`."""
        ...


class Local:
    """A provider on this machine that buys nothing: what is the same for all of them."""

    remote: ClassVar[bool] = False
    api_key_env: ClassVar[None] = None
    in_flight: ClassVar[int] = 1

    def quote(self, prices: Prices) -> None:
        """Nothing is bought."""

    def purchase_key(self, *args: Any, **kwargs: Any) -> None:
        """Nothing is bought."""

    def opened(self, buyer: "Buyer") -> AbstractContextManager[Self]:
        """Nothing to open, nothing to buy."""
        return nullcontext(self)


class ProviderSection(Section):
    """A section of params.yaml whose `provider` names a registered provider and holds its settings."""

    task: ClassVar[Task]
    provider: dict[str, Any]

    def provider_class(self) -> type[Provider[Any]]:
        """The class, not built: files that it needs may be on another machine."""
        return provider_class(self.task, self.provider.get(TARGET))

    def built(self) -> Any:
        """The provider; see `build`."""
        return build(self.task, self.provider)

    def missing_key(self) -> str | None:
        """The variable that should hold the provider's key, and does not."""
        name: str | None = self.built().api_key_env
        return name if name and not os.environ.get(name) else None


def is_remote(section: Any) -> bool:
    """Whether a section has a provider, and it sends its work elsewhere."""
    return isinstance(section, ProviderSection) and section.provider_class().remote


def registered(task: Task) -> dict[str, str]:
    """{dotted name: module:Class} of all providers of a task."""
    return {**own(task), **installed(task)}


@cache
def own(task: str) -> Mapping[str, str]:
    """likeness' own, read from the text of the task's modules: nothing is imported."""
    classes = re.compile(rf"^class (\w+{TASKS[task]})\b", re.MULTILINE)
    return {
        f"likeness.{task}.{path.stem}.{name}": f"likeness.{task}.{path.stem}:{name}"
        for path in sorted((Path(__file__).parent / task).glob("*.py"))
        for name in classes.findall(path.read_text(encoding="utf-8"))
    }


def installed(task: str) -> dict[str, str]:
    """Those of installed packages."""
    from importlib.metadata import entry_points  # here: it loads half of the standard library

    points = entry_points(group=ENTRY_POINTS)
    return {
        point.value.replace(":", "."): point.value for point in points if point.name.startswith(f"{task}.")
    }


def check_place(place: str, target: Any) -> str:
    """The `module:Class` that a `_target_` at `place` of params.yaml stands for.

    Raises:
        ConfigError: `unregistered-provider`; nothing was imported.
    """
    task, named = PLACES.get(place), str(target)
    module, _, name = named.rpartition(".")
    if place == OPTIMIZER and module in OPTIMIZER_PACKAGES and name.isidentifier():
        return f"{module}:{name}"
    known: Mapping[str, str] = own(task) if task in TASKS else {}
    if task is not None and named not in known:
        known = {**known, **installed(task)}
    if named in known:
        return known[named]
    remedy = f"choose one of conf/{place.removesuffix('.provider').replace('.', '/')}/, or install the package that registers it"
    if task in TASKS:
        words = f"is not a registered provider; registered are {', '.join(known)}"
        remedy += " (docs/adding-a-provider.md)"
    elif place == OPTIMIZER:
        words = f"is not an optimizer of {', '.join((*OPTIMIZER_PACKAGES, *known))}"
    else:
        words = f"may not stand here: only {OPTIMIZER} and {', '.join(list(PLACES)[1:])} name a class"
        remedy = f"delete {place}.{TARGET} in conf/, then run `make params`"
    raise ConfigError(
        f"{place}.{TARGET}: {as_yaml(target)} {words}", reason="unregistered-provider", remedy=remedy
    )


def provider_class(task: Task, target: Any) -> type[Provider[Any]]:
    """The class that a registered dotted name stands for.

    Raises:
        ConfigError: it is not registered, its package does not import, or it lacks a part of the Protocol.
    """
    module, _, name = check_place(f"{task}.provider", target).partition(":")
    try:
        kind = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ConfigError(
            f"{task}.provider.{TARGET}: {target} is registered and does not import: {error}",
            reason="broken-provider",
            remedy="install its package anew",
        ) from error
    fields = settings_of(kind)
    if lacking := sorted(
        part for part in get_protocol_members(Provider) if not hasattr(kind, part) and part not in fields
    ):
        raise ConfigError(
            f"{task}.provider.{TARGET}: {target} lacks {', '.join(lacking)}",
            reason="broken-provider",
            remedy="likeness.providers.Provider says what a provider has",
        )
    return kind


def build(task: Task, settings: Mapping[str, Any]) -> Any:
    """The provider that `settings` name, all its settings checked.

    Raises:
        ConfigError: lists every problem of the settings at once.
    """
    kind = provider_class(task, settings.get(TARGET))
    values = {key: value for key, value in settings.items() if key != TARGET}
    known = settings_of(kind)
    problems = [f"{task}.provider.{key}: {unknown_setting(key, known)}" for key in values if key not in known]
    built = None
    try:
        built = TypeAdapter(kind).validate_python({key: values[key] for key in values if key in known})
    except ValidationError as error:
        problems += setting_problems(error, known, f"{task}.provider")
    except LikenessError:
        if not problems:
            raise
    if problems:
        raise ConfigError(
            f"{task}.provider ({settings[TARGET]}) has {len(problems)} problem(s):\n  "
            + "\n  ".join(problems),
            remedy=f"correct conf/{task}/ and run `make params`",
        )
    return built


def settings_of(kind: type[Any]) -> dict[str, Any]:
    """The names of a provider's settings, with their types."""
    if issubclass(kind, BaseModel):
        return {name: field.annotation for name, field in kind.model_fields.items()}
    fields = dataclasses.fields(kind) if dataclasses.is_dataclass(kind) else ()
    return {field.name: field.type for field in fields}
