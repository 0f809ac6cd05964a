"""Attacks by time and tools: what was revoked or has expired does not come back."""

from pathlib import Path

import pytest
import yaml
from consent_clone import (
    DAY,
    USES,
    allowed,
    another_branch,
    by_hand,
    end,
    git,
    old_commit,
    the_line_taken_out,
)
from records import write
from signing import edit_and_sign, sign_as_test

from likeness.cli.consent_records import new, renew
from likeness.cli.consent_sign import sign_record
from likeness.errors import ConsentError
from likeness.safety.consent import in_force
from likeness.safety.consent.history import learn_from_git
from likeness.safety.consent.revocations import (
    LIST,
    revocations,
    state_folder,
)


def test_revoked_by_the_command(repository):
    end(repository)
    assert not allowed(repository)
    assert yaml.safe_load(Path("consent/mia.yaml").read_text())["revoked"]


def checked_out(root: Path) -> None:
    git(root, "checkout", "-q", "HEAD", "--", "consent")


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


@pytest.mark.parametrize("words", ["28.11.2026", "yes", "2026-11-01 12:00:00"])
def test_a_line_that_no_record_takes_is_remembered_once_a_program_saw_it(repository, words):
    path = repository / "consent/mia.yaml"
    path.write_text(path.read_text() + f"revoked: {words}\n")
    with pytest.raises(ConsentError, match="revoked"):
        learn_from_git(repository) or in_force(repository, "mia", USES)
    checked_out(repository)
    assert not allowed(repository)


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
