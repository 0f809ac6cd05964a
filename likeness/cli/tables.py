"""Tables and sentences of the command, in one style."""

from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.measure import Measurement
from rich.style import StyleType
from rich.table import Table
from rich.text import Text

from likeness.errors import on_terminal

# Where nobody's terminal sets a width, e.g. in a log.
LOG_COLUMNS = 110


def console() -> Console:
    """A terminal's own width; a fixed one in logs and pipes."""
    terminal = Console()
    return terminal if terminal.is_terminal else Console(width=LOG_COLUMNS)


class PlainTable(Table):
    """A table whose words are shown as they are: `IMG [edited].jpg` is no markup, and an escape code does nothing."""

    def add_row(
        self, *cells: RenderableType | None, style: StyleType | None = None, end_section: bool = False
    ) -> None:
        plain = (Text(on_terminal(cell)) if isinstance(cell, str) else cell for cell in cells)
        super().add_row(*plain, style=style, end_section=end_section)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """On a terminal that is too narrow for the lines between the columns, the table does without them."""
        wanted = Measurement.get(console, options.update_width(LOG_COLUMNS), self).maximum
        if wanted > options.max_width:
            self.box, self.pad_edge, self.padding = None, False, (0, 1, 0, 0)
        yield from super().__rich_console__(console, options)


def table(title: str, *, left: Iterable[str], right: Iterable[str]) -> PlainTable:
    """Columns of words, then columns of numbers."""
    view = PlainTable(title=Text(on_terminal(title), style="table.title"), title_justify="left")
    for heading in left:
        view.add_column(Text(on_terminal(heading)), overflow="fold")
    for heading in right:
        view.add_column(Text(on_terminal(heading)), justify="right", no_wrap=True)
    return view


def show(view: Table) -> None:
    """Print a table."""
    console().print(view, highlight=False)


def say(sentence: str) -> None:
    """Print a sentence: not broken into lines, no markup."""
    console().print(sentence, highlight=False, soft_wrap=True, markup=False)
