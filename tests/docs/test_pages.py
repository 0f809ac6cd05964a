"""What the pages name exists: links, files, settings, make targets, modules, commands and their options."""

import re
import shlex
import tomllib
from importlib.util import find_spec
from itertools import pairwise
from typing import Any

import pytest
import typer
import yaml
from doc_pages import BLOCK, HERE, PAGES, ROOT, blocks, commands, page_name, pieces

from likeness.cli.app import app
from likeness.cli.compose import composed
from likeness.pipeline.stage import STAGES
from likeness.safety.consent import Consent

LANGUAGES = {"sh", "console", "text", "python", "yaml", "json"}
# A file of the repository in a sentence or a piece of code; in capitals is what a reader fills in.
FILE = re.compile(
    r"(?<![\w./~-])((?:likeness|stages|conf|tests|tools|bench|fakes|docs|consent|\.github)/[\w./-]*[\w/])"
)
# What a reader writes.
NOT_HERE = {
    "conf/persona/mia.yaml",
    "consent/purged/",
    *(
        f"consent/{name}"
        for name in ("mia.yaml", "mia.targets.yaml", "nora.yaml", "nora.targets.yaml", "nora.md")
    ),
}
SECTIONS = (
    *("personas", "budget", "s3", "items", "ingest", "swap", "resize", "enhance", "caption"),
    *("dataset", "base", "train", "evaluate", "comfy", "report", "publish", "marks", "tracking", "cloud"),
)
SETTING = re.compile(rf"(?<![\w./@-])(?:{'|'.join(SECTIONS)})(?:\.[a-z0-9_]+)+(?![\w(/])")
COMMANDS = sorted({part.strip() for page in HERE for line in commands(page) for part in line.split("&&")})


def starting(*words: str) -> list[list[str]]:
    """What follows these words in the commands that start with them, split as a shell does."""
    split = [shlex.split(command) for command in COMMANDS]
    return [command[len(words) :] for command in split if command[: len(words)] == list(words)]


def overrides() -> list[list[str]]:
    """The settings of each `dvc exp run` and `likeness params`; of a sweep's values the first."""
    runs = [
        [word for before, word in pairwise(words) if before == "-S"]
        for words in (shlex.split(command) for command in COMMANDS)
    ]
    composes = [[word for word in words if "=" in word] for words in starting("likeness", "params")]
    settings = [line for line in [*runs, *composes] if line]
    return [[re.sub(r"^([^\[]*?=[^,\[]*),.*", r"\1", one) for one in line] for line in settings]


def settings_of(values: Any) -> set[str]:
    """All dotted names within."""
    if not isinstance(values, dict):
        return set()
    return {
        name
        for key, value in values.items()
        for name in (key, *(f"{key}.{more}" for more in settings_of(value)))
    }


def choices() -> set[str]:
    """All settings of all choices of conf/, by the group's name."""
    known = settings_of(composed(ROOT))
    for path in (ROOT / "conf").glob("*/*.yaml"):
        known |= {f"{path.parent.name}.{name}" for name in settings_of(yaml.safe_load(path.read_text()))}
    return known


def test_each_block_names_its_language():
    nameless = [
        (page_name(page), text.splitlines()[0])
        for page in PAGES
        for language, text in blocks(page)
        if language not in LANGUAGES
    ]
    assert nameless == []


def test_each_make_target_exists():
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.M))
    named = {word for words in starting("make") for word in words if "=" not in word}
    assert len(named) > 5
    assert named <= targets


def test_each_module_exists():
    modules = {words[0] for words in starting("python", "-m")}
    assert len(modules) > 5
    assert {name for name in modules if find_spec(name) is None} == set()


def test_each_command_of_likeness_and_each_option_exists():
    named = starting("likeness")
    assert len(named) > 10
    for words in named:
        group: Any = typer.main.get_command(app)
        while hasattr(group, "commands"):
            assert words[0] in group.commands, words
            group, words = group.commands[words[0]], words[1:]
        options = {name for parameter in group.imported().params for name in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= options


def test_each_stage_of_the_graph_exists():
    text = "".join(page.read_text() for page in HERE)
    named = set(re.findall(r"\b([a-z]+)@(?:jade|mia)\b", text)) | set(
        re.findall(r"-m stages\.([a-z]+)", text)
    )
    assert len(named) > 3
    assert named - {"persona"} <= {spec.name for spec in STAGES}


@pytest.mark.slow
@pytest.mark.parametrize("settings", overrides(), ids=" ".join)
def test_each_override_composes(settings):
    assert composed(ROOT, *(one for one in settings if one != "..."))


def test_each_setting_exists():
    known = choices()
    named = {
        (page_name(page), name)
        for page in HERE
        if "decisions" not in page.parts  # a decision speaks of its day
        for piece in pieces(page)
        for name in SETTING.findall(piece)
        if not name.endswith((".py", ".yaml", ".md", ".json", ".jsonl"))
    }
    assert len(named) > 30
    assert sorted((page, name) for page, name in named if name not in known) == []


def test_each_file_exists():
    named = {
        (page_name(page), name)
        for page in HERE
        for name in FILE.findall(BLOCK.sub("", page.read_text()))
        if not re.search(r"[A-Z]{3}", name) and name not in NOT_HERE
    }
    assert len(named) > 50
    assert sorted((page, name) for page, name in named if not (ROOT / name).exists()) == []


def test_each_link_leads_somewhere():
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


def test_the_layers_of_the_architecture_are_those_of_the_contract():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["name"] == "layers")
    # The layer of small modules beside `paths` is not listed whole.
    names = [["likeness.paths"] if "likeness.paths" in layer else layer.split(" | ") for layer in layers]
    held = [name.removeprefix("likeness.") for layer in names for name in layer]
    page = ROOT / "docs" / "architecture.md"
    block = next(text for _, text in blocks(page) if text.startswith("stages"))
    rows = [re.split(r" {2,}", row)[0] for row in block.splitlines()]
    assert [name for row in rows for name in re.split(r"[, ]+", row)] == held


def test_each_page_is_linked():
    linked = {
        (page.parent / target.partition("#")[0]).resolve()
        for page in PAGES
        for target in re.findall(r"\]\(([^)\s:]+)\)", page.read_text())
    }
    pages = {page for page in PAGES if page.parent.name != "decisions" and page.parent != ROOT}
    assert {page_name(page) for page in pages - linked} == set()


def test_decisions_are_numbered_without_gaps_and_say_their_number():
    pages = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert [int(page.name[:4]) for page in pages] == list(range(1, len(pages) + 1))
    for page in pages:
        assert page.read_text().startswith(f"# {int(page.name[:4])}. ")


def test_the_errors_of_the_s3_page_are_those_of_the_code():
    table = (ROOT / "docs" / "s3.md").read_text().partition("| the message | the cause |")[2]
    messages = re.findall(r"^\| `([^`]+)`", table, re.M)
    code = "".join(path.read_text() for path in (ROOT / "likeness" / "store").glob("*.py"))
    assert len(messages) > 5
    constant = [
        part
        for message in messages
        for part in re.split(r"\.\.\.: |us-west-2, |eu-central-1|N items ", message)
    ]
    assert [part for part in constant if part.strip() not in code] == []


def test_the_records_of_the_consent_page_are_valid():
    record, targets = (
        yaml.safe_load(text) for language, text in blocks(ROOT / "docs" / "consent.md") if language == "yaml"
    )
    jade = yaml.safe_load((ROOT / "consent" / "jade.yaml").read_text())
    digest = jade["evidence"]["sha256"]
    # The page shortens them.
    record["face"], record["signature"] = jade["face"], jade["signature"]
    photos = [*record["photos"].values(), *targets["photos"].values()]
    for shortened in (record["evidence"], targets["release"], *photos):
        shortened["sha256"] = digest
    consent = Consent(**record, targets=targets)
    assert consent.persona == "mia"
    named = set(
        re.findall(r"^\| ((?:`[a-z]+`(?:, )?)+) \|", (ROOT / "docs" / "consent.md").read_text(), re.M)
    )
    fields = {name for row in named for name in re.findall("`([a-z]+)`", row)}
    assert fields | {"targets"} == set(Consent.model_fields)
