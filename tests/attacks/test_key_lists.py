"""Attacks on the lists of keys and on private keys: what others may write, what is no file, what lies in the repository."""

import os
import stat
from pathlib import Path

import pytest
from records import write
from signing import STRANGER, sign_as_test

from likeness.errors import ConfigError
from likeness.key_files import public_text
from likeness.safety.consent import load_consent
from likeness.safety.consent.signing import (
    ALLOWED,
    PRIVATE_KEY,
    allowed_signers,
    new_key,
    own_key,
)
from likeness.team_keys import MEMBERS, TeamKeys
from likeness.team_keys import PRIVATE_KEY as TEAM_KEY


def test_allowed_signers_in_the_repository_are_refused(tmp_path, monkeypatch):
    folder = write(tmp_path)
    sign_as_test(folder, "mia", STRANGER)
    home = tmp_path / "home"
    home.mkdir()
    (home / ALLOWED).write_text(f"{public_text(STRANGER)} a stranger\n")
    monkeypatch.setenv("LIKENESS_HOME", str(home))
    with pytest.raises(ConfigError) as caught:
        load_consent(folder, "mia")
    assert caught.value.reason == "keys-in-repository"


@pytest.fixture
def home(tmp_path, monkeypatch) -> Path:
    """This user's settings, with both lists of keys."""
    folder = tmp_path / "home"
    folder.mkdir(mode=0o700)
    for name in (ALLOWED, MEMBERS):
        (folder / name).write_text(f"{public_text(STRANGER)} a stranger\n")
    monkeypatch.setenv("LIKENESS_HOME", str(folder))
    return folder


LISTS = {
    ALLOWED: lambda: allowed_signers(Path("/nowhere")),
    MEMBERS: lambda: TeamKeys("test").members,
}


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("what", ["list", "folder"])
@pytest.mark.parametrize("bits", [0o020, 0o002])
def test_a_list_of_keys_that_others_may_write_is_refused(home, name, what, bits):
    place = home / name if what == "list" else home
    place.chmod(place.stat().st_mode | bits)
    with pytest.raises(ConfigError) as caught:
        LISTS[name]()
    assert caught.value.reason == "keys-open"


def a_pipe_there(path: Path) -> None:
    os.mkfifo(path, 0o600)


def a_folder_there(path: Path) -> None:
    path.mkdir(0o700)


def a_device_there(path: Path) -> None:
    path.symlink_to("/dev/zero")


def a_link_to_nothing(path: Path) -> None:
    path.symlink_to("/elsewhere/key")


def a_file_without_end(path: Path) -> None:
    path.touch(0o600)
    os.truncate(path, 2**33)


READERS = {**LISTS, PRIVATE_KEY: own_key, TEAM_KEY: lambda: TeamKeys("test").public}


@pytest.mark.parametrize("lay", [a_pipe_there, a_folder_there, a_device_there, a_link_to_nothing, a_file_without_end],
                         ids=lambda lay: lay.__name__)  # fmt: skip
@pytest.mark.parametrize("name", READERS)
def test_what_is_no_file_of_keys_keeps_nobody_waiting(home, name, lay):
    (home / name).unlink(missing_ok=True)
    lay(home / name)
    with pytest.raises(ConfigError) as caught:
        READERS[name]()
    assert caught.value.reason in ("no-key", "keys-invalid")


@pytest.mark.parametrize("line", ["nonsense", "AAAA a short key", f"{public_text(STRANGER)}"])
@pytest.mark.parametrize("name", LISTS)
def test_a_line_that_is_no_key_is_refused(home, name, line):
    (home / name).write_text(line + "\n")
    with pytest.raises(ConfigError) as caught:
        LISTS[name]()
    assert caught.value.reason == "keys-invalid"


def test_a_key_is_made_once_for_its_user_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("LIKENESS_HOME", str(tmp_path / "home"))
    key = new_key("J. Doe")
    path = tmp_path / "home" / PRIVATE_KEY
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert allowed_signers(tmp_path / "repository") == {key: "J. Doe"}
    with pytest.raises(ConfigError, match="there already"):
        new_key("J. Doe")
    path.chmod(0o644)
    with pytest.raises(ConfigError, match="read by others"):
        own_key()
