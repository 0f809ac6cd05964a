"""What `check` says of files and folders: links, pipes, a merge's markers, photographs that are not there."""

import os
import shutil
from pathlib import Path

import pytest

from likeness.cli.plan import plan_command
from likeness.errors import ConfigError
from likeness.safety.consent import in_force
from stages.check import main

pytestmark = pytest.mark.usefixtures("repository")


def test_a_link_to_nothing_is_named_before_dvc_meets_it():
    os.symlink("/nowhere/a.jpg", "data/jade/raw/sources/a.jpg")
    with pytest.raises(
        ConfigError, match=r"data/jade/raw/sources/a\.jpg is a link to /nowhere/a\.jpg"
    ) as caught:
        main()
    assert "copy the file itself" in caught.value.message


@pytest.mark.parametrize(
    "place",
    [
        "data",
        "models",
        "models/jade",
        "models/jade/training",
        "models/jade/report",
        ".cache",
        ".dvc/cache",
        ".dvc/tmp",
        "consent",
        "dvc.lock",
        ".gitignore",
        "conf/prices.yaml",
        "conf/train/full.yaml",
    ],
)
def test_what_is_a_link_to_nothing_is_told_before_any_work(place, in_tmp):
    """As to a disk that is not mounted: DVC itself says `[Errno 2]`, hours later."""
    shutil.rmtree(place, ignore_errors=True)
    Path(place).unlink(missing_ok=True)
    Path(place).parent.mkdir(parents=True, exist_ok=True)
    Path(place).symlink_to("/mnt/gone/models")
    with pytest.raises(
        ConfigError, match=f"{place} is a link to /mnt/gone/models, where nothing is"
    ) as caught:
        main()
    assert ("mount the disk" if "train/" not in place else "make params") in str(caught.value)


def test_an_output_that_dvc_linked_into_a_cache_that_was_emptied_stops_nothing():
    Path("models/jade").mkdir(parents=True)
    for name in ("jade-v1.safetensors", "jade_lora_dataset.zip"):
        Path("models/jade", name).symlink_to("/nowhere")
    main()


ONE = "  {0}.jpg:\n    number: 2\n    sha256: {1}\n"


@pytest.mark.parametrize(
    ("between", "says"),
    [(("", "", ""), "the same number to a.jpg and b.jpg"), (("<<<<<<< HEAD\n", "=======\n", ">>>>>>> b\n"), "conflict markers")],
    ids=["both sides, as they are", "markers"],
)  # fmt: skip
def test_numbers_of_two_branches_name_the_way_to_keep_both(between, says):
    first, second, end = between
    numbers = Path("data/jade/raw/numbers.yaml")
    text = (
        f"sources:\n{first}{ONE.format('a', 'a' * 64)}{second}{ONE.format('b', 'b' * 64)}{end}targets: {{}}\n"
    )
    numbers.write_text(text)
    with pytest.raises(ConfigError, match=says) as caught:
        main()
    assert "keep the lines of both sides, and give the next free number" in caught.value.message


def test_a_held_out_photograph_that_is_not_there_is_told_before_any_work():
    Path("data/jade/raw/sources/jade_08.png").unlink()
    with pytest.raises(ConfigError, match=r"held_out names jade_08\.png, not in data/jade/raw/sources"):
        main()


def test_that_no_image_would_be_made_is_told_before_any_work(set_base):
    set_base("swap.include_sources=false")
    with pytest.raises(
        ConfigError, match=r"raw/targets, and swap\.include_sources is false: no image is made"
    ):
        main()


def test_a_folder_without_photographs_is_told_before_any_work():
    for photograph in Path("data/jade/raw/sources").iterdir():
        photograph.unlink()
    Path("data/jade/raw/sources/notes.txt").touch()
    with pytest.raises(ConfigError, match=r"raw/sources holds no photograph\n  remedy: put 8 to 30"):
        main()


def test_that_every_photograph_is_held_out_is_told_before_any_work():
    Path("data/jade/raw/sources/jade_01.jpg").unlink()
    with pytest.raises(
        ConfigError, match=r"held_out names every photograph .*\n  remedy: leave two or three"
    ):
        main()


@pytest.mark.parametrize("folder", ["raw", "raw/sources", "raw/targets", "captions_override"])
def test_a_pipe_is_named_before_dvc_waits_at_it(folder):
    Path("data/jade", folder).mkdir(exist_ok=True)
    os.mkfifo(f"data/jade/{folder}/pipe.jpg")
    with pytest.raises(
        ConfigError, match=r"pipe\.jpg is a pipe, a socket or a device.*\n  remedy: delete it"
    ):
        main()


@pytest.mark.parametrize("file", ["raw/numbers.yaml", "captions_override/allowed.yaml"])
def test_a_merges_markers_in_what_a_person_keeps_are_told_before_any_work(file):
    Path("data/jade", file).write_text("a:\n<<<<<<< HEAD\n  b: 1\n=======\n  b: 2\n>>>>>>> other\n")
    with pytest.raises(ConfigError, match=f"{file} has the conflict markers of a merge"):
        main()


@pytest.mark.parametrize("file", [".gitignore", ".dvcignore", ".dvc/config", ".dvc/config.local", "dvc.yaml"])
def test_a_merges_markers_in_what_git_and_dvc_read_are_told(file):
    Path(".dvc").mkdir()
    Path(file).write_bytes(b"<<<<<<< HEAD\r\none\r\n=======\r\n\xff\r\n>>>>>>> other\r\n")
    with pytest.raises(ConfigError, match=f"{file} has the conflict markers of a merge"):
        main()


@pytest.mark.parametrize("name", [".dvcignore", ".dvc/config", "dvc.lock"])
def test_a_folder_in_the_place_of_a_file_of_git_s_or_dvc_s_is_named(name):
    """DVC says `unexpected error` of it, before `check` runs: a plan names it, too."""
    Path(name).mkdir(parents=True)
    for door in (main, lambda: plan_command([], as_json=False)):
        with pytest.raises(ConfigError, match=f"{name} is a folder, and git or DVC reads a file there"):
            door()


@pytest.mark.parametrize("folder", ["raw/sources", "captions_override"])
def test_a_missing_folder_is_told_with_what_to_do(folder):
    shutil.rmtree(Path("data/jade", folder))
    with pytest.raises(ConfigError, match=f"there is no folder data/jade/{folder}"):
        main()


@pytest.mark.parametrize("folder", ["raw/source", "sources", "raw/Sources"])
def test_a_folder_under_another_name_is_shown_where_one_is_missing(folder):
    shutil.rmtree("data/jade/raw/sources")
    Path("data/jade", folder).mkdir()
    with pytest.raises(
        ConfigError, match=f"there is no folder data/jade/raw/sources; there is data/jade/{folder}\n"
    ):
        main()


def test_targets_without_a_record_are_told_before_any_work(monkeypatch):
    signed = in_force(Path.cwd(), "jade", ["train"])
    without = signed.model_copy(update={"targets": None})
    monkeypatch.setattr("likeness.check.in_force", lambda *_, **__: without)
    Path("data/jade/raw/targets").mkdir()
    main()  # without targets there is no need of a record of them
    Path("data/jade/raw/targets/one.jpg").touch()
    with pytest.raises(ConfigError, match=r"no record consent/jade\.targets\.yaml of them"):
        main()


def test_photographs_of_nobody_are_told(capsys):
    Path("data/mia/raw/sources").mkdir(parents=True)
    main()
    assert "data/mia/raw belongs to no persona" in capsys.readouterr().err
