"""Names and links that lead out of their folder, and files that are none."""

import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from likeness.caption.text import find_overrides, override_at
from likeness.cli.app import app, main
from likeness.errors import ConfigError, InputError
from likeness.ingest.decode import decode_photo
from likeness.ingest.limits import Limits, read_file
from likeness.ingest.listing import photographs
from likeness.paths import PERSONA_NAME, PersonaPaths, RepositoryPaths, inside
from likeness.pipeline.manifest import MANIFEST, Entry, read_manifest, write_manifest
from likeness.stage_program import run
from likeness.strict_yaml import read_yaml

LIMITS = Limits(max_file_mb=1, max_megapixels=10, max_side_px=512, background_rgb=(0, 0, 0))
OUTSIDE = [
    "../x.png", "../../etc/passwd", "/etc/passwd", "a/../../x.png", "./x.png", "a//x.png", "..\\x.png", "C:\\x.png", "", "..", "a/",
    "x\n.png", "x\x1b[2J.png", "x\u202egnp.exe", "x" * 2000,
]  # fmt: skip


def entry(**changes: object) -> Entry:
    values = {
        "id": "jade-s1", "file": "jade-s1.png", "sha256": "0" * 64, "width": 1, "height": 1, "source": "s1", "target": None,
        "rating": "sfw", "faces": (), "provider": "x", "cost_usd": 0, "parents": (),
    }  # fmt: skip
    return Entry.model_validate(values | changes)


@pytest.mark.parametrize("name", OUTSIDE, ids=repr)
def test_a_name_that_leaves_its_folder_is_no_name(tmp_path, name):
    with pytest.raises(ValueError, match="below its folder"):
        inside(name)
    with pytest.raises(ValueError, match="below its folder"):
        entry(file=name)
    write_manifest(tmp_path, [entry()], [])
    line = (tmp_path / MANIFEST).read_text()
    (tmp_path / MANIFEST).write_text(json.dumps({**json.loads(line), "file": name}) + "\n")
    with pytest.raises(InputError) as caught:
        read_manifest(tmp_path)
    assert caught.value.reason == "bad-manifest"


@pytest.mark.parametrize("name", ["../jade", "jade/x", "a" * 40, "Jade", "", "jade\n", "-rf", ".", "jade s1"])
def test_a_personas_name_is_a_word(name):
    assert PERSONA_NAME.fullmatch(name) is None


@pytest.mark.parametrize("name", ["..", "", "jade/../mia", "/etc"])
@pytest.mark.parametrize(
    "words",
    [["purge", "--yes"], ["revoke", "--yes", "--id", "x-1"], ["new", "--kind", "self"], ["show"], ["export"], ["sign", "--yes"],
     ["renew"], ["bind"], ["artefacts"]],
    ids=lambda words: words[0],
)  # fmt: skip
def test_a_command_takes_no_path_for_a_persona(in_tmp, words, name):
    """`likeness consent purge ..` began to delete the folder above data/."""
    kept = in_tmp / "conf" / "config.yaml"
    kept.parent.mkdir()
    kept.write_text("x: 1\n")
    done = CliRunner().invoke(app, ["consent", *words, "--", name])
    assert done.exit_code != 0
    assert "is not a valid name of a persona" in done.output
    assert [path for path in in_tmp.rglob("*") if path.is_file()] == [kept]


@pytest.mark.parametrize("name", ["..", "", "jade/../mia", "/etc", "JADE"])
def test_no_folders_are_named_for_what_is_no_persona(name):
    with pytest.raises(ConfigError, match="not a valid name of a persona"):
        PersonaPaths(name)


def test_an_id_is_no_path():
    with pytest.raises(ValueError, match="id"):
        entry(id="a/b")


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/urandom", "/dev/tty", "/dev/stdin"])
def test_a_link_to_a_device_is_refused_at_once(tmp_path, device):
    link = tmp_path / "photo.jpg"
    link.symlink_to(device)
    with pytest.raises(InputError) as caught:
        decode_photo(link, LIMITS)
    assert caught.value.reason in ("not-a-file", "unreadable-file")


def test_a_pipe_and_a_folder_are_no_photograph_and_keep_nobody_waiting(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "folder.jpg").mkdir()
    for name in ("pipe.jpg", "folder.jpg"):
        with pytest.raises(InputError) as caught:
            read_file(tmp_path / name, LIMITS)
        assert caught.value.reason == "not-a-file"


def test_a_file_that_grows_while_it_is_read_is_read_to_the_limit(tmp_path, monkeypatch):
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"x" * 3_000_000)
    about = path.stat()
    small = os.stat_result((*about[:6], 10, *about[7:]))
    monkeypatch.setattr(Path, "stat", lambda *_, **__: small)
    assert len(read_file(path, LIMITS)) == 1_000_001


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    folder = tmp_path / "data" / "jade" / "raw" / "sources"
    folder.mkdir(parents=True)
    (folder / "a.jpg").write_bytes(b"a")
    return folder


@pytest.mark.parametrize("absolute", [True, False])
def test_a_link_that_leaves_data_is_refused_with_a_line(tmp_path, sources, absolute):
    (tmp_path / "secret.jpg").write_bytes(b"somebody else's")
    (sources / "b.jpg").symlink_to(tmp_path / "secret.jpg" if absolute else "../../../../secret.jpg")
    found, strays = photographs(sources)
    assert [path.name for path in found] == ["a.jpg"]
    assert [(stray.name, stray.kind, stray.reason) for stray in strays] == [
        ("b.jpg", "refused", "link-outside")
    ]


def test_a_link_within_data_is_a_photograph(sources):
    (sources.parent / "kept.jpg").write_bytes(b"k")
    (sources / "b.jpg").symlink_to("../kept.jpg")
    assert [path.name for path in photographs(sources)[0]] == ["a.jpg", "b.jpg"]


def test_a_link_that_dvc_laid_into_its_cache_is_the_file(in_tmp):
    """`dvc add data/jade/raw/sources` with `cache.type symlink`."""
    stored = in_tmp / ".dvc/cache/files/md5/ab/cdef"
    stored.parent.mkdir(parents=True)
    stored.write_text("jade, smiling")
    folder = in_tmp / "data/jade/raw/sources"
    folder.mkdir(parents=True)
    for name in ("b.jpg", "jade-s1.txt"):
        (folder / name).symlink_to(stored)
    assert [path.name for path in photographs(folder)[0]] == ["b.jpg"]
    read = override_at(folder / "jade-s1.txt")
    assert read is not None
    assert read.words == "jade, smiling"


def test_a_caption_is_no_link(tmp_path):
    (tmp_path / "passwd").write_text("jade, a secret")
    folder = tmp_path / "captions_override"
    folder.mkdir()
    (folder / "jade-s1.txt").symlink_to(tmp_path / "passwd")
    found, unread = find_overrides(folder, [entry()])
    assert found == {}
    assert [line.reason for line in unread] == ["override-unknown"]
    assert override_at(folder / "jade-s1.txt") is None


def test_a_caption_of_a_megabyte_is_not_read(tmp_path):
    (tmp_path / "jade-s1.txt").write_text("jade " * 300_000)
    assert find_overrides(tmp_path, [entry()])[0] == {}


@pytest.mark.timeout(20)
def test_a_pipe_for_settings_keeps_nobody_waiting(tmp_path):
    os.mkfifo(tmp_path / "params.yaml")
    with pytest.raises(ConfigError):
        read_yaml(tmp_path / "params.yaml", remedy="")


def masks_of(monkeypatch, function: str) -> list[int]:
    """The umasks in force when a function is called, which then ends the program."""
    seen: list[int] = []

    def instead(*_: object) -> None:
        seen.append(os.umask(0))
        os.umask(seen[-1])
        raise OSError("enough")

    monkeypatch.setattr(function, instead)
    return seen


def test_what_a_stage_writes_is_its_users_alone(tmp_path, monkeypatch):
    """Before its settings are read, and so before anything is written."""
    seen = masks_of(monkeypatch, "likeness.stage_program.load_config")
    with pytest.raises(OSError, match="enough"):
        run("swap", lambda current: None)
    assert seen == [0o077]


def modes(folder: Path) -> dict[str, str]:
    places = [
        folder / name for name in ("data", "models", "consent", ".cache", ".dvc/cache", ".dvc/tmp", "docs")
    ]
    return {str(place.relative_to(folder)): f"{place.stat().st_mode & 0o777:o}" for place in places}


def test_nobody_else_looks_into_the_folders_of_faces_whatever_the_umask_of_dvc_was(tmp_path):
    for name in ("data", "models", "consent", ".cache", ".dvc/cache", ".dvc/tmp", "docs"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name).chmod(0o777)
    RepositoryPaths(tmp_path).keep_from_others()
    assert modes(tmp_path) == dict.fromkeys(modes(tmp_path), "700") | {"docs": "777"}


def test_a_cache_that_dvc_shares_with_a_group_and_a_link_stay_as_they_are(tmp_path):
    (tmp_path / ".dvc" / "cache").mkdir(parents=True)
    (tmp_path / ".dvc" / "cache").chmod(0o2775)
    (tmp_path / "elsewhere").mkdir(mode=0o755)
    (tmp_path / "elsewhere").chmod(0o755)
    (tmp_path / "data").symlink_to("elsewhere")
    RepositoryPaths(tmp_path).keep_from_others()
    assert (tmp_path / ".dvc" / "cache").stat().st_mode & 0o7777 == 0o2775
    assert (tmp_path / "elsewhere").stat().st_mode & 0o777 == 0o755


def test_what_a_command_writes_is_its_users_alone(tmp_path, monkeypatch):
    """`likeness persona new` copies photographs, and a release."""
    seen = masks_of(monkeypatch, "likeness.cli.persona._refuse_name")
    monkeypatch.setattr("sys.argv", ["likeness", "persona", "new", "mia", "--sources", "."])
    before = os.umask(0)
    try:
        with pytest.raises(OSError, match="enough"):
            main()
        after = os.umask(0)
    finally:
        os.umask(before)
    assert (seen, after) == ([0o077], 0)
