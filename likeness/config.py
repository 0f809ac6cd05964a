"""params.yaml and conf/prices.yaml -> one frozen, strict Config; it reports every problem at once, before any work or
spending.

Defaults live in conf/ only. Each package owns the model of its section; this file joins them.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, cast

from pydantic import Field, ValidationError, model_validator

from likeness.caption import CaptionConfig
from likeness.cloud import CloudConfig
from likeness.comfy import ComfyConfig
from likeness.dataset import DatasetConfig
from likeness.diffusion.config import BaseModelConfig
from likeness.diffusion.families import bases, titles
from likeness.enhance import EnhanceConfig
from likeness.errors import ConfigError
from likeness.evaluate import ChoiceConfig, EvaluateConfig
from likeness.ingest import IngestConfig
from likeness.marks.config import MarksConfig
from likeness.paths import NO_WORDS, PRICES, is_persona_name
from likeness.persona import Persona
from likeness.providers import TARGET, check_place
from likeness.purchases.budget import BudgetConfig
from likeness.purchases.prices import Price
from likeness.report import ReportConfig
from likeness.resize import ResizeConfig
from likeness.safety.embedder import FacesConfig
from likeness.safety.floors import laxer
from likeness.secret_values import refuse_secrets
from likeness.setting_problems import as_yaml, setting_problems
from likeness.settings import Section
from likeness.store.s3_config import PublishConfig, S3Config
from likeness.strict_yaml import parse_yaml, read_yaml
from likeness.swap import SwapConfig
from likeness.train.config import TrainConfig, incompatibilities

# OmegaConf's word for a value that must be given, and an example of each that conf/ leaves to the user, by the end of its name.
MISSING = "???"
EXAMPLES = {"inputs_url": "s3://my-bucket/inputs", "sha256": "the 64 digits that `sha256sum FILE` prints", "licence": "BSD-3-Clause",
            "weights": "models/RealESRGAN_x2plus.pth", "swapper": "models/swapper.onnx", "recogniser": "models/recogniser.onnx",
            "path": "models/recogniser.onnx", "revision": "the 40 digits of a commit of the hub, or null for a folder",
            "model": "what the server calls it, a hub id, or a folder"}  # fmt: skip


class RayConfig(Section):
    """What one worker of the cluster needs."""

    cpus: float = Field(gt=0)
    gpus: float = Field(ge=0)


class ItemsConfig(Section):
    """Where finished items are kept (below .cache), the store a team shares, where they are made and how many at a time, and
    whether a stage may end without items that failed in a way that may pass."""

    root: str
    remote: str | None
    engine: Literal["local", "ray"]
    workers: int = Field(ge=1, le=256)
    ray: RayConfig
    leave_unfinished: bool


class TrackingConfig(Section):
    """MLflow: MLFLOW_TRACKING_URI wins over `uri`."""

    enabled: bool
    uri: str
    experiment: str = Field(min_length=1)


class Config(Section):
    """All of params.yaml, and conf/prices.yaml as `prices`."""

    conf_digest: str
    values_digest: str
    personas: dict[str, Persona] = Field(min_length=1)
    items: ItemsConfig
    prices: dict[str, dict[str, Price]]
    budget: BudgetConfig
    s3: S3Config
    faces: FacesConfig = FacesConfig(embedder=None)
    ingest: IngestConfig
    swap: SwapConfig
    resize: ResizeConfig
    enhance: EnhanceConfig
    caption: CaptionConfig
    dataset: DatasetConfig
    base: BaseModelConfig
    train: TrainConfig
    evaluate: EvaluateConfig
    choice: ChoiceConfig
    comfy: ComfyConfig
    report: ReportConfig
    publish: PublishConfig
    marks: MarksConfig
    tracking: TrackingConfig
    cloud: CloudConfig

    def persona(self, name: str) -> Persona:
        """The persona of this name.

        Raises:
            ConfigError: params.yaml knows none.
        """
        if name not in self.personas:
            raise ConfigError(
                f"params.yaml knows no persona {name!r}",
                reason="unknown-persona",
                remedy=f"name one of {', '.join(self.personas)}",
            )
        return self.personas[name]

    def at_strength(self, strength: float) -> "Config":
        """The same settings with another strength of the LoRA."""
        return self.model_copy(update={"evaluate": self.evaluate.model_copy(update={"lora_scale": strength})})

    @property
    def columns(self) -> dict[str, Any]:
        """What people choose among runs of training and evaluation by."""
        lora, optimizer, schedule = self.train.lora, self.train.optimizer, self.train.schedule
        steps = schedule.steps if schedule.epochs is None else None
        return {
            "rank": lora.rank,
            "lr": optimizer.lr,
            "steps": steps,
            "epochs": schedule.epochs,
            "base": self.base.name,
        }

    @model_validator(mode="after")
    def _names_match(self) -> "Config":
        for key, persona in self.personas.items():
            if key != persona.name:
                raise ValueError(f"personas.{key}.name is {persona.name!r}; both must be the same word")
            if key in NO_WORDS:
                raise ValueError(
                    f"personas.{key}: YAML reads {key} as {as_yaml(parse_yaml(key))}, not as a word; choose another name"
                )
            if not is_persona_name(key):
                raise ValueError(
                    f"personas.{key}: a persona is called by a word like jade (a-z, 0-9 and _), and not as a device of Windows is"
                )
        return self

    @model_validator(mode="after")
    def _gates_let_no_more_pass(self) -> "Config":
        if wrong := list(laxer(self.model_dump(include={"ingest", "personas", "train"}))):
            raise ValueError("; ".join(wrong))
        for name, drawn in self._drawn():
            for persona in self.personas.values():
                if wrong := drawn.refused_words(persona.name, persona.trigger, persona.class_word):
                    raise ValueError(f"{name}.{wrong}")
        return self

    def _drawn(self) -> Iterator[tuple[str, EvaluateConfig]]:
        """The sections that say what is drawn, by their names: evaluate's, and those of its settings that are train's own."""
        yield "evaluate", self.evaluate
        if (own := self.train.drawing) is not None:
            fields = EvaluateConfig.model_fields
            given = {name: value for name, value in own if name in fields and value is not None}
            yield "train.drawing", EvaluateConfig.model_validate({**self.evaluate.model_dump(), **given})

    @model_validator(mode="after")
    def _parts_fit(self) -> "Config":
        base, reference = bases()[self.base.architecture], bool(self.evaluate.reference_arms)
        misfits = incompatibilities(self.base.architecture, self.train)
        return self._unless({
            "train.checkpoint.share needs a place: set items.remote to an S3 prefix":
                self.train.checkpoint.share and self.items.remote is None,
            f"evaluate.arms: {base.TITLE} draws after no reference picture; set [base, lora], or choose one of "
            f"{titles(reference=True)}":
                reference and base.REFERENCE is None,
            f"evaluate.arms: {base.TITLE} reads a reference picture by an IP-Adapter; name its files as evaluate.ip_adapter, "
            "or set [base, lora]":
                reference and base.REFERENCE == "ip_adapter" and self.evaluate.ip_adapter is None,
            f"{'; '.join(misfits)} (conf/experiment/ has what fits)": bool(misfits),
        })  # fmt: skip


def load_config(path: Path) -> Config:
    """The validated configuration.

    Raises:
        ConfigError: the file is missing, is not YAML or does not fit.
    """
    if not path.is_file():
        repository = next((folder for folder in Path.cwd().parents if (folder / path).is_file()), None)
        if repository:
            raise ConfigError(f"{Path.cwd()} is not the repository's own folder", remedy=f"cd {repository}")
        raise ConfigError(f"{path} is missing", remedy="run `make params`, which composes it from conf/")
    return validated(read_yaml(path, remedy="run `make params`, which composes it from conf/"), path)


def validated(values: Any, path: Path) -> Config:
    """The configuration that a params.yaml of these values is, with the prices that stand beside it.

    Raises:
        ConfigError: it does not fit; lists every problem with its place.
    """
    if isinstance(values, dict):
        values = _with_prices(cast("dict[str, Any]", values), path.parent / PRICES)
    refuse_secrets(values, where=str(path))
    problems = list(_problems(values, ""))
    try:
        config = Config.model_validate(values)
    except ValidationError as error:
        kinds = {name: field.annotation for name, field in Config.model_fields.items()}
        told = {line.partition(":")[0] for line in problems}
        problems += [line for line in setting_problems(error, kinds) if line.partition(":")[0] not in told]
        config = None
    if problems or config is None:
        raise ConfigError(
            f"{path.name} has {len(problems)} problem(s):\n  " + "\n  ".join(problems),
            remedy="correct conf/ (or the -S value) and run `make params`",
        )
    return config


def _with_prices(values: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """The settings, and what conf/prices.yaml says; without it nothing has a price, and nothing is bought."""
    if "prices" in values:
        raise ConfigError(
            f"prices stand in {PRICES} alone, and params.yaml has some",
            reason="stale-params",
            remedy="write them there, take `- prices` out of conf/config.yaml, and run `make params`",
        )
    return {**values, "prices": (read_yaml(path, remedy="correct it") or {}) if path.is_file() else {}}


def _problems(value: Any, place: str) -> Iterator[str]:
    """Values that must be given, and every `_target_` that is not a registered provider of its section."""
    for key, inner in _children(value):
        where = f"{place}.{key}" if place else key
        if key == TARGET and inner != MISSING:
            try:
                check_place(place, inner)
            except ConfigError as error:
                yield error.message
        yield from _problems(inner, where)
    if value == MISSING:
        example = next((f", such as {words}" for end, words in EXAMPLES.items() if place.endswith(end)), "")
        yield f"{place}: it has no value yet{example}; write it into conf/, or give -S {place}=VALUE (docs/providers.md)"


def _children(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        yield from ((str(key), inner) for key, inner in cast("dict[Any, Any]", value).items())
    elif isinstance(value, list):
        yield from ((str(number), inner) for number, inner in enumerate(cast("list[Any]", value)))
