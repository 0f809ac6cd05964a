"""What is written after `-S`, or after `likeness params`: checked against conf/ before Hydra answers in its own words."""

import difflib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from likeness.conf_digest import refuse_resolvers
from likeness.errors import ConfigError
from likeness.secret_values import refuse_secrets
from likeness.settings import dotted
from likeness.strict_yaml import read_yaml

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
    overrides = [match.groups() for word in words if (match := OVERRIDE.fullmatch(word))]
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
    config = (conf / "config.yaml").read_text(encoding="utf-8")
    known = {key for key, _ in dotted(read_values(repository / "params.yaml"))}
    problems = [
        f"{word}: write KEY=VALUE"
        for word in words
        if not re.match(r"[+~]*[^+~=]+=|~[^=]+\Z", word, re.DOTALL)
    ]
    for word in words:
        place = re.match(r"([a-z][\w/]*)@([\w.]+)=", word)
        if place and not re.search(rf"^  - {place[1]}@{re.escape(place[2])}:", config, re.MULTILINE):
            problems.append(f"{word}: conf/config.yaml chooses nothing there yet; write +{word}")
    for added, key, value in overrides:
        if key in groups:
            # A sweep names several: `swap=local,maxstudio`.
            if unknown := [choice for choice in value.split(",") if choice not in groups[key]]:
                problems.append(f"{key}={','.join(unknown)}: conf/{key}/ has {', '.join(groups[key])}")
            elif not added and is_overlay(repository, key):
                problems.append(
                    f"{key}={value}: conf/config.yaml chooses nothing of conf/{key}/ yet; write +{key}={value}"
                )
            elif added == "+" and re.search(rf"^  - (?:override )?{re.escape(key)}:", config, re.MULTILINE):
                problems.append(
                    f"+{key}={value}: conf/config.yaml has a choice of it already; write {key}={value}"
                )
        elif added:
            continue
        elif known and key not in known and key.split(".")[0] not in chosen:
            problems.append(f"{key}: there is no such setting{nearest(key, known)}")
    if problems:
        raise ConfigError("\n  ".join(problems), remedy="params.yaml names every setting, conf/ every choice")


def is_overlay(repository: Path, group: str) -> bool:
    """Whether a group changes settings of others, and conf/config.yaml chooses nothing of it."""
    config = (repository / "conf" / "config.yaml").read_text(encoding="utf-8")
    files = (repository / "conf" / group).glob("*.yaml")
    return f"\n  - {group}:" not in config and any(
        "@package _global_" in path.read_text(encoding="utf-8") for path in files
    )


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
