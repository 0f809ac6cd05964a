"""Attacks by time and tools: what was revoked or has expired does not come back."""

import os
import shutil
from pathlib import Path

import pytest
import yaml
from consent_clone import DAY, USES, allowed, by_hand, commit, end, git, the_line_taken_out
from persona_folders import settings
from records import write
from signing import edit_and_sign, sign_as_test

from likeness.cli.consent_records import new, renew, revoke_record, sign_record
from likeness.config import Config, ItemsConfig
from likeness.digests import sha256_bytes
from likeness.errors import ConsentError
from likeness.persona import Persona
from likeness.run import run_at
from likeness.safety.consent import in_force, load_consent
from likeness.safety.consent.history import learn_from_git
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


# ---- revoked stays revoked


def test_revoked_by_the_command(repository):
    end(repository)
    assert not allowed(repository)
    assert yaml.safe_load(Path("consent/mia.yaml").read_text())["revoked"]


def checked_out(root: Path) -> None:
    git(root, "checkout", "-q", "HEAD", "--", "consent")


def old_commit(root: Path) -> None:
    commit(root)
    git(root, "checkout", "-q", "HEAD~1")


def another_branch(root: Path) -> None:
    git(root, "branch", "before")
    commit(root)
    git(root, "checkout", "-q", "before")


def signed_again(root: Path) -> None:
    the_line_taken_out(root)
    sign_as_test(root / "consent", "mia")


def a_longer_term(root: Path) -> None:
    the_line_taken_out(root)
    edit_and_sign(root / "consent", "mia", signed="2026-11-20", expires="2028-11-20")


def same_release_under_another_id(root: Path) -> None:
    the_line_taken_out(root)
    edit_and_sign(root / "consent", "mia", id="mia-2026-99")


def an_experiment_applied(root: Path) -> None:
    """`dvc exp apply` writes the files of an experiment's commit over those of the workspace."""
    (root / "consent/mia.yaml").write_text(git(root, "show", "HEAD:consent/mia.yaml"))


@pytest.mark.parametrize(
    "attack",
    [
        the_line_taken_out, checked_out, old_commit, another_branch, signed_again, a_longer_term, same_release_under_another_id,
        an_experiment_applied,
    ],
    ids=lambda attack: attack.__name__,
)  # fmt: skip
def test_after_the_command_nothing_brings_it_back(repository, attack):
    end(repository)
    attack(repository)
    assert not allowed(repository)


@pytest.mark.parametrize("attack", [the_line_taken_out, checked_out, signed_again, an_experiment_applied],
                         ids=lambda attack: attack.__name__)  # fmt: skip
def test_a_line_written_by_hand_is_remembered_once_a_program_saw_it(repository, attack):
    by_hand(repository)
    assert not allowed(repository)
    attack(repository)
    assert not allowed(repository)


@pytest.mark.parametrize("attack", [old_commit, another_branch], ids=lambda attack: attack.__name__)
def test_a_line_that_was_committed_is_found_in_gits_history(repository, attack):
    by_hand(repository)
    attack(repository)
    assert not allowed(repository)


def reset_away(root: Path) -> None:
    commit(root)
    git(root, "reset", "-q", "--hard", "HEAD~1")


def rebased_away(root: Path) -> None:
    commit(root)
    (root / "a").write_text("a")
    commit(root)
    git(root, "rebase", "-q", "--onto", "HEAD~2", "HEAD~1")


def reverted(root: Path) -> None:
    commit(root)
    git(root, "revert", "--no-edit", "HEAD")


def stashed(root: Path) -> None:
    git(root, "stash")


def in_a_merge(root: Path) -> None:
    """No parent of a merge has the line: git shows none of it, unless it is asked."""
    git(root, "branch", "before")
    git(root, "stash")
    git(root, "checkout", "-q", "-b", "other")
    for branch in ("other", "before"):
        git(root, "checkout", "-q", branch)
        (root / branch).write_text("")
        commit(root)
    git(root, "merge", "-q", "--no-commit", "other")
    the_line_taken_out(root)
    by_hand(root)
    commit(root)
    git(root, "stash", "drop", "-q")
    git(root, "checkout", "-q", "other")


def written_otherwise(written: str):
    def attack(root: Path) -> None:
        path = root / "consent/mia.yaml"
        path.write_text(path.read_text().replace("revoked: 2026-11-01", written))
        old_commit(root)

    attack.__name__ = written
    return attack


def a_side_branch_of_which_a_merge_took_nothing(root: Path) -> None:
    git(root, "checkout", "-q", "-b", "side")
    commit(root)
    the_line_taken_out(root)
    commit(root)
    git(root, "checkout", "-q", "-")
    (root / "a").write_text("a")
    commit(root)
    git(root, "merge", "-q", "--no-edit", "side")
    git(root, "branch", "-q", "-D", "side")
    git(root, "reflog", "expire", "--expire=now", "--all")


def kept_from_differences(root: Path) -> None:
    (root / ".git/info").mkdir(exist_ok=True)
    (root / ".git/info/attributes").write_text("consent/*.yaml -diff\n")
    old_commit(root)


def under_another_commits_name(root: Path) -> None:
    commit(root)
    git(root, "checkout", "-q", "HEAD~1")
    git(root, "replace", "HEAD@{1}", "HEAD")


@pytest.mark.parametrize(
    "attack",
    [
        reset_away, rebased_away, reverted, stashed, in_a_merge, a_side_branch_of_which_a_merge_took_nothing, kept_from_differences,
        under_another_commits_name, *map(written_otherwise, (
            '"revoked": "2026-11-01"', "revoked : 2026-11-01", "? revoked\n: 2026-11-01", "revoked: 28.11.2026", "revoked: yes",
            "revoked: 2026-11-01 12:00:00", "revoked: 2026-11-01\nwhy: asked\nwhy: asked twice", "revoked: &day 2026-11-01",
        )),
    ],
    ids=lambda attack: attack.__name__,
)  # fmt: skip
def test_a_line_that_no_branch_has_any_more_is_found_in_git(repository, attack):
    by_hand(repository)
    attack(repository)
    assert "revoked" not in Path("consent/mia.yaml").read_text()
    assert not allowed(repository)


@pytest.mark.parametrize("words", ["no", "null", "''", "~"])
def test_a_line_that_says_no_ends_nothing(repository, words):
    path = repository / "consent/mia.yaml"
    path.write_text(path.read_text() + f"revoked: {words}\n")
    old_commit(repository)
    assert allowed(repository)


@pytest.mark.parametrize("words", ["28.11.2026", "yes", "2026-11-01 12:00:00"])
def test_a_line_that_no_record_takes_is_remembered_once_a_program_saw_it(repository, words):
    path = repository / "consent/mia.yaml"
    path.write_text(path.read_text() + f"revoked: {words}\n")
    with pytest.raises(ConsentError, match="revoked"):
        learn_from_git(repository) or in_force(repository, "mia", USES)
    checked_out(repository)
    assert not allowed(repository)


def test_what_git_knows_withdraws_the_release_under_another_id_too(repository):
    by_hand(repository)
    old_commit(repository)
    learn_from_git(repository)
    edit_and_sign(repository / "consent", "mia", id="mia-2026-99")
    assert not allowed(repository)


@pytest.mark.parametrize(
    "variables",
    [{"GIT_DIR": "/nowhere"}, {"GIT_DIR": str(ROOT / ".git"), "GIT_WORK_TREE": str(ROOT)},
     {"GIT_TEST_ASSUME_DIFFERENT_OWNER": "1"}],
    ids=["no repository", "another repository", "another user's"],
)  # fmt: skip
def test_neither_the_environment_nor_the_owner_hides_gits_history(repository, monkeypatch, variables):
    by_hand(repository)
    old_commit(repository)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert not allowed(repository)


def test_a_history_that_git_cannot_read_refuses(repository):
    by_hand(repository)
    old_commit(repository)
    (repository / ".git/HEAD").write_text("nonsense")
    with pytest.raises(ConsentError) as caught:
        learn_from_git(repository)
    assert caught.value.reason == "history"


def test_a_commit_on_another_branch_revokes_here(repository):
    git(repository, "checkout", "-q", "-b", "other")
    by_hand(repository)
    commit(repository)
    git(repository, "checkout", "-q", "-")
    assert not allowed(repository)


def test_a_commit_on_another_branch_ends_what_runs_outside_of_a_stage(repository):
    """`likeness draw`, `likeness photos` and the desk open their runs by `run_at`."""
    cfg = Config.model_construct(personas={"mia": Persona.model_construct(name="mia", trigger="mia")},
                                 items=settings(ItemsConfig, "items/local.yaml"))  # fmt: skip
    run_at("evaluate", "mia", cfg)
    git(repository, "checkout", "-q", "-b", "other")
    by_hand(repository)
    commit(repository)
    git(repository, "checkout", "-q", "-")
    with pytest.raises(ConsentError) as caught:
        run_at("evaluate", "mia", cfg)
    assert caught.value.reason == "consent-revoked"


def test_a_worktree_shares_the_list(repository, tmp_path):
    git(repository, "worktree", "add", "-q", str(tmp_path / "tree"), "HEAD")
    end(repository)
    assert state_folder(tmp_path / "tree").resolve() == state_folder(repository).resolve()
    assert not allowed(tmp_path / "tree")


def test_without_git_the_list_lies_in_the_cache(tmp_path, monkeypatch):
    write(tmp_path)
    monkeypatch.chdir(tmp_path)
    end(tmp_path)
    assert (tmp_path / ".cache/consent" / LIST).is_file()
    the_line_taken_out(tmp_path)
    assert not allowed(tmp_path)


def test_an_id_is_not_given_twice(repository, monkeypatch):
    end(repository)
    monkeypatch.setattr("likeness.cli.consent_records.today", lambda root: DAY)
    with pytest.raises(ConsentError, match="does not come back"):
        renew("mia", evidence=Path("consent/mia.pdf"), signed=None, expires=None)
    with pytest.raises(ConsentError, match="does not come back"):
        sign_record("mia", photographs=False, yes=True)
    with pytest.raises(ConsentError, match="is there already"):
        new("mia")


def test_a_new_term_rests_on_a_new_release(repository, tmp_path):
    before = Path("consent/mia.yaml").read_bytes()
    (tmp_path / "renamed.pdf").write_bytes(Path("consent/mia.pdf").read_bytes())
    for evidence in (Path("consent/mia.pdf"), tmp_path / "renamed.pdf"):
        with pytest.raises(ConsentError) as caught:
            renew("mia", evidence=evidence, signed="2026-11-20", expires="2028-11-20")
        assert caught.value.reason == "consent-evidence"
    assert Path("consent/mia.yaml").read_bytes() == before


def test_a_record_that_cannot_be_read_can_be_revoked(repository):
    path = repository / "consent/mia.yaml"
    path.write_text("id: mia-2026-01\nscope: nonsense\n")
    end(repository)
    assert [one.id for one in revocations(repository)] == ["mia-2026-01"]


# ---- the list


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


# ---- the team


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
    revoke_record("mia", why="asked", record_id="mia-2025-01", yes=True)
    assert "mia-2025-01" in {one.id for one in revocations(repository)}
    assert allowed(repository)
