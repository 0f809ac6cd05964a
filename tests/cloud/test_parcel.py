"""What goes up beside the data, where git is slow."""

from likeness import git
from likeness.cloud.parcel import Parcel, write_parcel


def test_a_large_repository_may_take_longer_to_copy_than_git_has_to_answer(tmp_path, monkeypatch):
    asked: dict[str, float] = {}
    run = git.subprocess.run

    def recorded(command: list[str], **words: object):
        asked[command[1]] = float(str(words["timeout"]))
        return run(command, **words)

    monkeypatch.setattr(git.subprocess, "run", recorded)
    monkeypatch.setenv("LIKENESS_HOME", str(tmp_path / "home"))
    repository = tmp_path / "repository"
    repository.mkdir()
    git.git("init", "--quiet", root=repository)
    git.git("-c", "user.name=t", "-c", "user.email=t@x", "commit", "--quiet", "--allow-empty", "-m", "m", root=repository)  # fmt: skip
    parcel = Parcel(job="likeness-jade-1", persona="jade", experiment="e", pull=[], store="", max_s=60, silence_s=60,
                    lease_s=60, probe_steps=9, machines=[])  # fmt: skip
    write_parcel(tmp_path / "parcel", repository, parcel, "personas: {}\n", b"")
    assert (tmp_path / "parcel" / "revision.git" / "HEAD").is_file()
    assert asked["clone"] >= 10 * asked["init"]
