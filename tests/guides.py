"""The pages docs/adding-*.md as instructions: their blocks become files, their commands are run as written."""

import re
from pathlib import Path
from textwrap import indent

from tools.repository_clone import SHORT, RepositoryClone

DOCS = Path(__file__).parents[1] / "docs"
BLOCK = re.compile(
    r"^`(?P<file>[^`]+)`(?:, above `(?P<above>[^`]+)`)?:\n\n```(?P<kind>\w+)\n(?P<text>.*?)^```$", re.M | re.S
)
COMMANDS = re.compile(r"^```sh\n(.*?)^```$", re.M | re.S)
# What a command writes, and no person.
COMPOSED = {"params.yaml", "dvc.lock"}


def follow(page: str, clone: RepositoryClone) -> None:
    """Write what the page shows: a whole file, or lines above the one line of a file that begins so, indented
    like it."""
    blocks = list(BLOCK.finditer((DOCS / page).read_text()))
    assert blocks, f"{page} shows no file"
    for block in blocks:
        path, text = clone.folder / block["file"], block["text"]
        if block["above"] is None:
            assert not path.exists(), f"{page} writes over {path}"
        else:
            lines = path.read_text().splitlines(keepends=True)
            (at,) = (n for n, line in enumerate(lines) if line.strip().startswith(block["above"]))
            margin = lines[at][: -len(lines[at].lstrip())]
            end = ",\n" if block["kind"] == "python" else "\n\n"  # a member of a tuple, or a paragraph
            text = "".join([*lines[:at], indent(text.rstrip() + end, margin), *lines[at:]])
        path.write_text(text)


def commands(page: str) -> list[list[str]]:
    """What the page tells to type; `likeness` is that of the copy, not the installed one, and training is short."""
    lines = "".join(COMMANDS.findall((DOCS / page).read_text())).splitlines()
    typed = [line.replace("likeness ", "python -m likeness ", 1).split() for line in lines]
    return [[*words, *SHORT] if "params" in words else words for words in typed]


def touched(clone: RepositoryClone) -> set[str]:
    """The files that a person added or changed."""
    said = clone.run("git", "status", "--porcelain", "--untracked-files=all").stdout.splitlines()
    return {line[3:] for line in said} - COMPOSED
