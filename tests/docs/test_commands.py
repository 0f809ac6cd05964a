"""Each command line of the pages is typed by a test or has a reason why not; the quick ones are typed here."""

from pathlib import Path

import pytest
from doc_commands import ELSEWHERE, IN_CI, NOT_RUN, ON_THE_DEMO, QUICK, SERVES, TYPED
from doc_pages import HERE, ROOT, commands, page_name
from reader import Reader, mention, reader_of, to_type

from tools.repository_clone import clone_repository

LINES = {line: page_name(page) for page in HERE for line in commands(page)}


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    """A clone in which the graph has not run, with the settings of conf/: each worker types some of the lines in its own."""
    reader = reader_of(clone_repository(tmp_path_factory.mktemp("fresh")))
    reader.types("make params")
    return reader


def test_each_line_is_typed_or_has_a_reason():
    on_the_demo = {
        line for page in HERE if page_name(page) in (*ON_THE_DEMO, *ELSEWHERE) for line in to_type(page)
    }
    known = {*NOT_RUN, *IN_CI, *QUICK, *on_the_demo}
    assert [
        f"{page}: {line}" for line, page in LINES.items() if line not in known and not mention(line)
    ] == []


def test_the_tables_name_no_line_that_no_page_has():
    assert [line for line in [*NOT_RUN, *IN_CI, *QUICK, *TYPED, *SERVES] if line not in LINES] == []


def test_ci_runs_what_is_said_of_it():
    script = (ROOT / ".ci" / "run").read_text()
    assert [line for line in IN_CI if line != ".ci/run" and f"timed {line}\n" not in script] == []


@pytest.mark.slow
@pytest.mark.parametrize("line", QUICK)
def test_a_quick_line_runs(fresh, line):
    fresh.types(line)


@pytest.mark.slow
def test_what_they_leave_behind(fresh: Reader):
    """The lines above did what their pages say."""
    for line in QUICK:
        if line not in fresh.typed:
            fresh.types(line)
    assert "url = s3://my-likeness/dvc" in (fresh.folder / ".dvc" / "config").read_text()
    assert "NOBODY" in (fresh.folder / ".dvc" / "config.local").read_text()
    assert "config.local" not in fresh.bash("git status --porcelain --untracked-files=all")
    assert (fresh.folder / "data" / "checked.json").is_file()
    assert Path(fresh.folder / ".cache" / "ledger" / "plan.json").is_file()
