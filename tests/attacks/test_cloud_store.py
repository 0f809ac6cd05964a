"""Attacks of somebody who can write to the store on what `likeness cloud fetch` brings home."""

import json
from collections.abc import Callable

import pytest
from job_world import JOB, NAME, World, settings

from likeness.cloud.records import JobRecords
from likeness.errors import InputError
from likeness.team_keys import TeamKeys


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
     edited(signature=None), edited(signature={}), edited(signature=[1]),
     launch_deleted, bundle_exchanged, runs_exchanged, runs_deleted, signature_deleted,
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
    strangers = TeamKeys("any").public
    world.records.announce(world.launch, job_key=strangers)
    world.bring(bundle, None, monkeypatch, home="stranger")
    with pytest.raises(InputError, match="no member of the team signed") as caught:
        world.fetch()
    assert f"; {strangers} did" in caught.value.message  # who reinstalled the machine finds the key of before
    assert world.experiments == []


def test_a_colleague_who_knows_the_launcher_gets_it_too(world, monkeypatch):
    """The job's key is in no list of theirs: the launch names it."""
    world.bring(world.experiment(settings), None, monkeypatch)
    launcher = TeamKeys("any").public
    world.at("stranger", monkeypatch)
    TeamKeys("any").allow(launcher, "Ann")
    assert world.fetch() == NAME


def test_a_forged_job_keeps_no_other_at_home_and_is_told_its_own_remedy(world, monkeypatch):
    forged = JobRecords(world.store, "likeness-mia-0")
    forged.announce({**world.launch, "job": forged.job, "experiment": "forged"}, job_key=world.key.public)
    world.store.write(forged.results, b"a bundle")
    world.bring(world.experiment(settings), None, monkeypatch)
    with pytest.raises(InputError, match="likeness-mia-0 is not what its machine brought back") as caught:
        world.fetch_all()
    assert (caught.value.reason, caught.value.remedy) == (
        "forged",
        "see who can write to the store; train it again",
    )
    assert world.experiments == [f"refs/exps/ab/cd/{NAME}"]
