"""Compose params.yaml from conf/, as `dvc exp run` does; show what that changes, and keep it in conf/ on request."""

import json
import re
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from likeness.cli.compose import composed, composed_text, nested, read_values
from likeness.conf_digest import DIGESTS
from likeness.config import validated
from likeness.disk import write_atomic
from likeness.errors import ConfigError
from likeness.paths import PARAMS
from likeness.setting_problems import as_yaml
from likeness.settings import flatten
from likeness.strict_yaml import parse_yaml

CONF = Path("conf")
SHOWN = 20
# What conf/ makes of other settings: nobody keeps these.
DERIVED = re.compile("|".join([*DIGESTS, r"train\.drawing(\..*)?"]))
ABSENT = "(not there)"


def params_command(
    overrides: Annotated[
        list[str] | None,
        typer.Argument(metavar="OVERRIDE", help="KEY=VALUE or GROUP=CHOICE, for a trial."),
    ] = None,
    keep: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Write what differs from conf/ to conf/trial/NAME.yaml."),
    ] = None,
) -> None:
    """Compose params.yaml from conf/.

    `dvc exp run` does the same. Overrides, in Hydra's syntax, are for a trial; a permanent choice is an edit in conf/.

    \b
    Examples:
      likeness params
      likeness params enhance=superres +experiment=fakes
      likeness params --keep lower_lr
    """
    before, words = read_values(PARAMS), overrides or []
    if keep is not None:
        plain = composed(Path.cwd())
        keep_values(keep, differences(plain, composed(Path.cwd(), *words) if words else before))
        words = []
    text = composed_text(Path.cwd(), *words)
    personas = validated(parse_yaml(text), PARAMS).personas
    write_atomic(PARAMS, text.encode())
    sys.stderr.write(f"params: params.yaml composed from conf/ for {', '.join(personas)}\n")
    sys.stderr.writelines(told(before, read_values(PARAMS), words))


def differences(before: dict[str, Any], after: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Dotted key to (value before, value after) of every value that is not the same; ABSENT where a side has none."""
    old, new = flatten(before), flatten(after)
    keys = [*new, *(key for key in old if key not in new)]
    return {
        key: (old.get(key, ABSENT), new.get(key, ABSENT))
        for key in keys
        if not DERIVED.fullmatch(key) and old.get(key, ABSENT) != new.get(key, ABSENT)
    }


def told(before: dict[str, Any], after: dict[str, Any], overrides: Sequence[str]) -> list[str]:
    """A line for each value that changed, and how one that conf/ does not say is kept."""
    if not before:
        return []
    changed = differences(before, after)
    lines = [
        f"  {key}: {_shown(old)} -> {_shown(new)}\n" for key, (old, new) in list(changed.items())[:SHOWN]
    ]
    if len(changed) > SHOWN:
        lines.append(f"  and {len(changed) - SHOWN} more: git diff params.yaml\n")
    if changed and not overrides and before.get("conf_digest") == after.get("conf_digest"):
        back = " ".join(as_override(key, old) for key, (old, _) in changed.items() if old is not ABSENT)
        lines.append(
            "  conf/ did not change: an experiment or a hand had put the old values there. To have them back,"
            f" and in conf/:\n  likeness params --keep NAME {back}\n"
        )
    return lines


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else as_yaml(value)


def as_override(key: str, value: Any) -> str:
    """A word of a shell's command line that Hydra reads as this value."""
    plain = isinstance(value, str) and re.fullmatch(
        r"(?!(?i:null|true|false|nan|inf)\Z)[A-Za-z][\w./:-]*", value
    )
    return shlex.quote(f"{key}={value if plain else json.dumps(value, ensure_ascii=False)}")


def add_default(config: Path, line: str, *, behind: str = "") -> None:
    """Write a line among the defaults of conf/config.yaml: behind the last one that begins so, else at their beginning."""
    text = config.read_text(encoding="utf-8")
    before = [
        *re.finditer(r"^defaults:\n", text, re.MULTILINE),
        *re.finditer(rf"^  - {behind}.*\n", text, re.MULTILINE),
    ]
    end = before[-1].end()
    write_atomic(config, f"{text[:end]}  - {line}\n{text[end:]}".encode())


def keep_values(name: str, changed: dict[str, tuple[Any, Any]]) -> None:
    """Write the new values to conf/trial/NAME.yaml and choose it in conf/config.yaml.

    Raises:
        ConfigError: there is nothing to keep, the name is taken or no word, or a value is to be absent.
    """
    path, config = CONF / "trial" / f"{name}.yaml", CONF / "config.yaml"
    gone = [key for key, (_, new) in changed.items() if new is ABSENT]
    text = config.read_text(encoding="utf-8")
    if re.fullmatch(r"[a-z]\w*", name) is None:
        raise ConfigError(f"--keep {name}: not a word", remedy="give a word such as lower_lr")
    if not changed:
        raise ConfigError(
            "nothing to keep: params.yaml holds what conf/ composes to",
            remedy="name what to keep: `likeness params --keep lower_lr train.optimizer.lr=1e-4`",
        )
    if gone:
        raise ConfigError(
            f"a file of conf/ cannot take settings away, and these are not there any more: {', '.join(gone)}",
            remedy="choose the group (as in `swap: maxstudio`) among the defaults of conf/config.yaml",
        )
    if re.search(r"^  - trial: ", text, re.MULTILINE) or path.exists():
        raise ConfigError(
            f"conf/config.yaml has a trial already, or {path} is there",
            remedy="write the values into the files of conf/ that they belong to, and delete the trial",
        )
    values = nested({key: new for key, (_, new) in changed.items()})
    write_atomic(path, f"# @package _global_\n{values}".encode())
    add_default(config, f"trial: {name}")
    sys.stderr.write(f"params: {path} holds {len(changed)} value(s); conf/config.yaml chooses it\n")
