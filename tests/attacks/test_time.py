"""Attacks by time and tools: what was revoked or has expired does not come back."""

import datetime
import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from persona_folders import settings
from records import RECORD, write
from signing import STRANGER, edit_and_sign, sign_as_test

from likeness.cli.consent_records import new, renew, revoke_record, sign_record
from likeness.config import Config, ItemsConfig
from likeness.digests import sha256_bytes
from likeness.errors import ConsentError
from likeness.key_files import public_text, settings_folder
from likeness.marks.keys import development_key
from likeness.marks.registry import publication_of
from likeness.paths import RepositoryPaths
from likeness.persona import Persona
from likeness.publish.prepare import Prepared
from likeness.publish.send import send
from likeness.purchases.budget import BudgetConfig, Spending
from likeness.purchases.buy import Buyer, Delivery, Purchase
from likeness.run import Run, run_at
from likeness.safety.consent import in_force, load_consent
from likeness.safety.consent import revocations as module
from likeness.safety.consent.history import learn_from_git
from likeness.safety.consent.revocations import (
    CLOCK,
    LIST,
    Revocation,
    learn_from_team,
    revocations,
    revoke,
    share,
    state_folder,
    today,
)
from likeness.safety.consent.signing import ALLOWED
from likeness.store.items import ItemStore
from likeness.store.s3 import Remote
from likeness.train.native.checkpoint import RunFolder

ROOT = Path(__file__).parents[2]
DAY = datetime.date(2026, 11, 28)
USES = ("swap", "train", "generate")


class Clock(datetime.datetime):
    """A clock that says what a test says."""

    day = DAY

    @classmethod
    def now(cls, tz=None):
        return datetime.datetime.combine(cls.day, datetime.time(12), tz)


@pytest.fixture
def repository(tmp_path, monkeypatch) -> Path:
    """A clone with the record of mia, in force on DAY, which it is, and committed; the working directory."""
    monkeypatch.setattr(module, "datetime", SimpleNamespace(**vars(datetime) | {"datetime": Clock}))
    monkeypatch.setattr(Clock, "day", DAY)
    root = tmp_path / "clone"
    root.mkdir()
    write(root, {"signed": "2026-01-02", "expires": "2027-12-31"})
    git(root, "init", "-q")
    commit(root)
    monkeypatch.chdir(root)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    assert allowed(root)
    return root


def git(root: Path, *words: str) -> str:
    command = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", *words]
    return subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout


def commit(root: Path) -> None:
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "consent")


def allowed(root: Path, persona: str = "mia") -> bool:
    """Whether a program may start."""
    try:
        learn_from_git(root)
        in_force(root, persona, USES)
    except ConsentError as error:
        return error.reason not in ("consent-revoked", "consent-expired", "consent-not-yet")
    return True


def end(root: Path, **changes: object) -> None:
    """Revoke as the command does."""
    revoke_record("mia", why="asked", record_id=None, yes=True)


def by_hand(root: Path) -> None:
    """Write the line that ends a record, and nothing else."""
    path = root / "consent/mia.yaml"
    path.write_text(path.read_text() + "revoked: 2026-11-01\n")


# ---- revoked stays revoked


def test_revoked_by_the_command(repository):
    end(repository)
    assert not allowed(repository)
    assert yaml.safe_load(Path("consent/mia.yaml").read_text())["revoked"]


def the_line_taken_out(root: Path) -> None:
    path = root / "consent/mia.yaml"
    path.write_text("".join(line for line in path.read_text().splitlines(True) if "revoked" not in line))


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


# ---- where consent is read


def test_an_experiments_copy_of_the_record_is_not_read(repository, monkeypatch):
    copy = repository / ".dvc/tmp/exps/tmpabc"
    shutil.copytree(repository / "consent", copy / "consent")
    end(repository)
    monkeypatch.chdir(copy)
    assert RepositoryPaths.here().root == repository
    assert not allowed(RepositoryPaths.here().root)
    monkeypatch.setenv("DVC_ROOT", str(repository))
    assert RepositoryPaths.here().consent == repository / "consent"


# ---- the clock


def test_a_clock_that_was_set_back_is_refused(repository):
    assert today(repository) == DAY
    Clock.day = datetime.date(2028, 1, 1)
    with pytest.raises(ConsentError) as caught:
        in_force(repository, "mia", USES)
    assert caught.value.reason == "consent-expired"
    Clock.day = DAY
    with pytest.raises(ConsentError) as caught:
        in_force(repository, "mia", USES)
    assert caught.value.reason == "clock"
    assert "delete" in caught.value.remedy
    (state_folder(repository) / CLOCK).unlink()
    in_force(repository, "mia", USES)


@pytest.mark.parametrize("text", ["", "nonsense", "2026-13-01", "9" * 5000])
def test_a_clock_whose_memory_was_spoilt_is_refused(repository, text):
    today(repository)
    (state_folder(repository) / CLOCK).write_text(text)
    Clock.day = datetime.date(2026, 6, 1)
    with pytest.raises(ConsentError) as caught:
        in_force(repository, "mia", USES)
    assert caught.value.reason == "clock"


@pytest.mark.parametrize("day", ["2020-01-01", "2026-11-28", "2099-01-01"])
def test_a_revocation_ends_at_once_whatever_day_it_names(repository, day):
    path = repository / "consent/mia.yaml"
    path.write_text(path.read_text() + f"revoked: {day}\n")
    assert not allowed(repository)
    the_line_taken_out(repository)
    assert not allowed(repository)


# ---- the record, exchanged


def the_face_of_another(folder: Path) -> None:
    fields = yaml.safe_load((folder / "mia.yaml").read_text())
    fields["face"]["embedding"] = RECORD["face"]["embedding"][::-1].lstrip("=") + "=" * RECORD["face"][
        "embedding"
    ].count("=")
    (folder / "mia.yaml").write_text(yaml.safe_dump(fields))


def evidence_of_another(folder: Path) -> None:
    (folder / "mia.pdf").write_bytes(b"%PDF-1.7 another release")


def evidence_as_link(folder: Path) -> None:
    (folder / "mia.pdf").rename(folder.parent / "elsewhere.pdf")
    (folder / "mia.pdf").symlink_to(folder.parent / "elsewhere.pdf")


def record_as_link(folder: Path) -> None:
    (folder / "mia.yaml").rename(folder.parent / "mia.yaml")
    (folder / "mia.yaml").symlink_to(folder.parent / "mia.yaml")


def the_signer_removed(folder: Path) -> None:
    del folder
    (settings_folder() / ALLOWED).write_text(f"{public_text(STRANGER)} another\n")


def the_signature_of_another_record(folder: Path) -> None:
    shutil.copyfile(folder / "mia.yaml", folder.parent / "before.yaml")
    edit_and_sign(folder, "mia", subject="Another Person")
    other = yaml.safe_load((folder / "mia.yaml").read_text())["signature"]
    fields = yaml.safe_load((folder.parent / "before.yaml").read_text()) | {"signature": other}
    (folder / "mia.yaml").write_text(yaml.safe_dump(fields))


def the_record_of_another_persona(folder: Path) -> None:
    edit_and_sign(folder, "mia", subject="Mia")
    text = (folder / "mia.yaml").read_text()
    (folder / "mia.yaml").write_text(text.replace("persona: mia", "persona: ann"))


def the_term_twice(folder: Path) -> None:
    path = folder / "mia.yaml"
    path.write_text(path.read_text() + "expires: 2028-01-01\n")


def renewed_with_another_face(folder: Path) -> None:
    """`renew` keeps the face; who exchanges it before the signature is stopped at the photographs, after it here."""
    (folder.parent / "new.pdf").write_bytes(b"%PDF-1.7 the next term")
    renew("mia", evidence=folder.parent / "new.pdf", signed="2026-11-20", expires="2027-11-20")
    sign_as_test(folder, "mia")
    the_face_of_another(folder)


@pytest.mark.parametrize(
    ("attack", "reason"),
    [
        (the_face_of_another, "consent-signature"), (renewed_with_another_face, "consent-signature"),
        (evidence_of_another, "consent-evidence"), (evidence_as_link, "consent-evidence"),
        (record_as_link, "consent-invalid"), (the_signer_removed, "consent-stranger"),
        (the_signature_of_another_record, "consent-signature"), (the_record_of_another_persona, "consent-invalid"),
        (the_term_twice, "consent-invalid"),
    ],
    ids=lambda given: getattr(given, "__name__", given),
)  # fmt: skip
def test_a_record_that_was_exchanged_is_refused(repository, attack, reason, monkeypatch, tmp_path):
    home = tmp_path / "home"
    shutil.copytree(settings_folder(), home)
    monkeypatch.setenv("LIKENESS_HOME", str(home))
    attack(repository / "consent")
    with pytest.raises(ConsentError) as caught:
        in_force(repository, "mia", USES)
    assert caught.value.reason == reason


def test_a_second_record_of_a_persona_is_not_read(repository):
    end(repository)
    folder = repository / "consent"
    fields = yaml.safe_load((folder / "mia.yaml").read_text())
    fields |= {"id": "mia-again", "revoked": None}
    for name in ("mia.yml", "MIA.yaml", "mia.2.yaml", "mia.yaml.orig"):
        (folder / name).write_text(yaml.safe_dump(fields))
    assert not allowed(repository)


@pytest.mark.parametrize(
    ("day", "reason"),
    [("2026-01-01", "consent-not-yet"), ("2028-01-01", "consent-expired")],
)
def test_a_term_that_has_not_begun_or_has_ended(repository, day, reason):
    (state_folder(repository) / CLOCK).unlink(missing_ok=True)
    Clock.day = datetime.date.fromisoformat(day)
    with pytest.raises(ConsentError) as caught:
        in_force(repository, "mia", USES)
    assert caught.value.reason == reason


@pytest.mark.parametrize("expires", ["2028-01-03", "2036-01-02", "9999-12-31", None])
def test_a_real_persons_term_is_two_years_at_most(tmp_path, expires):
    folder = write(tmp_path, RECORD | {"signed": "2026-01-02", "expires": expires})
    with pytest.raises(ConsentError, match="within 24 months"):
        load_consent(folder, "mia")


# ---- work under way


def test_nothing_is_bought_once_it_has_ended(repository, tmp_path):
    store = ItemStore(tmp_path / "items")
    spending = Spending(
        tmp_path / "spending.jsonl", prices={}, budget=BudgetConfig(max_usd=9), stage="swap", persona="mia"
    )
    buyer = Buyer(store, spending, threading.Event(), permit=lambda: in_force(repository, "mia", USES))
    ordered: list[str] = []

    def purchase(key: str, order) -> Purchase:
        return Purchase(
            what="maxstudio swap", item=key, key=key, usd_max=0.1, ready=lambda: None, order=order
        )

    def order() -> Delivery:
        ordered.append("one")
        end(repository)  # while the provider works
        return Delivery(files={"a.png": b"picture"}, usd=0.1, usage={})

    with pytest.raises(ConsentError):
        buyer.buy(purchase("a" * 64, order))
    assert ordered == ["one"]
    assert store.get("a" * 64) is None
    assert spending.spent_usd == pytest.approx(0.1)
    with pytest.raises(ConsentError):
        buyer.buy(purchase("b" * 64, order))
    assert ordered == ["one"]


def test_nothing_is_laid_out_once_it_has_ended(repository):
    config = Config.model_construct(items=settings(ItemsConfig, "items/local.yaml"))
    persona = settings(Persona, "persona/jade.yaml", name="mia")
    run = Run(stage="resize", config=config, persona=persona, repository=RepositoryPaths(repository))
    run.require("swap")
    end(repository)
    with pytest.raises(ConsentError):
        run.finish([])
    assert not run.folder.exists()


def test_nothing_is_published_once_it_has_ended(repository, tmp_path):
    files = {f"{number}.txt": tmp_path / f"{number}.txt" for number in range(3)}
    for path in files.values():
        path.write_text(path.name)
    key, remote = development_key(tmp_path / "keys"), Remote((tmp_path / "public").as_uri())
    publication = publication_of(tmp_path / "marks.jsonl", key, "mia", "mia-2026-01", "a" * 64)
    prepared = Prepared(files=files, of={}, publication=publication, key=key)
    end(repository)
    with pytest.raises(ConsentError):
        send(prepared, remote, "mia", "mia-2026-01", permit=lambda: in_force(repository, "mia", USES))
    assert not [path for path in (tmp_path / "public").rglob("*") if path.is_file()]


def test_a_training_ends_at_its_next_checkpoint(repository, tmp_path):
    import torch

    folder = RunFolder(
        tmp_path / "run",
        key="a" * 64,
        kept=2,
        persona="mia",
        permit=lambda: in_force(repository, "mia", USES),
    )
    folder.save(10, {"lora.a": torch.zeros(1)})
    end(repository)
    with pytest.raises(ConsentError) as caught:
        folder.save(20, {"lora.a": torch.zeros(1)})
    assert caught.value.reason == "consent-revoked"
    assert [path.name for path in (tmp_path / "run").glob("*.safetensors")] == ["step-00000010.safetensors"]


def test_no_stage_starts_by_hand(tmp_path):
    for name in ("conf", "consent"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copyfile(ROOT / "params.yaml", tmp_path / "params.yaml")
    revoke(tmp_path, Revocation(id="jade-2026-11", persona="jade", date=DAY))
    env = {k: v for k, v in os.environ.items() if not k.startswith("DVC_")} | {"PYTHONPATH": str(ROOT)}
    for stage in ("check", "swap"):
        words = [] if stage == "check" else ["jade"]
        done = subprocess.run([sys.executable, "-m", f"stages.{stage}", *words], cwd=tmp_path, env=env,
                              capture_output=True, text=True, check=False)  # fmt: skip
        assert done.returncode == 1
        assert "was revoked on 2026-11-28" in done.stderr
    assert not (tmp_path / "data/jade/swapped").exists()


# ---- the receipt


def test_the_receipt_of_a_revoked_record_says_so(repository, capsys):
    from likeness.cli.consent import export

    export("mia")
    given = json.loads(capsys.readouterr().out)
    assert [one["@id"] for one in given["dpv:hasConsentStatus"]] == ["dpv:ConsentGiven"]
    end(repository)
    capsys.readouterr()
    export("mia")
    ended = json.loads(capsys.readouterr().out)
    assert [one["@id"] for one in ended["dpv:hasConsentStatus"]] == ["dpv:ConsentGiven", "dpv:ConsentRevoked"]
    assert ended["dct:hasVersion"] == given["dct:hasVersion"]
    assert RECORD["face"]["embedding"][:20] not in json.dumps(ended)
