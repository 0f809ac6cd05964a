"""Tables and sentences of the command, in one style."""

from collections.abc import Iterable

from rich.console import Console
from rich.table import Table

# Where nobody's terminal sets a width, e.g. in a log.
LOG_COLUMNS = 110


def console() -> Console:
    """A terminal's own width; a fixed one in logs and pipes."""
    terminal = Console()
    return terminal if terminal.is_terminal else Console(width=LOG_COLUMNS)


def table(title: str, *, left: Iterable[str], right: Iterable[str]) -> Table:
    """Columns of words, then columns of numbers."""
    view = Table(title=title, title_justify="left")
    for heading in left:
        view.add_column(heading)
    for heading in right:
        view.add_column(heading, justify="right")
    return view


def say(terminal: Console, sentence: str) -> None:
    """A sentence below a table: not broken into lines, no markup."""
    terminal.print(sentence, highlight=False, soft_wrap=True, markup=False)
