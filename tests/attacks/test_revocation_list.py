"""The list of revocations, and the team's."""

import os
import shutil
from pathlib import Path

import pytest
from consent_clone import DAY, USES, allowed, commit, end, git, the_line_taken_out
from records import write
from signing import edit_and_sign

from likeness.cli.revoke import revoke_command
from likeness.digests import sha256_bytes
from likeness.errors import ConsentError
from likeness.safety.consent import in_force, load_consent
from likeness.safety.consent.revocations import (
    LIST,
    Revocation,
    learn_from_team,
    revocations,
    revoke,
    share,
    state_folder,
)
from likeness.store.s3 import Remote

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda lines: lines[1:], id="first line taken out"),
        pytest.param(lambda lines: [lines[0], lines[2]], id="line in the middle taken out"),
        pytest.param(lambda lines: [lines[1], lines[0], lines[2]], id="order changed"),
        pytest.param(lambda lines: [lines[0].replace("one", "own"), *lines[1:]], id="an id changed"),
        pytest.param(lambda lines: [*lines, "{}"], id="a line that is none"),
        pytest.param(lambda lines: ["nonsense", *lines], id="no JSON"),
    ],
)
def test_a_list_that_was_changed_is_refused(tmp_path, change):
    for name in ("one", "two", "three"):
        assert revoke(tmp_path, Revocation(id=name, persona="mia", date=DAY))
    path = state_folder(tmp_path) / LIST
    lines = path.read_text().splitlines()
    path.write_text("\n".join(change(lines)) + "\n")
    with pytest.raises(ConsentError) as caught:
        revocations(tmp_path)
    assert caught.value.reason == "revocations-changed"
    folder = write(tmp_path)
    with pytest.raises(ConsentError):
        load_consent(folder, "mia")


def cut_off(root: Path) -> None:
    path = state_folder(root) / LIST
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))


def emptied(root: Path) -> None:
    (state_folder(root) / LIST).write_bytes(b"")


def put_back_from_a_backup(root: Path) -> None:
    shutil.rmtree(state_folder(root))


def git_taken_away(root: Path) -> None:
    shutil.rmtree(root / ".git")


def cloned_anew(root: Path) -> None:
    """A clone of the commit from before, at the same place."""
    git(root, "clone", "-q", str(root), str(root.parent / "fresh"))
    shutil.rmtree(root)
    (root.parent / "fresh").rename(root)


def git_somewhere_else(root: Path) -> None:
    (root / ".git").rename(root.parent / "elsewhere")
    (root.parent / "elsewhere/likeness").rename(root.parent / "away")
    (root / ".git").write_text(f"gitdir: {root.parent / 'elsewhere'}\n")


@pytest.mark.parametrize(
    "attack",
    [cut_off, emptied, put_back_from_a_backup, git_taken_away, cloned_anew, git_somewhere_else],
    ids=lambda attack: attack.__name__,
)
@pytest.mark.parametrize("known", [0, 2])
def test_a_list_that_was_cut_off_or_rolled_back_forgets_nothing(repository, attack, known):
    for number in range(known):
        revoke(repository, Revocation(id=f"other-{number}", persona="ann", date=DAY))
    end(repository)
    the_line_taken_out(repository)
    attack(repository)
    assert not allowed(repository)
    assert {one.id for one in revocations(repository)} >= {"mia-2026-01"}


def test_a_release_that_was_withdrawn_in_one_clone_is_withdrawn_in_all_of_this_user(repository, tmp_path):
    """Cloned anew, copied before, under another id: the release is the same."""
    other = tmp_path / "other"
    shutil.copytree(repository, other)
    git(tmp_path, "clone", "-q", str(repository), "anew")
    end(repository)
    assert not allowed(other)
    assert not allowed(tmp_path / "anew")
    edit_and_sign(other / "consent", "mia", id="mia-once-more")
    assert not allowed(other)


def test_another_persons_revocation_of_the_same_id_ends_nothing_here(repository, tmp_path):
    revoke(tmp_path / "other", Revocation(id="mia-2026-01", persona="mia", date=DAY, evidence="a" * 64))
    assert allowed(repository)


def test_a_synthetic_person_that_was_revoked_in_one_clone_may_be_tried_in_another(tmp_path):
    evidence = sha256_bytes((ROOT / "consent/synthetic-people.md").read_bytes())
    one = Revocation(id="jade-2026-11", persona="jade", date=DAY, evidence=evidence)
    revoke(tmp_path / "other", one)
    assert load_consent(ROOT / "consent", "jade").revoked is None


@pytest.mark.parametrize("what", ["folder", "link to a device", "pipe", "no UTF-8", "an empty line"])
def test_a_list_that_is_none_refuses_everything_and_keeps_nobody_waiting(repository, what):
    path = state_folder(repository) / LIST
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    if what == "folder":
        path.mkdir()
    elif what == "link to a device":
        path.symlink_to("/dev/zero")
    elif what == "pipe":
        os.mkfifo(path)
    else:
        path.write_bytes(b"\xff\xfe\n" if what == "no UTF-8" else b"\n")
    with pytest.raises(ConsentError) as caught:
        load_consent(repository / "consent", "mia")
    assert caught.value.reason == "revocations-changed"


def test_an_id_has_one_line(tmp_path):
    line = Revocation(id="one", persona="mia", date=DAY)
    assert [revoke(tmp_path, line), revoke(tmp_path, line)] == [True, False]
    assert len(revocations(tmp_path)) == 1


def test_a_list_that_was_deleted_is_filled_again_from_git(repository):
    end(repository)
    commit(repository)
    the_line_taken_out(repository)
    shutil.rmtree(state_folder(repository))
    assert not allowed(repository)


def test_a_colleagues_revocation_ends_it_here(repository, tmp_path):
    place = Remote((tmp_path / "team").as_uri())
    in_force(repository, "mia", USES, place=place)
    share(place, Revocation(id="mia-2026-01", persona="mia", date=DAY))
    with pytest.raises(ConsentError) as caught:
        in_force(repository, "mia", USES, place=place)
    assert caught.value.reason == "consent-revoked"
    shutil.rmtree(tmp_path / "team")
    assert not allowed(repository)


@pytest.mark.parametrize("name", ["../../outside", "/tmp/outside", "a/b", "..", ""])
def test_an_id_that_is_a_path_is_told_to_no_team(tmp_path, name):
    share(Remote((tmp_path / "team/items").as_uri()), Revocation(id=name, persona="mia", date=DAY))
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_revocation_of_the_team_that_cannot_be_read_still_refuses(tmp_path):
    place = Remote((tmp_path / "team").as_uri())
    place.write("revocations/mia-2026-01.json", b"nonsense")
    with pytest.raises(ConsentError) as caught:
        learn_from_team(place, load_consent(write(tmp_path), "mia"), tmp_path)
    assert caught.value.reason == "consent-revoked"


def test_a_release_that_a_colleague_withdrew_is_withdrawn_under_another_id(repository, tmp_path, monkeypatch):
    place, release = (
        Remote((tmp_path / "team").as_uri()),
        load_consent(repository / "consent", "mia").evidence.sha256,
    )
    share(place, Revocation(id="mia-2026-01", persona="mia", date=DAY, evidence=release))
    edit_and_sign(repository / "consent", "mia", id="mia-once-more")
    with pytest.raises(ConsentError) as caught:
        in_force(repository, "mia", USES, place=place)
    assert caught.value.reason == "consent-revoked"
    assert not allowed(repository)


def test_the_end_of_an_older_id_leaves_the_record_that_followed(repository):
    revoke_command("mia", why="asked", record_id="mia-2025-01", yes=True)
    assert "mia-2025-01" in {one.id for one in revocations(repository)}
    assert allowed(repository)
