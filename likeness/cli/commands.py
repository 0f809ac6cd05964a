"""How the command `likeness` finds, begins and ends its commands. Each is a function of the module that does its work; the module
is imported when the command runs or shows its help."""

import ast
import os
import re
import sys
from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from likeness.cli.arguments import PLAIN
from likeness.errors import ConfigError, end_program
from likeness.program import for_this_user_alone, interruptible

# A setting as DVC (-S train.seed=5) or another trainer (--train.seed=5) takes it.
SETTING = re.compile(r"-S|--\w+\.[\w.]+(=|$)")


class Commands(TyperGroup):
    """Begins and ends every command alike: what it writes is this user's alone; errors have one form, a broken pipe (`| head`)
    ends in silence. A number that a command returns is the exit status."""

    def invoke(self, ctx: Any) -> Any:
        interruptible()
        try:
            if os.name != "posix":
                raise ConfigError("likeness runs on Linux and macOS", remedy="on Windows, run it in WSL 2")
            with for_this_user_alone():
                status = super().invoke(ctx)
            sys.stdout.flush()  # a pipe that nobody reads breaks here, where typer ends quietly
            if isinstance(status, int):
                ctx.exit(status)
        except (Exception, KeyboardInterrupt) as error:
            end_program(ctx.invoked_subcommand or "likeness", error)
        return status


def add_commands(group: typer.Typer, package: str, places: Mapping[str, str]) -> None:
    """Give a group its commands, each by its name and the place of its function below `package`: `items.list_items`."""
    for name, place in places.items():
        group.command(name, cls=_found_at(f"{package}.{place}"))(_nothing)


def _nothing() -> None:
    """Stands for a function that is not imported yet."""


def _in_our_words(error: typer.BadParameter) -> str:
    """What is wrong with an argument, as of a setting: typer tells it in pydantic's words."""
    from pydantic import ValidationError  # here, because most commands start without it

    from likeness.setting_problems import setting_problems

    cause = error.__cause__
    return "; ".join(setting_problems(cause, {})) if isinstance(cause, ValidationError) else error.message


def _refuse_setting(command: TyperCommand, word: str) -> None:
    """Say how a setting is given to a command that has no option for it.

    Raises:
        typer.BadParameter: it is written as DVC's or another trainer's.
    """
    if not any("-S" in one.opts for one in command.params):
        raise typer.BadParameter(
            f"{word}: settings are no options here. `likeness params train.seed=5` writes one to params.yaml, which every "
            "command reads; -S is for `dvc exp run`"
        )


def _found_at(place: str) -> type[TyperCommand]:
    module, _, function = place.rpartition(".")

    class Command(TyperCommand):
        def get_short_help_str(self, limit: int = 45) -> str:
            """The docstring's first sentence, read without an import: some take seconds."""
            spec = find_spec(module)
            tree = ast.parse(Path(str(spec and spec.origin)).read_bytes())
            found = (one for one in tree.body if isinstance(one, ast.FunctionDef) and one.name == function)
            self.help = ast.get_docstring(next(found))
            return super().get_short_help_str(limit)

        def imported(self) -> Any:
            """The command itself, with its arguments and options."""
            one = typer.Typer(add_completion=False, **PLAIN)
            one.command(self.name)(getattr(import_module(module), function))
            return get_command(one)

        def make_context(
            self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any
        ) -> Any:
            command = self.imported()
            if setting := next(filter(SETTING.match, args), None):
                _refuse_setting(command, setting)
            try:
                return command.make_context(info_name, args, parent, **extra)
            except typer.BadParameter as error:
                error.message = _in_our_words(error)
                raise

    return Command
