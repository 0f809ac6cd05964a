"""Attacks on what rented machines and the store give back: what `likeness cloud fetch` brings here is what the job's machine made."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from consent_clone import DAY, end, git
from job_world import JOB, NAME, settings, write_lock

from likeness.cli import cloud_fetch
from likeness.cli.cloud_fetch import fetch_command
from likeness.cli.cloud_jobs import Cloud
from likeness.cloud import job as machine
from likeness.errors import ConfigError, ConsentError, InputError
from likeness.paths import RepositoryPaths
from likeness.safety.consent.revocations import Revocation, share


def test_what_the_machine_made_comes_home(world, monkeypatch):
    world.bring(world.experiment(settings), b"runs", monkeypatch)
    assert world.fetch() == NAME
    assert world.fetch() == NAME
    assert world.experiments == [f"refs/exps/ab/cd/{NAME}"]


def written(name: str, text: str = "x\n") -> Callable[[Path], None]:
    def change(root: Path) -> None:
        settings(root)
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(text)

    change.__name__ = name
    return change


def params_linked(root: Path) -> None:
    (root / "params.yaml").unlink()
    (root / "params.yaml").symlink_to("/etc/passwd")


def params_executable(root: Path) -> None:
    settings(root)
    (root / "params.yaml").chmod(0o755)


def params_deleted(root: Path) -> None:
    (root / "params.yaml").unlink()


def record_deleted(root: Path) -> None:
    (root / "consent/mia.yaml").unlink()


@pytest.mark.parametrize(
    "change",
    [*map(written, ("train.py", "dvc.yaml", "consent/mia.yaml", ".dvc/config", ".gitattributes", ".gitmodules", "sitecustomize.py",
                    "conf/config.yaml", "data/params.yaml", "a/b.dvc", "params.yaml.py")),
     params_linked, params_executable, params_deleted, record_deleted],
    ids=lambda change: change.__name__,
)  # fmt: skip
def test_files_that_were_edited_on_the_machine_do_not_come_home(world, monkeypatch, change):
    """`dvc exp apply` would lay them out, and the next `dvc repro` run them."""
    world.bring(world.experiment(change), None, monkeypatch)
    with pytest.raises(InputError) as caught:
        world.fetch()
    assert caught.value.reason == "forged"
    assert world.experiments == []


def test_digests_of_other_peoples_stages_do_not_come_home(world, monkeypatch):
    """`dvc pull` would bring hers, and the job's person alone was asked for."""

    def change(root: Path) -> None:
        settings(root)
        write_lock(root, "train@mia", "train@jade")

    world.bring(world.experiment(change), None, monkeypatch)
    with pytest.raises(InputError, match=r"changes dvc\.lock: train@jade") as caught:
        world.fetch("mia", "jade")
    assert (caught.value.reason, world.experiments) == ("forged", [])


def test_a_lock_that_does_not_read_does_not_come_home(world, monkeypatch):
    world.bring(world.experiment(written("dvc.lock", "- x\n")), None, monkeypatch)
    with pytest.raises(InputError, match=r"dvc\.lock of \w+ cannot be read"):
        world.fetch()
    assert world.experiments == []


def test_of_a_bundle_only_the_jobs_experiment_is_taken(world, monkeypatch):
    refs = (f"refs/exps/ab/cd/{NAME}", "refs/exps/ab/cd/another", "refs/heads/evil")
    world.bring(world.experiment(settings, refs=refs), None, monkeypatch)
    world.fetch()
    assert world.experiments == [refs[0]]


@pytest.mark.parametrize("ref", ["refs/heads/evil", "refs/exps/ab/cd/another", f"refs/tags/{NAME}"])
def test_a_bundle_without_the_experiment_is_none(world, monkeypatch, ref):
    world.bring(world.experiment(settings, refs=(ref,)), None, monkeypatch)
    with pytest.raises(InputError) as caught:
        world.fetch()
    assert (caught.value.reason, world.experiments) == ("no-baseline", [])


def test_another_experiment_of_that_name_stays(world, monkeypatch):
    world.bring(world.experiment(settings), None, monkeypatch)
    git(world.root, "update-ref", f"refs/exps/ab/cd/{NAME}", "HEAD")
    with pytest.raises(InputError, match="another experiment"):
        world.fetch()
    assert git(world.root, "rev-parse", f"refs/exps/ab/cd/{NAME}").strip() == world.revision


# ---- a fetch that does not get to its end


def test_a_reference_that_git_could_not_write_is_told_and_the_experiment_stays_in_the_queue(
    world, monkeypatch
):
    world.bring(world.experiment(settings), None, monkeypatch)
    lock = world.root / f".git/refs/exps/ab/cd/{NAME}.lock"
    lock.parent.mkdir(parents=True)
    lock.touch()
    monkeypatch.setattr(cloud_fetch, "leave_queue", lambda *_: pytest.fail("it is not here"))
    with pytest.raises(ConfigError, match="git update-ref"):
        world.fetch()


def test_what_a_killed_fetch_left_in_the_queue_leaves_it_with_the_next(world, monkeypatch, capsys):
    world.records.announce({**world.launch, "queued": "a commit"}, job_key=world.key.public)
    world.bring(world.experiment(settings), None, monkeypatch)
    queue = ["a commit"]

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cloud_fetch, "is_queued", lambda _, commit: commit in queue)
    monkeypatch.setattr(cloud_fetch, "leave_queue", killed)
    with pytest.raises(KeyboardInterrupt):
        world.fetch_all()
    assert world.experiments == [f"refs/exps/ab/cd/{NAME}"]
    monkeypatch.setattr(cloud_fetch, "leave_queue", lambda _, commit: queue.remove(commit))
    world.fetch_all()
    assert queue == []
    assert NAME in capsys.readouterr().out
    world.fetch_all()
    assert capsys.readouterr().out == ""


# ---- consent


def test_nothing_of_her_comes_home_after_a_revocation(world, monkeypatch):
    world.bring(world.experiment(settings), None, monkeypatch)
    share(world.store, Revocation(id="mia-2026-01", persona="mia", date=DAY))
    with pytest.raises(ConsentError):
        world.fetch("jade")  # the settings name her no more
    assert world.experiments == []


def test_somebody_elses_revocation_keeps_no_result_from_coming_home(world, monkeypatch):
    world.bring(world.experiment(settings), None, monkeypatch)
    share(world.store, Revocation(id="jade-2026-11", persona="jade", kind="synthetic", date=DAY))
    monkeypatch.setattr(Cloud, "here", lambda: world.cloud("mia", "jade"))
    monkeypatch.setattr(Cloud, "job", lambda self, name: None)
    fetch_command(JOB)
    assert world.experiments == [f"refs/exps/ab/cd/{NAME}"]


@pytest.mark.parametrize("at", range(4))
def test_a_revocation_in_the_middle_of_a_job_stops_what_leaves(world, monkeypatch, at):
    """At the start, while it trains, while it is pushed, and at the end."""
    done: list[str] = []

    def step(*command: str) -> None:
        done.append(command[3])
        if len(done) == at:
            share(world.store, Revocation(id="mia-2026-01", persona="mia", date=DAY))

    monkeypatch.setattr(machine, "bring_home", lambda *given: done.append("home"))
    monkeypatch.setattr(machine, "share_paces", lambda *given: None)
    if at == 0:
        share(world.store, Revocation(id="mia-2026-01", persona="mia", date=DAY))
    parcel = SimpleNamespace(persona="mia", pull=["a"], experiment=NAME, machines=[])
    job = SimpleNamespace(parcel=parcel, records=world.records, run=step)
    with pytest.raises(ConsentError):
        machine.work(job, None, RepositoryPaths(world.root))  # type: ignore[arg-type]
    assert done == ["pull", "exp", "push"][: {0: 0, 1: 2, 2: 2, 3: 3}[at]]


def test_the_machine_reads_the_record_that_lies_there_now(world):
    end(world.root)
    parcel = SimpleNamespace(persona="mia", pull=[], experiment=NAME, machines=[])
    job = SimpleNamespace(
        parcel=parcel, records=world.records, run=lambda *words: pytest.fail("it went to work")
    )
    with pytest.raises(ConsentError):
        machine.work(job, None, RepositoryPaths(world.root))  # type: ignore[arg-type]
