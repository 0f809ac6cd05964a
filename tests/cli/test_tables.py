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


def test_a_narrow_terminal_shows_every_number_and_heading_whole() -> None:
    headings = ("items", "made", "reused", "failed", "refused", "skipped", "seconds")
    view = table("jade: the last run of each stage", left=["stage"], right=headings)
    view.add_row("evaluate", *["1000"] * len(headings))
    shown = io.StringIO()
    Console(file=shown, width=60).print(view)
    assert all(heading in shown.getvalue() for heading in headings)
    assert shown.getvalue().count("1000") == len(headings)
    assert max(map(len, shown.getvalue().splitlines())) <= 60
