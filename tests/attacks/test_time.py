"""Attacks by time and tools: what was revoked or has expired does not come back."""

from pathlib import Path

import pytest
import yaml
from conf_sections import settings
from consent_clone import DAY, USES, allowed, by_hand, commit, end, git, the_line_taken_out
from records import write
from signing import edit_and_sign, sign_as_test

from likeness.cli.consent_records import new, renew
from likeness.cli.consent_sign import sign_record
from likeness.config import Config, ItemsConfig
from likeness.errors import ConsentError
from likeness.persona import Persona
from likeness.run import run_at
from likeness.safety.consent import in_force
from likeness.safety.consent.history import learn_from_git
from likeness.safety.consent.revocations import (
    LIST,
    revocations,
    state_folder,
)

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


# ---- the team
