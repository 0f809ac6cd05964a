"""What README.md and docs/ tell a reader to type exists: make targets, modules, settings; what they link to is there."""

import re
import shlex
from importlib.util import find_spec
from pathlib import Path

import pytest

from likeness.cli.compose import composed

ROOT = Path(__file__).parents[1]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "SECURITY.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]
FENCE = re.compile(r"^```[^\n]*\n(.*?)^```", re.M | re.S)
INLINE = re.compile(r"`([^`\n]+)`")


def commands() -> list[str]:
    """Every line of a code block and every piece of code in a sentence, without comments; `&&` joins two."""
    pieces = []
    for page in PAGES:
        text = page.read_text()
        pieces += [line.partition(" #")[0] for block in FENCE.findall(text) for line in block.splitlines()]
        pieces += INLINE.findall(FENCE.sub("", text))
    return sorted({part.strip() for piece in pieces for part in piece.split("&&")})


def starting(*words: str) -> list[list[str]]:
    """The commands that start with these words, split as a shell does."""
    return [
        shlex.split(command)[len(words) :]
        for command in commands()
        if command.split()[: len(words)] == list(words)
    ]


def overrides() -> list[list[str]]:
    """The settings of every `dvc exp run` and `-S ...`; of a sweep's values the first."""
    found = [re.findall(r"-S (?:'([^']+)'|(\S+))", command) for command in commands()]
    settings = [[quoted or plain for quoted, plain in pairs] for pairs in found if pairs]
    return [[re.sub(r"^([^\[]*?=[^,\[]*),.*", r"\1", one) for one in line] for line in settings]


def test_every_make_target_exists():
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.M))
    named = {word for words in starting("make") for word in words if "=" not in word}
    assert len(named) > 5
    assert named <= targets


def test_every_module_exists():
    modules = {words[0] for words in starting("python", "-m") if words}
    modules = {
        name for name in modules if name.split(".")[0] in ("likeness", "stages", "bench", "tools", "fakes")
    }
    assert len(modules) > 5
    assert {name for name in modules if "X" not in name and find_spec(name) is None} == set()


@pytest.mark.parametrize("settings", overrides(), ids=" ".join)
def test_every_setting_composes(settings):
    assert composed(ROOT, *settings)


def test_every_link_leads_somewhere():
    lost = []
    for page in PAGES:
        for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
            if "://" in target or target.startswith("mailto:"):
                continue
            name, _, heading = target.partition("#")
            file = (page.parent / name).resolve() if name else page
            headings = re.findall(r"^#+ (.+)$", file.read_text(), re.M) if heading and file.is_file() else []
            anchors = {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in headings}
            if not file.exists() or (heading and heading not in anchors):
                lost.append(f"{page.name}: {target}")
    assert lost == []
