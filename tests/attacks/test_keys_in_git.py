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


def test_a_folder_of_that_name_that_is_no_repository_refuses_nothing(tmp_path: Path):
    (tmp_path / ".git").mkdir()
    new_private_key(tmp_path / "k")
    read_private_key(tmp_path / "k", remedy="")
