"""What conf/ composes to, by the function of `dvc exp run`; overrides are checked before Hydra answers in its own words."""

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast, get_args

import yaml
from dvc.utils.hydra import compose_and_dump  # pyright: ignore[reportMissingTypeStubs, reportUnknownVariableType]
from hydra.errors import HydraException, OverrideParseException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from likeness.conf_digest import conf_digest, refuse_resolvers, values_digest
from likeness.config import Config
from likeness.errors import ConfigError
from likeness.paths import PARAMS
from likeness.secret_values import refuse_secrets
from likeness.setting_problems import ANY_KEY, names_in
from likeness.settings import dotted
from likeness.strict_yaml import parse_yaml, read_yaml
from likeness.train.earlier_names import refuse_earlier_names

MAX_SAID = 200  # letters of another library's words
# What Hydra says of `KEY=1,2` where one value belongs.
ONE_COMMA = re.compile(r"=-?\d+,\d+\Z")
NOT_THERE = re.compile(r"Could not override '([\w.]+)'\.\s*(?:To append|Key|$)")
SEVERAL = re.compile("Ambiguous value for argument '(.*)'")


def compose(repository: Path, target: Path, overrides: Sequence[str] = ()) -> None:
    """Write what the repository's conf/ composes to with Hydra's overrides.

    Raises:
        ConfigError: it does not compose.
    """
    refuse_earlier_names(overrides)
    refuse_unknown_overrides(overrides, repository)
    conf = repository / "conf"
    conf_digest(conf)  # says what is wrong with a file in words of its own
    refuse_odd_defaults(conf / "config.yaml")
    try:
        compose_and_dump(target, str(conf), None, "config", str(repository), list(overrides))
    except OverrideParseException as error:
        raise ConfigError(
            f"{error.override}: it cannot be read",
            remedy="write KEY=VALUE without spaces around =, a list as 'KEY=[a,b]' with both brackets, and a text with "
            """commas or a ~ as 'KEY="a, b"', quotes and all""",
        ) from error
    except (HydraException, OmegaConfBaseException) as error:
        if several := SEVERAL.match(str(error)):
            point = (
                f"a number has a point: {several[1].replace(',', '.')}; "
                if ONE_COMMA.search(several[1])
                else ""
            )
            raise ConfigError(
                f"{several[1]}: params.yaml takes one value",
                remedy=f"{point}try several in a sweep: dvc exp run --queue -S '{several[1]}', then dvc queue start",
            ) from error
        if unknown := NOT_THERE.match(str(error)):
            raise ConfigError(
                f"{unknown[1]}: there is no such setting with these choices",
                remedy="compose without it: params.yaml then names every setting",
            ) from error
        raise ConfigError(
            f"conf/ does not compose: {str(error).splitlines()[0]}", remedy="correct conf/ or the override"
        ) from error


def refuse_odd_defaults(config: Path) -> None:
    """Refuse a choice such as `no`, `007` or `null`, which YAML takes for a truth value, a number or nothing.

    Raises:
        ConfigError: names each.
    """
    # Read as Hydra reads it: `1e3` is a number to OmegaConf alone.
    defaults = cast("dict[str, Any]", OmegaConf.to_container(OmegaConf.load(config))).get("defaults", [])
    named = [cast("dict[Any, Any]", entry) for entry in defaults if isinstance(entry, dict)]
    choices = [pair for entry in named for pair in entry.items()]
    if odd := [f"{group}: {choice}" for group, choice in choices if not isinstance(choice, str)]:
        raise ConfigError(
            f"{config}: YAML does not read these choices as words: {'; '.join(odd)}",
            remedy="choose another name (a persona is called by a word like jade)",
        )


def composed(repository: Path, *overrides: str) -> dict[str, Any]:
    """What the repository's conf/ composes to, as values."""
    return parse_yaml(composed_text(repository, *overrides))


def composed_text(repository: Path, *overrides: str) -> str:
    """The params.yaml that the repository's conf/ composes to."""
    with TemporaryDirectory() as folder:
        target = Path(folder) / "params.yaml"
        compose(repository, target, overrides)
        return target.read_text(encoding="utf-8")


def with_value(text: str, key: str, value: Any) -> str:
    """A params.yaml with another value of one setting, and the digest of its values as it then is.

    Raises:
        ConfigError: it is no params.yaml.
    """
    try:
        parse_yaml(text)
        cfg = OmegaConf.create(text)
        if not isinstance(cfg, DictConfig):
            raise ValueError("it is no mapping")
        OmegaConf.update(cfg, key, value)
    except (yaml.YAMLError, OmegaConfBaseException, ValueError) as error:
        raise ConfigError(
            f"{PARAMS.name} does not read: {' '.join(str(error).split())[:MAX_SAID]}",
            reason="not-read",
            remedy="`likeness params` composes it anew",
        ) from None
    cfg.values_digest = values_digest(cast("dict[str, Any]", OmegaConf.to_container(cfg)))
    return OmegaConf.to_yaml(cfg)


def nested(values: Mapping[str, Any]) -> str:
    """Settings by their dotted names, as YAML."""
    cfg = OmegaConf.create({})
    for key, value in values.items():
        OmegaConf.update(cfg, key, value)
    return OmegaConf.to_yaml(cfg)


# Words that change a value, and `+group=`: other `+key=`, `~key` and `key@package=` are Hydra's to judge.
OVERRIDE = re.compile(r"(\+{0,2})([A-Za-z]\w*(?:[./]\w+)*)=(.*)", re.DOTALL)


def refuse_unknown_overrides(words: Iterable[str], repository: Path) -> None:
    """Refuse a key that params.yaml has not and a choice that conf/ has not, and name those that come near.

    Raises:
        ConfigError: names every one of them.
    """
    words = list(words)
    for word in words:
        name, _, value = word.partition("=")
        refuse_secrets({name: value}, where="an override")
        refuse_resolvers(value, where=f"the override of {name}")
        if re.match(r"[+~]*hydra\b", name):
            raise ConfigError(f"{name}: Hydra itself is not set here", remedy="name a setting of params.yaml")
    conf = repository / "conf"
    groups = {
        folder.relative_to(conf).as_posix(): sorted(path.stem for path in folder.glob("[!_]*.yaml"))
        for folder in conf.rglob("*")
        if folder.is_dir()
    }
    # What another choice of a group brings (`swap=onnx`, `train/optimizer=lion`) only Hydra knows.
    places = [word.partition("=")[0].lstrip("+~") for word in words]
    chosen = {re.split("[/@]", place)[0] for place in places if place in groups or "/" in place}
    if any(word.startswith("+") and place in groups for word, place in zip(words, places, strict=True)):
        chosen |= set(groups)  # `+experiment=fakes` chooses anew in other groups
    values = dict(dotted(read_values(repository / "params.yaml")))
    config = (conf / "config.yaml").read_text(encoding="utf-8")
    found = [_problem(word, groups, values, chosen, config, conf) for word in words]
    if problems := list(filter(None, found)):
        raise ConfigError("\n  ".join(problems), remedy="params.yaml names every setting, conf/ every choice")


def _problem(
    word: str,
    groups: Mapping[str, list[str]],
    values: Mapping[str, Any],
    chosen: set[str],
    config: str,
    conf: Path,
) -> str | None:
    """What is wrong with one word; `chosen` are sections of which other words make another choice, `config` is the text of
    conf/config.yaml."""
    if not re.match(r"[+~]*[^+~=]+=|~[^=]+\Z", word, re.DOTALL):
        return f"{word}: write KEY=VALUE"
    if place := re.match(r"(\+*)([a-z][\w/]*)@([\w.]+)=(.*)", word):
        added, group, package, value = place.groups()
        there = re.search(rf"^  - {group}@{re.escape(package)}:", config, re.MULTILINE)
        if group in groups and not set(value.split(",")) <= set(groups[group]):
            return f"{word}: conf/{group}/ has {', '.join(groups[group])}"
        said, sign = ("a choice there already", "") if there else ("no choice there yet", "+")
        if bool(there) == bool(added):
            return f"{word}: conf/config.yaml has {said}; write {sign}{word.lstrip('+')}"
    if (match := OVERRIDE.fullmatch(word)) is None:
        return None
    added, key, value = match.groups()
    if key in groups:
        # A sweep names several: `swap=local,maxstudio`.
        if unknown := [choice for choice in value.split(",") if choice not in groups[key]]:
            return f"{key}={','.join(unknown)}: conf/{key}/ has {', '.join(groups[key])}"
        if not added and _is_overlay(conf, config, key):
            return f"{key}={value}: conf/config.yaml chooses nothing of conf/{key}/ yet; write +{key}={value}"
        if not added and (package := re.search(rf"^  - {re.escape(key)}@([\w.]+):", config, re.MULTILINE)):
            place = f"{package[1].rpartition('.')[0]}.{value}"
            return f"{key}={value}: conf/{key}/ has one file each; write +{key}@{place}={value}"
        if not added and "/" not in key and not re.search(rf"^  - {re.escape(key)}:", config, re.MULTILINE):
            return f"{key}={value}: files of conf/ take from conf/{key}/ what they need; choose or edit one of those"
        if added == "+" and re.search(rf"^  - (?:override )?{re.escape(key)}:", config, re.MULTILINE):
            return f"+{key}={value}: conf/config.yaml has a choice of it already; write {key}={value}"
    elif added == "+" and key in values and key.split(".")[0] not in chosen:
        return f"+{key}={value}: there is such a setting already; write {key}={value}"
    elif not added and values and key not in values and key.split(".")[0] not in chosen:
        return f"{key}: there is no such setting{nearest(key, values)}"
    elif not added and isinstance(values.get(key), dict) and not _fits_section(key, value):
        return f"{key}={value}: {key} holds {', '.join(values[key])}; write {_one_below(key, values)}"
    return None


def _fits_section(key: str, value: str) -> bool:
    """Whether a value may stand for a whole section: `{...}`, or null where it may be absent."""
    kind: Any = Config
    for part in key.split("."):
        inner = names_in(kind)
        kind = inner.get(part, inner.get(ANY_KEY))
    return value.startswith(("{", "'{")) or (value == "null" and type(None) in get_args(kind))


def _one_below(key: str, values: Mapping[str, Any]) -> str:
    """How a setting below `key` is written."""
    if key == "personas":
        return "+persona@personas.mia=mia to add the person of conf/persona/mia.yaml"
    return next(
        f"{name}=..."
        for name, value in values.items()
        if name.startswith(f"{key}.") and not isinstance(value, dict) and not name.endswith("._target_")
    )


def _is_overlay(conf: Path, config: str, group: str) -> bool:
    """Whether a group changes settings of others, and `config`, the text of conf/config.yaml, chooses nothing of it."""
    texts = (path.read_text(encoding="utf-8") for path in (conf / group).glob("*.yaml"))
    return f"\n  - {group}:" not in config and any("@package _global_" in text for text in texts)


def nearest(key: str, known: Iterable[str]) -> str:
    """`; train.optimizer.lr is meant?`, by the whole path or by its last word."""
    paths, key = sorted(known), key.lower()
    last = key.rpartition(".")[2]
    near = [key] if key in paths else [path for path in paths if path.rpartition(".")[2] == last]
    near = near or difflib.get_close_matches(key, paths, n=3, cutoff=0.7)
    return f"; did you mean {' or '.join(near[:3])}?" if near else ""


def read_values(params: Path) -> dict[str, Any]:
    """What a params.yaml says; nothing where there is none that can be read."""
    try:
        return dict(read_yaml(params, remedy=""))
    except (OSError, ConfigError, TypeError, ValueError):
        return {}
