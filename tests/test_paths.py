"""Names a person can read, and every file of a persona in one place."""

import os
import re
from pathlib import Path

import pytest
import yaml
from conf_sections import composition
from hypothesis import given
from hypothesis import strategies as st

from likeness.config import validated
from likeness.errors import ConfigError, InputError
from likeness.paths import PERSONA_NAME, PersonaPaths, image_name, item_id, require_file
from likeness.strict_yaml import parse_yaml

ROOT = Path(__file__).parents[1]

PERSONAS = st.from_regex(PERSONA_NAME, fullmatch=True)
NUMBERS = st.integers(min_value=1, max_value=10**6)


IMAGES = st.tuples(
    PERSONAS,
    NUMBERS.map("s{}".format),
    st.none() | NUMBERS.map("t{}".format),
    st.sampled_from(["sfw", "review"]),
    st.sampled_from(["swapped", "enhanced"]),
    st.just("jpg"),
)


@given(IMAGES, IMAGES)
def test_two_images_never_have_one_name_and_each_name_begins_with_its_id(one, other):
    assert (image_name(*one) == image_name(*other)) == (one == other)
    assert image_name(*one).startswith(item_id(*one[:3]) + "-")


@pytest.mark.parametrize("name", ["con", "aux", "nul", "prn", "com1", "lpt9"])
def test_no_persona_is_called_as_a_device_of_windows_is(name):
    """Neither a clone nor an archive of it could be laid out there."""
    with pytest.raises(ConfigError, match="Windows has no folder of that name"):
        PersonaPaths(name)
    values = parse_yaml(composition().decode())
    values["personas"] = {name: {**values["personas"]["jade"], "name": name}}
    with pytest.raises(ConfigError, match="and not as a device"):
        validated(values, Path("params.yaml"))


def test_the_missions_own_example():
    assert image_name("jade", "s1", "t1", "sfw", "enhanced", "jpg") == "jade-s1-t1-sfw-enhanced.jpg"


def paths_of(persona: str) -> set[str]:
    return {value.as_posix() for value in vars(PersonaPaths(persona)).values() if isinstance(value, Path)}


def test_every_output_of_the_graph_is_a_path_that_paths_py_knows():
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    outs = [
        next(iter(out)) if isinstance(out, dict) else out
        for stage in stages.values()
        for kind in ("outs", "metrics", "plots")
        for out in stage.get("do", {}).get(kind, ())
    ]
    assert len(outs) > 15
    assert {out.replace("${key}", "jade") for out in outs} <= paths_of("jade")


def test_no_module_joins_a_path_that_paths_py_knows():
    """`places.training / "loss.csv"` is `places.loss_csv`."""
    joins = re.compile(r"\b(?:places|paths)\.\w+ / f?\"")
    for folder in ("likeness", "stages"):
        for path in (ROOT / folder).rglob("*.py"):
            assert not joins.search(path.read_text()), path


def test_no_module_reads_labels_out_of_an_id_or_a_name():
    """Only paths.py takes a name apart: the step of a checkpoint, which it has put there itself."""
    parsing = re.compile(r"""\.(?:split|rsplit|partition|rpartition)\(["']-""")
    found = {path.name for path in (ROOT / "likeness").rglob("*.py") if parsing.search(path.read_text())}
    assert found == {"paths.py"}


def test_checkpoints_are_listed_by_their_step(in_tmp):
    places = PersonaPaths("jade")
    places.checkpoints.mkdir(parents=True)
    for step in (1_000_000, 500):
        places.checkpoint(step).touch()
    assert places.checkpoints_by_step() == {
        500: places.checkpoint(500),
        1_000_000: places.checkpoint(1_000_000),
    }
    assert places.checkpoint(500).name == "jade-v1-step-000500.safetensors"


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda path: None, "missing"),
        (lambda path: path.mkdir(), "a folder, and no file"),
        (os.mkfifo, "a pipe, a socket or a device"),
        (lambda path: path.symlink_to("disk/x"), "a link to disk/x, where nothing is"),
    ],
    ids=["nothing", "folder", "pipe", "link"],
)
def test_what_lies_in_a_files_place_is_told(in_tmp, make, what):
    make(Path("jade-v1.safetensors"))
    with pytest.raises(InputError) as caught:
        require_file(Path("jade-v1.safetensors"), remedy="run it")
    assert caught.value.message == f"jade-v1.safetensors is {what}"
