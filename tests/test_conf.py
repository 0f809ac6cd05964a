"""Every choice in conf/ composes, validates and can be built; params.yaml is what conf/ composes to."""

import shutil
from copy import deepcopy
from functools import reduce
from itertools import combinations
from pathlib import Path

import pytest
import yaml
from conf_sections import composition

from likeness.cli.compose import compose
from likeness.conf_digest import conf_digest
from likeness.config import load_config, validated
from likeness.errors import ConfigError

ROOT = Path(__file__).parent.parent
CONF = ROOT / "conf"
DEFAULTS = {
    f"{group}={choice}"
    for entry in yaml.safe_load((CONF / "config.yaml").read_text())["defaults"]
    if isinstance(entry, dict)
    for group, choice in entry.items()
}
CHOICES = sorted(
    {
        f"{path.parent.relative_to(CONF).as_posix()}={path.stem}"
        for path in CONF.glob("*/**/*.yaml")
        if path.parent.name not in ("persona", "experiment", "gpu", "quality", "vendor")
        and not path.stem.startswith("_")
    }
    - DEFAULTS
)  # what conf/config.yaml chooses is composed once, by no override
EXPERIMENTS = sorted(f"+experiment={path.stem}" for path in CONF.glob("experiment/[a-z]*.yaml"))
BASES = ("+experiment=sdxl", "+experiment=zimage", "+experiment=flux2")
QUALITIES = [f"+quality={path.stem}" for path in sorted(CONF.glob("quality/*.yaml"))]
GPUS = [f"+gpu={path.stem}" for path in sorted(CONF.glob("gpu/*.yaml"))]
# Each GPU once with each base, each quality once with each base; the other pairs of both are long.
PAIRED = {(n % len(QUALITIES), n % len(GPUS)) for n in range(max(len(QUALITIES), len(GPUS)))}
OVERLAYS = [
    pytest.param(
        (base, quality, gpu),
        id=f"{base} {quality} {gpu}",
        marks=() if (at, number) in PAIRED else (pytest.mark.slow, pytest.mark.long),
    )
    for base in BASES
    for at, quality in enumerate(QUALITIES)
    for number, gpu in enumerate(GPUS)
]
# These name what only a user has (files, a bucket, a model); without it they compose, and refuse to be built.
NEEDS_A_USER = {
    "faces=onnx",
    "swap=onnx",
    "swap=maxstudio",
    "enhance=superres",
    "caption=vlm",
    "caption=openai",
}
# What its own file says it needs.
NEEDS_A_SETTING = {
    "train/optimizer=prodigy": ["train.optimizer.text_encoder_lr=null"],
    "train/optimizer=schedule_free": ["train.schedule.lr_schedule=constant"],
}
# What the default training asks means nothing to it: its experiment has what fits.
NEEDS_AN_EXPERIMENT = {"base=zimage", "base=flux2"}


def compose_in(folder: Path, *overrides: str) -> Path:
    (folder / "params.yaml").write_bytes(composition(*overrides))
    return folder / "params.yaml"


@pytest.mark.parametrize("choice", ["", *CHOICES, *EXPERIMENTS])
def test_every_choice_composes_and_validates(tmp_path, choice):
    path = compose_in(tmp_path, *([choice] if choice else []), *NEEDS_A_SETTING.get(choice, ()))
    if choice in NEEDS_A_USER:
        with pytest.raises(ConfigError, match=r"it has no value yet, such as .*docs/providers\.md"):
            load_config(path)
        return
    if choice in NEEDS_AN_EXPERIMENT:
        with pytest.raises(ConfigError, match="conf/experiment"):
            load_config(path)
        return
    config = load_config(path)
    for section in ("swap", "enhance", "caption"):
        getattr(config, section).built()


def edited(place, value):
    """The committed settings with another value at a place."""
    values = yaml.safe_load((ROOT / "params.yaml").read_text())
    *above, last = place.split(".")
    reduce(lambda section, key: section[key], above, values)[last] = value
    return values


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        *(("train", value, f"train: {said} stands there; expected: keys with values")
          for value, said in ((None, "null"), ("x", "'x'"), (3, "3"), ([], "nothing"), ([True, None], "[true, null]"))),
        ("swap.provider._target_", None, "swap.provider._target_: null is not a registered provider"),
        ("train.optimizer._target_", {"a": False}, "train.optimizer._target_: {a: false} is not an optimizer"),
        ("marks.label", "x" * 4000, "expected: a text of at most"),
        ("faces.embedder", {"path": "a", "sha256": "short", "licence": "MIT"},
         "faces.embedder.sha256: 'short' stands there; expected: 64 hexadecimal digits"),
    ],
    ids=lambda value: str(value)[:30],
)  # fmt: skip
def test_a_value_by_hand_is_told_as_yaml_writes_it(place, value, words):
    with pytest.raises(ConfigError) as caught:
        validated(edited(place, value), ROOT / "params.yaml")
    assert words in str(caught.value)


def test_what_the_user_has_to_give_is_told_once_with_an_example(tmp_path):
    with pytest.raises(ConfigError) as caught:
        load_config(compose_in(tmp_path, "faces=onnx"))
    lines = [line for line in str(caught.value).splitlines() if line.startswith("  faces.")]
    assert [line.split(":")[0].strip() for line in lines] == [
        f"faces.embedder.{name}" for name in ("path", "sha256", "licence")
    ]
    assert all("such as" in line and "docs/providers.md" in line for line in lines)


@pytest.mark.slow
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_qualities_and_gpus_go_with_a_base(tmp_path, overlay):
    train = load_config(compose_in(tmp_path, *overlay)).train
    assert train.data.batch_size * train.schedule.gradient_accumulation == 4


def test_the_committed_params_are_what_conf_composes_to(tmp_path):
    assert yaml.safe_load(compose_in(tmp_path).read_text()) == yaml.safe_load(
        (ROOT / "params.yaml").read_text()
    )


# Lines with a value that two files may share: what happens to be equal, and the question to a model that reads pictures.
EQUAL_LINES = 4


def values(path: Path) -> set[str]:
    """The lines of a file that set something; headings, comments and choices of other files aside."""
    lines = {line.strip() for line in path.read_text().splitlines()}
    return {
        line
        for line in lines
        if line and not line.startswith(("#", "- override", "defaults:")) and line[-1] != ":"
    }


def test_nothing_is_written_twice():
    files = sorted(CONF.rglob("*.yaml"))
    twice = {
        f"{one.relative_to(CONF)}, {other.relative_to(CONF)}": shared
        for one, other in combinations(files, 2)
        if len(shared := values(one) & values(other)) > EQUAL_LINES
    }
    assert not twice, "one of the two inherits: defaults: [other, _self_]"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(CONF, tmp_path / "conf")
    return tmp_path / "conf"


def edit(path: Path, before: str, after: str) -> None:
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))


def test_a_corrected_comment_and_blank_lines_leave_the_digest(copy):
    for path in copy.rglob("*.yaml"):
        lines = path.read_text().splitlines()
        kept = [line for line in lines if line.startswith("# @package") or not line.lstrip().startswith("#")]
        path.write_text("# a word\n\n" + "\n".join(kept) + "\n\n")
    assert conf_digest(copy) == conf_digest(CONF)


@pytest.mark.parametrize(
    ("file", "before", "after"),
    [
        ("train/default.yaml", "seed: 42", "seed: 43"),
        ("train/full.yaml", "defaults: [default, _self_]", "defaults: [_self_, default]"),
        ("gpu/12gb.yaml", "# @package _global_", "# @package base"),
        ("persona/jade.yaml", "trigger: jade", "trigger: ohwx"),
    ],
)
def test_a_value_moves_the_digest(copy, file, before, after):
    edit(copy / file, before, after)
    assert conf_digest(copy) != conf_digest(CONF)


def test_a_new_name_moves_the_digest(copy):
    (copy / "train" / "full.yaml").rename(copy / "train" / "large.yaml")
    assert conf_digest(copy) != conf_digest(CONF)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("seed: 1\nseed: 2\n", "seed stands twice"),
        ("<<<<<<< HEAD\nseed: 1\n=======\nseed: 2\n>>>>>>> other\n", "conflict markers"),
        ("seed: [1\n", "not YAML"),
    ],
)
def test_a_file_that_cannot_be_meant_is_refused(copy, text, words):
    (copy / "train" / "default.yaml").write_text(text)
    with pytest.raises(ConfigError, match=words) as caught:
        conf_digest(copy)
    assert "default.yaml" in str(caught.value)
    assert "make params" in caught.value.remedy


def test_params_in_a_merge_name_the_remedy(tmp_path):
    (tmp_path / "params.yaml").write_text(
        "<<<<<<< HEAD\nconf_digest: a\n=======\nconf_digest: b\n>>>>>>> b\n"
    )
    with pytest.raises(ConfigError, match="conflict markers") as caught:
        load_config(tmp_path / "params.yaml")
    assert "make params" in caught.value.remedy


def test_no_value_comes_from_the_environment(tmp_path):
    with pytest.raises(ConfigError, match="computed while conf/ composes"):
        compose(ROOT, tmp_path / "params.yaml", ["budget.max_usd=${oc.env:HOME}"])


def test_all_problems_are_told_at_once(tmp_path):
    values = yaml.safe_load((ROOT / "params.yaml").read_text())
    values["items"]["workers"] = 0
    values["personas"]["jade"]["trigger"] = "???"
    values["resize"]["colour"] = "red"
    del values["tracking"]
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(values))
    with pytest.raises(ConfigError) as caught:
        load_config(tmp_path / "params.yaml")
    for place in ("items.workers", "personas.jade.trigger", "resize.colour", "tracking"):
        assert place in str(caught.value)
    assert "make params" in caught.value.remedy


def test_no_params_at_all_names_the_remedy(tmp_path):
    with pytest.raises(ConfigError, match="make params"):
        load_config(tmp_path / "params.yaml")


def test_a_personas_key_and_name_must_agree(tmp_path):
    values = yaml.safe_load((ROOT / "params.yaml").read_text())
    values["personas"]["mia"] = deepcopy(values["personas"]["jade"])  # YAML would write an alias
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(values))
    with pytest.raises(ConfigError, match="same word"):
        load_config(tmp_path / "params.yaml")
