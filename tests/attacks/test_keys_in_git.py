"""A private key that git keeps, or would with the next `git add .`: whoever gets the repository could sign with it."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from consent_clone import git

from likeness.errors import ConfigError
from likeness.key_files import new_private_key, read_private_key
from likeness.marks.config import MarksConfig
from likeness.marks.keys import development_key, make_development_ca, signing_key
from likeness.safety.consent.signing import new_key, own_key
from likeness.team_keys import TeamKeys


def consent_key(folder: Path) -> object:
    os.environ["LIKENESS_HOME"] = str(folder)
    return own_key() if (folder / "consent-key").exists() else new_key("J. Doe")


def publication_key(folder: Path) -> object:
    if not (folder / "signing.pem").exists():
        make_development_ca(folder)
    chain = str(folder / "chain.pem")
    cfg = MarksConfig(key_file=str(folder / "signing.pem"), key_env=None, certificate_file=chain, label=None)
    return signing_key(cfg, folder / "none")


KEYS: dict[str, Callable[[Path], object]] = {
    "consent": consent_key, "team": lambda folder: TeamKeys("x", folder).public, "publication": publication_key,
    "development": development_key,
}  # fmt: skip


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LIKENESS_HOME", str(tmp_path / "home"))
    root = tmp_path / "repository"
    root.mkdir()
    git(root, "init", "-q")
    return root


@pytest.mark.parametrize("use", KEYS.values(), ids=KEYS)
@pytest.mark.parametrize("where", ["keys", ".", "a/b", ":(top)keys", "-x"])
def test_no_key_is_made_where_git_would_take_it(repository, use, where):
    with pytest.raises(ConfigError) as caught:
        use(repository / where)
    assert caught.value.reason == "key-in-repository"
    assert [path for path in repository.rglob("*") if path.is_file() and ".git" not in path.parts] == []


@pytest.mark.parametrize("use", KEYS.values(), ids=KEYS)
@pytest.mark.parametrize(
    "how", ["untracked", "tracked", "tracked and ignored", "behind a link", "of another repository"]
)
def test_a_key_that_git_has_or_would_take_does_not_sign(repository, use, how):
    folder = repository / "keys"
    (repository / ".gitignore").write_text("/keys\n")
    use(folder)
    if how.startswith("tracked"):
        git(repository, "add", "-f", "keys")
    if how != "tracked and ignored":
        (repository / ".gitignore").unlink()
    if how == "behind a link":
        (repository.parent / "link").symlink_to(folder)
        folder = repository.parent / "link"
    if how == "of another repository":
        git(repository.parent, "init", "-q")
        folder = repository.rename(repository.parent / "moved") / "keys"
    with pytest.raises(ConfigError) as caught:
        use(folder)
    assert caught.value.reason == "key-in-repository"
    assert ".gitignore" in str(caught.value)


@pytest.mark.parametrize("use", KEYS.values(), ids=KEYS)
@pytest.mark.parametrize(
    "ignored_by",
    [".gitignore", ".git/info/exclude", "a .gitignore beside it", "no repository", ".git itself"],
)
def test_a_key_that_git_leaves_alone_signs(repository, use, ignored_by):
    folder = repository / "keys"
    if ignored_by == "no repository":
        folder = repository.parent / "home"
    elif ignored_by == ".git itself":
        folder = repository / ".git/keys"
    elif ignored_by == "a .gitignore beside it":
        folder.mkdir()
        (folder / ".gitignore").write_text("*\n")
    else:
        (repository / ignored_by).write_text("keys/\n")
    use(folder)
    use(folder)


def committed_once_and_ignored(repository: Path) -> Path:
    git(repository, "add", "-f", "keys")
    git(repository, "commit", "-q", "-m", "oh")
    git(repository, "rm", "-q", "-r", "--cached", "keys")
    git(repository, "commit", "-q", "-m", "taken out")
    return repository / "keys"


def then_amended_away(repository: Path) -> Path:
    git(repository, "add", "-f", "keys")
    git(repository, "commit", "-q", "--amend", "-m", "oh")
    git(repository, "rm", "-q", "-r", "--cached", "keys")
    git(repository, "commit", "-q", "--amend", "-m", "never was")
    return repository / "keys"


def on_another_branch(repository: Path) -> Path:
    git(repository, "branch", "before")
    folder = committed_once_and_ignored(repository)
    git(repository, "branch", "-m", "other")
    git(repository, "switch", "-q", "before")
    git(repository, "reflog", "expire", "--expire=now", "--all")
    return folder


def moved_out_of_the_repository(repository: Path) -> Path:
    committed_once_and_ignored(repository)
    return (repository / "keys").rename(repository.parent / "home2")


def packed_under_another_name(repository: Path) -> Path:
    for path in (repository / "keys").iterdir():
        (repository / f"{path.name}.bak").write_bytes(path.read_bytes().rstrip() + b"\r\n")
    git(repository, "add", "-A")
    git(repository, "commit", "-q", "-m", "backup")
    git(repository, "rm", "-q", "*.bak")
    git(repository, "commit", "-q", "-m", "clean")
    git(repository, "gc", "-q")
    return repository / "keys"


def staged_under_another_name(repository: Path) -> Path:
    for path in (repository / "keys").iterdir():
        (repository / f"{path.name}.bak").write_bytes(path.read_bytes())
    git(repository, "add", "-A")
    return repository / "keys"


def in_a_file_that_a_tag_names(repository: Path) -> Path:
    """`git push --tags` takes it along."""
    for path in (repository / "keys").iterdir():
        git(repository, "tag", path.name, git(repository, "hash-object", "-w", str(path)).strip())
    return repository / "keys"


@pytest.mark.parametrize("use", KEYS.values(), ids=KEYS)
@pytest.mark.parametrize(
    "how",
    [in_a_file_that_a_tag_names,
     committed_once_and_ignored, then_amended_away, on_another_branch, moved_out_of_the_repository, packed_under_another_name,
     staged_under_another_name],
    ids=lambda how: how.__name__,
)  # fmt: skip
def test_a_key_that_a_commit_has_does_not_sign(repository, use, how, monkeypatch):
    monkeypatch.chdir(repository)
    (repository / ".gitignore").write_text("/keys\n")
    git(repository, "add", "-A")
    git(repository, "commit", "-q", "-m", "first")
    use(repository / "keys")
    folder = how(repository)
    with pytest.raises(ConfigError) as caught:
        use(folder)
    assert caught.value.reason == "key-in-history"
    assert "make a new key" in str(caught.value)


@pytest.mark.parametrize("use", KEYS.values(), ids=KEYS)
def test_a_key_that_was_staged_and_never_committed_signs(repository, use, monkeypatch):
    """Git goes on holding the object; no push takes it along."""
    monkeypatch.chdir(repository)
    use(repository.parent / "keys")
    (repository / "key").mkdir()
    for path in (repository.parent / "keys").iterdir():
        (repository / "key" / path.name).write_bytes(path.read_bytes())
    git(repository, "add", "-A")
    git(repository, "rm", "-rq", "--cached", "key")
    use(repository.parent / "keys")


def test_a_folder_of_that_name_that_is_no_repository_refuses_nothing(tmp_path: Path):
    (tmp_path / ".git").mkdir()
    new_private_key(tmp_path / "k")
    read_private_key(tmp_path / "k", remedy="")
