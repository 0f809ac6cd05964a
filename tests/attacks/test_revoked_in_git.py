"""A line that revokes, taken out of every branch: it counts while git has it anywhere."""

from pathlib import Path

import pytest
from conf_sections import settings
from consent_clone import (
    allowed,
    another_branch,
    by_hand,
    commit,
    git,
    old_commit,
    the_line_taken_out,
)
from signing import edit_and_sign

from likeness.config import Config, ItemsConfig
from likeness.errors import ConsentError
from likeness.persona import Persona
from likeness.run import run_at
from likeness.safety.consent.history import learn_from_git

ROOT = Path(__file__).parents[2]


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


def in_a_tree_that_a_tag_names(root: Path) -> None:
    git(root, "add", "--all")
    git(root, "tag", "kept", git(root, "write-tree").strip())
    git(root, "reset", "-q", "--hard")


@pytest.mark.parametrize(
    "attack",
    [
        in_a_tree_that_a_tag_names,
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
