"""Attacks on what rented machines and the store give back: what `likeness cloud fetch` brings here is what the job's machine made."""

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from consent_clone import DAY, commit, end, git

from likeness.cli.cloud_fetch import fetch
from likeness.cli.cloud_jobs import Cloud
from likeness.cloud import job as machine
from likeness.cloud.records import JobRecords
from likeness.errors import ConsentError, InputError
from likeness.paths import RepositoryPaths
from likeness.safety.consent.revocations import Revocation, share
from likeness.store.s3 import Remote
from likeness.team_keys import TeamKeys

JOB, NAME = "likeness-mia-1", "bold-name"


class World:
    """A clone, its team's store, and a job whose machine has brought back an experiment."""

    def __init__(self, root: Path, store: Remote, home: Path) -> None:
        self.root, self.store, self.home = root, store, home
        self.records = JobRecords(store, JOB)
        self.key = TeamKeys("any", home / "machine")
        self.revision = git(root, "rev-parse", "HEAD").strip()
        self.launch = {
            "job": JOB, "persona": "mia", "experiment": NAME, "queued": None, "revision": self.revision, "usd_max": 1.5,
        }  # fmt: skip
        self.records.announce(self.launch, job_key=self.key.public)

    def at(self, home: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("LIKENESS_HOME", str(self.home / home))

    def experiment(
        self, change: Callable[[Path], None], *, refs: tuple[str, ...] = (f"refs/exps/ab/cd/{NAME}",)
    ) -> bytes:
        """The bundle of a commit with this change."""
        git(self.root, "checkout", "-q", "--detach")
        change(self.root)
        commit(self.root)
        for ref in refs:
            git(self.root, "update-ref", ref, "HEAD")
        git(self.root, "bundle", "create", "-q", str(self.home / "bundle"), *refs, f"^{self.revision}")
        for ref in refs:
            git(self.root, "update-ref", "-d", ref)
        git(self.root, "checkout", "-q", "-f", "-")
        git(self.root, "reflog", "expire", "--expire=now", "--all")
        git(self.root, "gc", "-q", "--prune=now")
        return (self.home / "bundle").read_bytes()

    def bring(
        self, bundle: bytes, runs: bytes | None, monkeypatch: pytest.MonkeyPatch, home: str = "machine"
    ) -> None:
        """As the machine does."""
        self.at(home, monkeypatch)
        self.records.sign_results(bundle, runs)
        self.store.write(self.records.results, bundle)
        if runs is not None:
            self.store.write(self.records.runs, runs)
        self.at("mine", monkeypatch)

    def fetch(self, *personas: str) -> str:
        cfg = SimpleNamespace(personas=personas or ("mia",), tracking=SimpleNamespace(enabled=False))
        return fetch(
            Cloud(cfg=cfg, repository=RepositoryPaths(self.root), store=self.store, engine=None), JOB
        )  # type: ignore[arg-type]

    @property
    def experiments(self) -> list[str]:
        return git(self.root, "for-each-ref", "--format=%(refname)", "refs/exps", "refs/heads/evil").split()


@pytest.fixture
def world(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    signers = (Path(monkeypatch_home()) / "allowed_signers").read_bytes()
    for name in ("mine", "machine", "stranger"):
        (tmp_path / "homes" / name).mkdir(parents=True, mode=0o700)
        (tmp_path / "homes" / name / "allowed_signers").write_bytes(signers)
        (tmp_path / "homes" / name / "allowed_signers").chmod(0o600)
    monkeypatch.setenv("LIKENESS_HOME", str(tmp_path / "homes/mine"))
    (repository / "params.yaml").write_text("steps: 1\n")
    (repository / "train.py").write_text("train()\n")
    commit(repository)
    return World(repository, Remote((tmp_path / "store").as_uri()), tmp_path / "homes")


def monkeypatch_home() -> str:
    from likeness.key_files import settings_folder

    return str(settings_folder())


def settings(root: Path) -> None:
    (root / "params.yaml").write_text("steps: 2\n")
    (root / "dvc.lock").write_text("schema: '2.0'\n")
    (root / "stages").mkdir()
    (root / "stages/dvc.lock").write_text("schema: '2.0'\n")


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


# ---- what somebody who can write to the store puts there


def edited(**changes: object) -> Callable[[World], None]:
    def attack(world: World) -> None:
        name = f"cloud/{JOB}/launch.json"
        said = json.loads(world.store.read(name) or b"")
        world.store.write(name, json.dumps({**said, **changes}).encode())

    attack.__name__ = ", ".join(changes)
    return attack


def launch_deleted(world: World) -> None:
    world.store.delete([f"cloud/{JOB}/launch.json"])


def bundle_exchanged(world: World) -> None:
    world.store.write(world.records.results, (world.store.read(world.records.results) or b"") + b"\n")


def runs_exchanged(world: World) -> None:
    world.store.write(world.records.runs, b"SQLite format 3\0")


def runs_deleted(world: World) -> None:
    world.store.delete([world.records.runs])


def signature_deleted(world: World) -> None:
    world.store.delete([f"cloud/{JOB}/results.json"])


def signature_of_another_job(world: World) -> None:
    other = JobRecords(world.store, "likeness-mia-2")
    other.sign_results(world.store.read(world.records.results) or b"", world.store.read(world.records.runs))
    world.store.write(
        f"cloud/{JOB}/results.json", world.store.read("cloud/likeness-mia-2/results.json") or b""
    )


def signature_of_the_launchers_own_key(world: World) -> None:
    """A member, and not this job's machine."""
    world.records.sign_results(
        world.store.read(world.records.results) or b"", world.store.read(world.records.runs)
    )


def no_signature_but_a_list(world: World) -> None:
    world.store.write(f"cloud/{JOB}/results.json", b"[1]")


@pytest.mark.parametrize(
    "attack",
    [edited(persona="jade"), edited(experiment="x; rm -rf ~"), edited(queued="0" * 40), edited(revision="HEAD~1"), edited(key="AAAA"),
     edited(signature=None), edited(signature={}), launch_deleted, bundle_exchanged, runs_exchanged, runs_deleted, signature_deleted,
     signature_of_another_job, signature_of_the_launchers_own_key, no_signature_but_a_list],
    ids=lambda attack: attack.__name__,
)  # fmt: skip
def test_what_was_changed_in_the_store_is_not_taken(world, monkeypatch, attack):
    world.bring(world.experiment(settings), b"runs", monkeypatch)
    attack(world)
    with pytest.raises(InputError) as caught:
        world.fetch()
    assert (caught.value.reason, world.experiments) == ("forged", [])


def test_a_strangers_launch_is_not_taken(world, monkeypatch):
    bundle = world.experiment(settings)
    world.at("stranger", monkeypatch)
    world.records.announce(world.launch, job_key=TeamKeys("any").public)
    world.bring(bundle, None, monkeypatch, home="stranger")
    with pytest.raises(InputError, match="no member of the team signed"):
        world.fetch()
    assert world.experiments == []


def test_a_colleague_who_knows_the_launcher_gets_it_too(world, monkeypatch):
    """The job's key is in no list of theirs: the launch names it."""
    world.bring(world.experiment(settings), None, monkeypatch)
    launcher = TeamKeys("any").public
    world.at("stranger", monkeypatch)
    TeamKeys("any").allow(launcher, "Ann")
    assert world.fetch() == NAME


# ---- consent


def test_nothing_of_her_comes_home_after_a_revocation(world, monkeypatch):
    world.bring(world.experiment(settings), None, monkeypatch)
    share(world.store, Revocation(id="mia-2026-01", persona="mia", date=DAY))
    with pytest.raises(ConsentError):
        world.fetch("jade")  # the settings name her no more
    assert world.experiments == []


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
