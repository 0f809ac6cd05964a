"""Words where they come in: captions by hand, triggers, class words, prompts and negative prompts."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from likeness.caption.items import caption_entry, override_key, override_work
from likeness.caption.text import Override, find_overrides, override_at, read_override
from likeness.config import Config
from likeness.dataset.select import select
from likeness.digests import sha256_bytes
from likeness.errors import ConfigError, InputError
from likeness.pipeline.manifest import Entry, Manifest
from likeness.safety.gates import Subject, judge
from likeness.store.items import ItemStore
from likeness.strict_yaml import read_yaml
from likeness.train.config import DrawingConfig

ROOT = Path(__file__).parents[2]
PROMPTS = Path(__file__).with_name("harmless.txt").read_text(encoding="utf-8").splitlines()


def entry(text: str, **columns: object) -> Entry:
    return Entry(
        id="jade-s1", file="jade-s1-sfw-enhanced.jpg", sha256="0" * 64, width=64, height=64, source="s1", target=None,
        rating="sfw", faces=(), provider="x", cost_usd=0, parents=(), text=text, **columns,
    )  # fmt: skip


def allow(
    folder: Path,
    data: bytes,
    *,
    sha256: str | None = None,
    words: list[str],
    why: str = "two birds on a branch",
) -> None:
    (folder / "jade-s1.txt").write_bytes(data)
    line = {"sha256": sha256 or sha256_bytes(data), "words": words, "reason": why}
    (folder / "allowed.yaml").write_text(yaml.safe_dump({"jade-s1.txt": line}))


def test_a_harmless_word_that_is_told_can_be_allowed_for_one_file_with_a_reason(tmp_path):
    data = b"jade woman, feeding tits in a garden"
    allow(tmp_path, data, words=["tits"])
    found, unread = find_overrides(tmp_path, [entry("")])
    assert unread == []
    assert read_override(found["jade-s1"], trigger="jade") == data.decode()
    assert override_key(found["jade-s1"], trigger="jade") != override_key(Override(data), trigger="jade")
    work = override_work("jade-s1", found["jade-s1"], trigger="jade").make()
    item = ItemStore(tmp_path / "items").put("0" * 64, work.files, work.record)
    line = caption_entry(entry(""), item, "jade-s1.txt")
    assert line.allowed_words == ("tits",)
    assert len(select([entry("")], Manifest((line,), ()), allow_review=False)[0]) == 1


@pytest.mark.parametrize(
    ("data", "words", "sha256"),
    [
        (b"jade, feeding tits, nude", ["tits"], None),
        (b"jade, porn", ["porn"], None),
        (b"jade, a girl", ["girl"], None),
        (b"jade, 17 years old", ["17 years", "17 years old"], None),
        (b"jade, feeding tits", ["tits"], "1" * 64),
    ],
    ids=["another word beside it", "explicit", "a child", "an age", "another file's bytes"],
)
def test_what_nobody_may_allow_stays_refused(tmp_path, data, words, sha256):
    allow(tmp_path, data, words=words, sha256=sha256)
    with pytest.raises(InputError) as caught:
        read_override(override_at(tmp_path / "jade-s1.txt"), trigger="jade")
    assert caught.value.kind == "refused"


def test_no_reason_allows_nothing(tmp_path):
    allow(tmp_path, b"jade, tits", words=["tits"], why="ok")
    with pytest.raises(ConfigError, match="reason"):
        override_at(tmp_path / "jade-s1.txt")


def test_a_caption_edited_after_the_caption_stage_does_not_get_into_the_training_set():
    good = entry("jade woman, smiling").model_copy(update={"id": "jade-s2"})
    lines = Manifest((entry("jade woman, nude"), good), ())
    chosen, refused = select([entry(""), good], lines, allow_review=False)
    assert [one.image.id for one in chosen] == ["jade-s2"]
    assert [(line.id, line.kind, line.reason) for line in refused] == [
        ("jade-s1", "refused", "explicit-words")
    ]


def params(**persona: str) -> dict:
    values = read_yaml(ROOT / "params.yaml", remedy="")
    values["personas"]["jade"].update(persona)
    values["prices"] = {}  # of conf/prices.yaml
    return values


@pytest.mark.parametrize(
    "word", ["nud3jade", "jadenaked", "teenjade", "ｎｕｄｅ", "loli", "girl", "young girl", "nude woman"]
)
@pytest.mark.parametrize("key", ["trigger", "class_word"])
def test_a_trigger_and_a_class_word_hold_no_such_word_wherever_in_them(key, word):
    with pytest.raises(ValueError, match="says"):
        Config.model_validate(params(**{key: word}))


@pytest.mark.parametrize(
    "prompt",
    ["{trigger}, nude", "{trigger}, n u d e", "{trigger} as a girl", "16yo {trigger}", "{trigger}, 裸体"],
)
def test_a_prompt_that_evaluate_or_training_would_draw_is_refused(prompt):
    values = params()
    values["evaluate"]["prompts"] = [prompt]
    with pytest.raises(ValueError, match=r"evaluate\.prompts"):
        Config.model_validate(values)


def drawing_of_its_own(**changes: object) -> dict[str, Any]:
    """Settings with which training draws otherwise than evaluate does."""
    values = params()
    values["train"]["selection"]["sample_every_steps"] = 10
    drawn = {**values["ingest"], **values["evaluate"]}
    values["train"]["drawing"] = {name: drawn[name] for name in DrawingConfig.model_fields} | changes
    return values


def test_training_may_draw_by_settings_of_its_own():
    Config.model_validate(drawing_of_its_own(prompts=["{trigger} in a coat"], max_explicit=0.5))


@pytest.mark.parametrize(
    "changes",
    [{"prompts": ["{trigger}, nude"]}, {"prompts": ["16yo {trigger}"]}, {"prompts": ["{trigger[0]}ude"]},
     {"negative_prompt": "clothes"}, {"max_explicit": 1.0}, {"max_explicit": float("nan")}, {"review_explicit": 0.9}],
    ids=str,
)  # fmt: skip
def test_what_training_draws_by_settings_of_its_own_is_no_laxer(changes):
    with pytest.raises(ValueError, match=r"train\.drawing\.|in braces"):
        Config.model_validate(drawing_of_its_own(**changes))


@pytest.mark.parametrize(
    "prompt",
    [
        "{trigger}, (coat:-1.5)",
        "{trigger}, (coat::-.5)",
        "{trigger}, embedding:other_person",
        "{trigger} <lora:other:1>",
        "{trigger}, [na|x]ked",
        "{trigger}, __wear/nothing__",
    ],
)
def test_a_prompt_that_turns_words_round_or_loads_a_file_is_refused(prompt):
    values = params()
    values["evaluate"]["prompts"] = [prompt]
    with pytest.raises(ValueError, match="programs that draw"):
        Config.model_validate(values)


@pytest.mark.parametrize(
    "text",
    ["jade, {nu|xx}de", "jade, [na|x]ked", "jade, { a coat | na }ked", "jade, __a/file__", "${n=nu}${n}de"],
)
@pytest.mark.parametrize("door", ["prompt", "negative prompt"])
def test_a_choice_that_a_program_makes_is_refused_where_words_are_drawn(text, door):
    refusal = judge(door, Subject(text=text))
    assert refusal is not None
    assert refusal.reason == "drawing-syntax"


def test_a_word_put_together_of_prompt_and_trigger_is_found():
    values = params(trigger="nu", class_word="woman")
    values["evaluate"]["prompts"] = ["{trigger}-de {class_word}"]
    with pytest.raises(ValueError, match="nude"):
        Config.model_validate(values)


@pytest.mark.parametrize(
    "words",
    ["no clothes, clothes", "without clothing. clothing", "shirt, trousers, fabric", "dress", "camisa", "chemise", "Hose", "платье",
     "裙子", "シャツ", "saia", "kemeja", "mature", "(nude:-1.5)", "(nude : \u22121)", "embedding:undressed", "<lora:x:1>",
     "клоthing", "klothing", "sehtolc", "c l o t h i n g", "cl0thing", "clothyng", "clo thing",
     "clothes", "blurred, C L O T H E S", "сlothes", "clo\u200bthing", "underwear", "adult", "grown-up", "衣服", "成人",
     "ropa", "roupas",
     "vêtements", "Kleidung", "Erwachsene", "одежда", "взрослая", "कपड़े", "ملابس", "কাপড়", "大人"],
)  # fmt: skip
def test_a_negative_prompt_does_not_undress_or_make_younger(words):
    values = params()
    values["evaluate"]["negative_prompt"] = words
    with pytest.raises(ValueError, match="negative_prompt"):
        Config.model_validate(values)


def test_what_is_kept_out_may_be_named_in_the_negative_prompt():
    values = params()
    for words in (
        "nude, child",
        "no clothes, undressed, without clothing",
        "No  Clothes; hat, glasses, extra fingers",
        "worst quality, blurred, old, text",
    ):
        values["evaluate"]["negative_prompt"] = words
        assert Config.model_validate(values).evaluate.negative_prompt == words


def test_the_demos_own_words_pass():
    assert Config.model_validate(params()).personas["jade"].trigger == "jade"
