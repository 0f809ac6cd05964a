"""Attacks on what git says of revocations: a line that was committed is found, whatever hides the commit or writes the record."""

import hashlib
import json
import shutil
import struct
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from consent_clone import DAY, allowed, by_hand, commit, end, git, the_line_taken_out
from signing import edit_and_sign

from likeness.cli.comfy import workflow_command
from likeness.errors import ConsentError
from likeness.key_files import settings_folder
from likeness.safety.consent.revocations import state_folder

RECORD = Path("consent/mia.yaml")


@pytest.mark.parametrize(
    "name", ["GIT_LITERAL_PATHSPECS", "GIT_NOGLOB_PATHSPECS", "GIT_GLOB_PATHSPECS", "GIT_ICASE_PATHSPECS"]
)
def test_how_the_environment_has_paths_read_hides_no_commit(repository, monkeypatch, name):
    by_hand(repository)
    commit(repository)
    git(repository, "checkout", "-q", "HEAD~1")
    monkeypatch.setenv(name, "1")
    assert not allowed(repository)


def test_a_command_that_is_no_stage_looks_into_git_too(repository, monkeypatch):
    by_hand(repository)
    commit(repository)
    git(repository, "checkout", "-q", "HEAD~1")
    cfg = SimpleNamespace(persona=lambda name: SimpleNamespace(name=name), items=SimpleNamespace(remote=None))
    monkeypatch.setattr("likeness.run.load_config", lambda path: cfg)
    with pytest.raises(ConsentError) as caught:
        workflow_command("mia")
    assert caught.value.reason == "consent-revoked"


def later_commit(root: Path) -> str:
    """A commit after the one with the line, without it, which no log remembers."""
    commit(root)
    the_line_taken_out(root)
    (root / "a").write_text("a")
    commit(root)
    git(root, "reflog", "expire", "--expire=now", "--all")
    return git(root, "rev-parse", "HEAD").strip()


def a_graft(root: Path) -> None:
    last = later_commit(root)
    (root / ".git/info").mkdir(exist_ok=True)
    (root / ".git/info/grafts").write_text(f"{last} {git(root, 'rev-parse', 'HEAD~2').strip()}\n")


def a_list_of_shallow_commits(root: Path) -> None:
    (root / ".git/shallow").write_text(f"{later_commit(root)}\n")


def a_graph_that_names_no_parent(root: Path) -> None:
    """Git takes parents from its commit-graph where there is one: format at git-scm.com/docs/commit-graph-format."""
    last = bytes.fromhex(later_commit(root))
    git(root, "commit-graph", "write", "--reachable")
    path = root / ".git/objects/info/commit-graph"
    data = bytearray(path.read_bytes())
    at = {
        bytes(data[o : o + 4]): struct.unpack_from(">Q", data, o + 4)[0]
        for o in range(8, 8 + 12 * data[6], 12)
    }
    number = next(n for n in range(9) if data[at[b"OIDL"] + 20 * n :][:20] == last)
    struct.pack_into(">I", data, at[b"CDAT"] + 36 * number + 20, 0x70000000)
    data[-20:] = hashlib.sha1(data[:-20], usedforsecurity=False).digest()
    path.chmod(0o644)
    path.write_bytes(data)


def fetched_and_not_merged(root: Path) -> None:
    git(root.parent, "clone", "-q", str(root), "colleague")
    colleague = root.parent / "colleague"
    shutil.copyfile(root / RECORD, colleague / RECORD)
    commit(colleague)
    git(root, "fetch", "-q", str(colleague))


def reset_and_forgotten(root: Path) -> None:
    commit(root)
    git(root, "reset", "-q", "--hard", "HEAD~1")
    git(root, "reflog", "expire", "--expire=now", "--all")


def kept_as_a_backup(root: Path) -> None:
    """The same bytes, which git holds once, under a name that is no record's in a newer commit."""
    commit(root)
    git(root, "mv", str(RECORD), f"{RECORD}.bak")
    git(root, "checkout", "-q", "HEAD~1", "--", str(RECORD))
    commit(root)


def staged_and_forgotten(root: Path) -> None:
    git(root, "add", str(RECORD))


@pytest.mark.parametrize(
    "attack",
    [
        kept_as_a_backup,
        staged_and_forgotten,
        a_graft,
        a_list_of_shallow_commits,
        a_graph_that_names_no_parent,
        fetched_and_not_merged,
        reset_and_forgotten,
    ],
    ids=lambda attack: attack.__name__,
)
def test_a_commit_that_git_does_not_show_is_found(repository, attack):
    by_hand(repository)
    attack(repository)
    the_line_taken_out(repository)
    assert not allowed(repository)


WRITTEN = {
    "in UTF-16": lambda text: text.encode("utf-16"),
    "with a byte order mark": lambda text: text.encode("utf-8-sig"),
    "lines of an old Mac": lambda text: text.replace("\n", "\r").encode(),
    "a letter as its number": lambda text: text.replace("revoked:", '"re\\u0076oked":').encode(),
    "two documents": lambda text: f"{text}---\n{{}}\n".encode(),
    "a merge's markers": lambda text: f"<<<<<<< a\n{text}=======\n>>>>>>> b\n".encode(),
    "indented, and a key twice": lambda text: ("  " + f"{text}why: a\nwhy: b".replace("\n", "\n  ")).encode(),
    "JSON": lambda text: json.dumps(yaml.safe_load(text), default=str).encode(),
    "JSON, and a key twice": lambda text: (json.dumps(yaml.safe_load(text), default=str)[:-1] + ', "id": "other"}').encode(),
}  # fmt: skip


@pytest.mark.parametrize("how", WRITTEN)
def test_a_record_that_is_written_otherwise_is_found(repository, how):
    by_hand(repository)
    RECORD.write_bytes(WRITTEN[how](RECORD.read_text()))
    commit(repository)
    git(repository, "checkout", "-q", "HEAD~1")
    assert "revoked" not in RECORD.read_text()
    assert not allowed(repository)


@pytest.mark.parametrize(
    "name", ["mia.yml", "mia.YAML", "gone/mia.yaml", "mia.yaml.bak", "mia.yaml~", "mia.json"]
)
def test_a_record_that_lay_under_another_name_is_found(repository, name):
    by_hand(repository)
    (repository / "consent/gone").mkdir()
    git(repository, "mv", str(RECORD), f"consent/{name}")
    commit(repository)
    git(repository, "checkout", "-q", "HEAD~1")
    assert not allowed(repository)


def test_a_release_that_a_broken_record_ends_is_withdrawn_under_another_id(repository):
    by_hand(repository)
    RECORD.write_text(f"{RECORD.read_text()}why: asked\nwhy: asked twice\n")
    commit(repository)
    git(repository, "checkout", "-q", "HEAD~1")
    edit_and_sign(repository / "consent", "mia", id="mia-once-more")
    assert not allowed(repository)


def test_a_project_in_a_folder_of_a_clone_has_that_clones_list_and_history(repository):
    """`dvc init --subdir` makes one."""
    project = repository / "project"
    by_hand(repository)
    commit(repository)
    git(repository, "checkout", "-q", "HEAD~1")
    shutil.copytree(repository / "consent", project / "consent")
    assert not allowed(project)
    assert state_folder(project) == state_folder(repository)


def test_the_list_of_a_clone_counts_in_a_folder_of_it(repository):
    shutil.copytree(repository / "consent", repository / "project/consent")
    end(repository)
    shutil.rmtree(settings_folder() / "revocations")
    assert not allowed(repository / "project")


def test_a_submodule_is_the_clone_that_it_is(repository, tmp_path):
    by_hand(repository)
    commit(repository)
    outer = tmp_path / "outer"
    outer.mkdir()
    git(outer, "init", "-q")
    git(outer, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(repository), "inner")
    the_line_taken_out(outer / "inner")
    assert not allowed(outer / "inner")
    assert state_folder(outer / "inner").resolve() == outer / ".git/modules/inner/likeness"


def test_a_withdrawn_release_makes_no_synthetic_person(repository):
    end(repository)
    the_line_taken_out(repository)
    photos = {"a.jpg": {"sha256": "b" * 64}}
    edit_and_sign(repository / "consent", "mia", id="mia-synthetic", kind="synthetic", photos=photos)
    assert not allowed(repository)


def test_a_release_that_she_withdrew_in_the_gallery_is_withdrawn_under_another_id(repository):
    from gallery.people.consent import Repository
    from gallery.tables import Person

    Repository(root=repository).revoke(Person(name="mia", consent_id="mia-2026-01"), DAY)
    edit_and_sign(repository / "consent", "mia", id="mia-once-more")
    assert not allowed(repository)
