"""Words of strangers on pages and cards: scripts, front matter, cells, pictures from elsewhere."""

import ast
import re
from pathlib import Path

import pytest
import yaml
from huggingface_hub import DatasetCardData
from markdown_it import MarkdownIt
from markupsafe import Markup

from likeness.formatting import card, markdown, printed, quoted
from likeness.report import page
from likeness.versions.accepted import changelog
from likeness.versions.record import Version

TEMPLATES = list((Path(page.__file__).parent / "templates").glob("*.html.j2"))


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_a_page_runs_no_script_and_asks_nobody(path):
    text = path.read_text()
    (policy,) = (line for line in text.splitlines() if "Content-Security-Policy" in line)
    assert "default-src 'none'" in policy
    # One page sorts its table: it runs the one script that its policy names by hash, and no attribute of it is a script.
    own = "; script-src 'sha256-{{ script_digest }}'"
    assert "script" not in policy.replace(own, "")
    assert text.count("<script") == text.count("<script>{{ script }}</script>") == policy.count(own)
    assert not re.search(r"\son[a-z]+=", text)
    assert "http" not in policy.replace("http-equiv", "")
    assert "|safe" not in text.replace(" ", "")


ATTACKS = {
    "a script": "<script>alert(1)</script>", "a picture": '<img src=x onerror="alert(1)">', "a cell": "x | y | z",
    "a link": "[x](javascript:1)",
    "a picture from elsewhere": "![x](https://collect.example/p.png)", "a comment": "<!-- -->",
    "an escape": "\x1b[2J", "turned": "a\u202eb", "a heading": "x\n\n# Free of charge", "a row": "x\r\n| y",
    "a link by reference": "![x][1]\n\n[1]: https://collect.example/p.png", "an end of a line": "x\u0085y\x0b\x0cz",
}  # fmt: skip


@pytest.mark.parametrize("text", ATTACKS.values(), ids=ATTACKS)
def test_a_card_shows_a_strangers_words_as_words(text):
    shown = markdown(text)
    assert "<" not in shown
    assert "](" not in shown
    assert "|" not in shown.replace("\\|", "")
    assert shown.isprintable()
    assert len(shown.splitlines()) == 1


ENDS = {
    "an escaped cell": "mine \\| MIT | free of charge", "two": "\\\\|", "a backslash": "\\", "code": "`", "code of two": "``x` y",
    "code and a cell": "`|`", "a link in brackets": "\\[x](javascript:1)", "a link behind a backslash": "[x\\](javascript:1)",
    "a picture": "!\u202e[x](//x.y)", "an autolink": "<javascript:1>", "a tag in entities": "&#60;script&#62;",
    "a link over two lines": "[x]\n(javascript:1)", "a tag behind a backslash": "\\<script>", "a fence": "\n```\n# Free",
    "an underline": "\n===", "a rule": "\n\n---\n", "a list": "\r- x", "a table": "\n| a | b |\n|---|---|\n", "a quote": "\u2028> x",
}  # fmt: skip
SHAPES = ("| a | b |\n|---|---|\n| x%s | end |\n", "Word %s and `code` end.\n", "- item %s\n- second\n")


@pytest.mark.parametrize("text", [*ENDS.values(), *ATTACKS.values()], ids=[*ENDS, *ATTACKS])
def test_a_cards_reader_sees_a_strangers_words_and_nothing_made_of_them(text):
    """The elements are those of the template, whatever stands in it."""
    render = MarkdownIt("commonmark").enable("table").render
    for shape in SHAPES:
        plain, shown = (re.findall(r"</?[a-z0-9]+", render(shape % one)) for one in ("x", markdown(text)))
        assert shown == plain


@pytest.mark.parametrize(
    "name",
    ['a"); import os; print("b', "x\\", '\\"); import os #', "a\u2028b", "a\x85b\x0c", "a|b<c>`d`", '"""'],
)
def test_code_in_a_card_holds_a_name_as_text_whatever_it_says(name):
    """As it leaves the template: what escapes words in a card escapes no code."""
    shown = markdown(quoted(name))
    assert ast.literal_eval(shown) == printed(name)
    assert len(shown.splitlines()) == 1


def test_no_name_stands_in_a_cards_code_but_as_a_string():
    for line in (TEMPLATES[0].parent / "card.md.j2").read_text().splitlines():
        assert '"{{' not in line.replace('"{{ family.', "")  # our own names
        assert "~ '\"'" not in line


@pytest.mark.parametrize("text", [*ENDS.values(), *ATTACKS.values()], ids=[*ENDS, *ATTACKS])
def test_a_list_of_versions_shows_what_weights_say_of_themselves_as_words(text):
    def elements(words: str) -> list[str]:
        one = Version(version=1, name=f"jade-v1{words}", of="x", sha256="0" * 64, md5="0" * 32, dataset=words,
                      trained_with={"ss_sd_model_name": words}, scores={}, rule={}, why=f"it is like her {words}")  # fmt: skip
        return re.findall(r"</?[a-z0-9]+", MarkdownIt("commonmark").render(changelog([one, one])))

    assert [one for one in elements(text) if "strong" not in one] == [
        one for one in elements("x") if "strong" not in one
    ]


def test_marked_up_text_stays_so_on_a_page():
    assert isinstance(printed(Markup("<b>x</b>")), Markup)
    assert printed(3) == 3


@pytest.mark.parametrize(
    "name",
    ["x\n---\nlicense: mit", "x\nlicense: mit", "': {a: b}", "# x", "&a *a", "!!python/object:os.system"],
)
def test_front_matter_holds_one_value_a_key_whatever_it_says(name, monkeypatch):
    monkeypatch.setattr("likeness.formatting.render", lambda *_, **__: "body")
    text = card(
        DatasetCardData(license="other", pretty_name=name, tags=[name]), "likeness.dataset", "card.md.j2"
    )
    front = text.removesuffix("\n---\n\nbody").removeprefix("---\n")
    said = yaml.safe_load(front)
    assert (said["license"], said["pretty_name"], said["tags"]) == ("other", name, [name])
