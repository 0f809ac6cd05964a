"""What the pages show: their links, the pieces of code in their sentences, and the commands that a reader types."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
FRONT = tuple(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md"))
PAGES = (*FRONT, *sorted((ROOT / "docs").rglob("*.md")))
# A test does what these say in a copy of the repository, which has what they add.
COST_OF_CHANGE = (ROOT / "tests" / "graph" / "test_cost_of_change.py").read_text()
FOLLOWED_ELSEWHERE = set(re.findall(r'follow\("([a-z-]+\.md)"', COST_OF_CHANGE))
HERE = tuple(page for page in PAGES if page.name not in FOLLOWED_ELSEWHERE)
BLOCK = re.compile(r"^ *```([^\n]*)\n(.*?)^ *```\n", re.M | re.S)
CODE = re.compile(r"`([^`]+)`")
# A sentence's piece of code is a command when it starts with a program's name and says what to do.
COMMAND = re.compile(
    r"(make|likeness|dvc|python|git|pip|mlflow|accelerate|aws|pre-commit|export|\$EDITOR) |\.ci/run"
)


def page_name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path) -> list[tuple[str, str]]:
    """The language and the text of each block of code."""
    return BLOCK.findall(page.read_text())


def pieces(page: Path) -> list[str]:
    """Each piece of code within a sentence; a line break in one is a space."""
    return [" ".join(piece.split()) for piece in CODE.findall(BLOCK.sub("", page.read_text()))]


def lines(page: Path) -> list[tuple[str, bool]]:
    """The command lines of a page in the order of reading, and whether each stands in a block: those of `sh`, those
    after `$` of `console`, and the pieces of sentences that are commands."""
    found: list[tuple[str, bool]] = []
    for match in re.finditer(f"{BLOCK.pattern}|{CODE.pattern}", page.read_text(), re.M | re.S):
        language, block, piece = match.groups()
        if piece is not None:
            found += [(piece, False)] if COMMAND.match(piece) else []
        elif language == "sh":
            found += [(line, True) for line in block.replace("\\\n", " ").splitlines()]
        elif language == "console":
            found += [(line.removeprefix("$ "), True) for line in block.splitlines() if line.startswith("$ ")]
    bare = ((" ".join(re.sub(r"\s#.*", "", line).split()), in_block) for line, in_block in found)
    return [(line, in_block) for line, in_block in bare if line]


def commands(page: Path) -> list[str]:
    """The command lines of a page, each once."""
    return list(dict.fromkeys(line for line, _ in lines(page)))


def shown(page: Path) -> dict[str, list[str]]:
    """What the page's `console` blocks show below each line."""
    below: dict[str, list[str]] = {}
    for language, text in blocks(page):
        line = None
        for row in text.splitlines() if language == "console" else ():
            if row.startswith("$ "):
                line = row.removeprefix("$ ").partition(" #")[0].strip()
                below[line] = []
            elif line is not None:
                below[line].append(row)
    return below
