"""likeness.cli.tables: what a table shows."""

import io

from rich.console import Console

from likeness.cli.tables import table


def test_words_are_shown_as_they_are_whatever_they_would_do_to_a_terminal() -> None:
    view = table("jade [draft]", left=["file [x]", "why"], right=["count"])
    view.add_row("sources/IMG [edited].jpg", "\x1b[31mred\u202e", "1")
    view.add_row("[/b].jpg", None, "2")
    shown = io.StringIO()
    Console(file=shown, width=80).print(view)
    for words in ("jade [draft]", "file [x]", "IMG [edited].jpg", "[31mred", "[/b].jpg"):
        assert words in shown.getvalue()
    assert "\x1b" not in shown.getvalue()
    assert "\u202e" not in shown.getvalue()
