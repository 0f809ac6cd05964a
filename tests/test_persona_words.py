"""Trigger and class word: what they become must be able to hold them."""

import unicodedata

import pytest
import yaml
from conf_sections import ROOT

from likeness.config import load_config
from likeness.errors import ConfigError
from likeness.persona import prompt_naming


def params(tmp_path, **words):
    values = yaml.safe_load((ROOT / "params.yaml").read_text())
    values["personas"]["jade"].update(words)
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(values))
    return path


@pytest.mark.parametrize("name", ["trigger", "class_word"])
@pytest.mark.parametrize(
    "text",
    [
        "ohwx/jade",
        "ohwx\\jade",
        " ",
        "",
        "..",
        "jade, ginger",
        "jade ",
        "a  b",
        "a\nb",
        "<jade>",
        "(jade:1.2)",
        "j" * 65,
        "玉" * 41,  # 123 bytes: with the other word no file's name holds it
        "jade AND x",
        "BREAK",
        "\u3164",  # Hangul's filler: a letter that nobody sees
        "jade\u115f",
        "ja\ufe0fde",
        "\u0301jade",
        "jade--w 64",  # a flag of sd-scripts' prompts
    ],
)
def test_what_is_no_path_tag_or_token_is_refused_with_an_example(tmp_path, name, text):
    with pytest.raises(ConfigError, match="ohwx or young woman") as caught:
        load_config(params(tmp_path, **{name: text}))
    assert f"personas.jade.{name}" in str(caught.value)


@pytest.mark.parametrize(
    "text",
    ["ohwx", "young woman", "O'Neil", "J-2", "jade_01", "Zoë", "玉", "Break andy", "नीलम", "หยก", "يَشْم", "1"],
)
def test_words_of_any_script_are_taken_in_one_form(tmp_path, text):
    config = load_config(params(tmp_path, trigger=unicodedata.normalize("NFD", text)))
    assert config.personas["jade"].trigger == unicodedata.normalize("NFC", text)


@pytest.mark.parametrize(
    ("words", "prompt"),
    [
        ("in a library", "jade woman, in a library"),
        ("Jade in a red coat", "jade woman in a red coat"),
        (" jade, smiling", "jade woman, smiling"),
        ("a portrait of jade woman", "a portrait of jade woman"),
        ("jaded and tired", "jade woman, jaded and tired"),
        ("", "jade woman"),
        ("  ", "jade woman"),
    ],
)
def test_a_prompt_names_the_person_once(words, prompt):
    assert prompt_naming("jade", "woman", words) == prompt
