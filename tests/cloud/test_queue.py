"""DVC's queue on rented machines: a job for every experiment, one question, results under their names."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from likeness import git as git_commands
from likeness.cli import launch_queue
from likeness.cli.cloud_fetch import fetch_command
from likeness.cli.compose import composed, with_value
from likeness.cli.launch import launch_command, plan_queue
from likeness.cli.launch_plan import committed_revision
from likeness.cli.launch_queue import combinations, launched_before, queued_experiments
from likeness.cloud.records import JobRecords, Life
from likeness.conf_digest import values_digest
from likeness.errors import ConfigError, QuotaError
from likeness.git import git, git_bytes
from likeness.store.s3 import Remote
from likeness.strict_yaml import parse_yaml

pytestmark = [
    pytest.mark.filterwarnings("ignore:_NoneStep.value:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]
# Some twenty programs that load DVC, one after the other: on a busy machine that is more than the 600 s of a test.
PATIENT = pytest.mark.timeout(3600)
SLURM = ["cloud=slurm"]
HERE = ["cloud=slurm", f"cloud.python={sys.executable}"]


def launch(overrides: list[str], *, dry_run: bool = False) -> None:
    launch_command("jade", overrides, queue=True, yes=True, dry_run=dry_run, wait=False, as_json=True)


def queued(root: Path, text: str, *, file: str = "params.yaml") -> str:
    """A commit as DVC's queue holds one: HEAD with another file."""
    who = {f"GIT_{one}_{what}": "t@x" for one in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    index = {"GIT_INDEX_FILE": str(root / ".git" / "own-index")}

    def ask(*words: str, stdin: bytes = b"") -> str:
        return git_bytes(*words, root=root, stdin=stdin, variables=who | index).decode().strip()

    blob = ask("hash-object", "-w", "--stdin", stdin=text.encode())
    ask("read-tree", "HEAD")
    ask("update-index", "--add", "--cacheinfo", f"100644,{blob},{file}")
    return ask("commit-tree", ask("write-tree"), "-p", "HEAD", "-m", "queued")


@pytest.fixture
def entries(clone, monkeypatch):
    """What waits in the queue: tests put (name, commit it was queued at, commit that holds it) into it."""
    found: list[tuple[str, str, str]] = []
    monkeypatch.setattr(launch_queue, "_entries", lambda _: found)
    return found


def head(root: Path) -> str:
    return (git("rev-parse", "HEAD", root=root) or "").strip()


@pytest.mark.slow
def test_a_value_in_a_params_yaml_keeps_all_others_and_the_digest_that_check_asks_for(clone):
    text = (clone.folder / "params.yaml").read_text()
    before, after = parse_yaml(text), parse_yaml(with_value(text, "train.checkpoint.share", True))
    assert after["values_digest"] == values_digest(after) != before["values_digest"]
    assert after.pop("train")["checkpoint"]["share"] is True
    before.pop("train")
    before.pop("values_digest"), after.pop("values_digest")
    assert before == after


@pytest.mark.slow
def test_one_plan_for_all_with_the_sum_of_what_they_can_cost(clone, bucket, engine, entries, capsys):
    root = clone.folder
    text = (root / "params.yaml").read_text()
    for name, steps in (("faced-mays", 21), ("cadgy-rins", 22)):
        entries.append((name, head(root), queued(root, with_value(text, "train.schedule.steps", steps))))
    launch(["cloud.max_hours=2"], dry_run=True)
    said = json.loads(capsys.readouterr().out)
    assert [one["experiment"] for one in said["jobs"]] == ["faced-mays", "cadgy-rins"]
    assert [one["steps"] for one in said["jobs"]] == [21, 22]
    # As `-S` takes them.
    assert {"train.schedule.steps=21", "train.checkpoint.share=true"} <= {*said["jobs"][0]["changes"]}
    assert said["usd_max"] == pytest.approx(2 * 2 * 0.6)
    with pytest.raises(QuotaError, match=r"can cost \$7.20"):  # each alone would fit into $5
        launch(["cloud.max_hours=6"])
    assert not (engine / "task.json").exists()


@pytest.mark.slow
def test_what_cannot_be_launched_stays_in_the_queue_and_is_told_why(clone, engine, entries, prepared):
    root = clone.folder
    text = (root / "params.yaml").read_text()
    fine = queued(root, with_value(text, "train.schedule.steps", 21))
    taken = queued(root, with_value(text, "train.schedule.steps", 22))
    entries += [
        ("fine", head(root), fine),
        ("taken", head(root), taken),
        ("older", "0" * 40, fine),
        ("code", head(root), queued(root, "print()", file="train.py")),
        ("data", head(root), queued(root, with_value(text, "dataset.side_px", 512))),
        ("half", head(root), queued(root, text[: len(text) // 2] + "\n  : [")),
        ("list", head(root), queued(root, "- 1")),
    ]
    store = Remote((prepared.folder.parent / "store").as_uri())
    JobRecords(store, "likeness-jade-before").announce({"queued": taken})
    launches, left_out = plan_queue("jade", SLURM, need_engine=True)
    assert [one.plan.experiment for one in launches] == ["fine"]
    assert launches[0].experiment.values["train"]["checkpoint"]["share"]
    words = "\n".join(left_out)
    for part in ("older: it was queued at commit 0000000000", "code: it changes train.py", "taken: launched already, as",
                 "data: dataset.side_px: would make another dataset", "half: params.yaml does not read: ",
                 "list: params.yaml does not read: it is no mapping"):  # fmt: skip
        assert part in words
    entries[:] = entries[2:]
    with pytest.raises(ConfigError, match="no experiment in DVC's queue") as caught:
        plan_queue("jade", SLURM, need_engine=True)
    assert "dvc exp run --queue" in (caught.value.remedy or "")


@pytest.mark.slow
@pytest.mark.parametrize("silent", ["diff", "show", "status"])
def test_a_git_that_does_not_answer_found_nothing_out(clone, entries, monkeypatch, silent):
    """On a machine that is busy for longer than git is waited for."""
    root, run = clone.folder, subprocess.run
    text = with_value((root / "params.yaml").read_text(), "train.schedule.steps", 21)
    entries.append(("one", head(root), queued(root, text)))
    store, revision = Remote((root.parent / "own-store").as_uri()), head(root)
    assert len(queued_experiments(root, revision, store)[0]) == 1

    def hangs(words, **more):
        if words[1] == silent:
            raise subprocess.TimeoutExpired(words, 60)
        return run(words, **more)

    monkeypatch.setattr(git_commands.subprocess, "run", hangs)
    if silent == "status":
        with pytest.raises(ConfigError, match="git status --porcelain"):
            committed_revision(root)
    else:
        found, (why,) = queued_experiments(root, revision, store)
        assert found == []
        assert why.startswith(f"one: `git {silent} ")


@pytest.mark.parametrize(
    ("end", "again"), [("", False), ("taken-away", False), ("done", False), ("failed", True), ("cap", True)]
)
def test_what_failed_may_be_launched_again_and_what_runs_may_not(tmp_path, end, again):
    store = Remote(tmp_path.as_uri())
    records = JobRecords(store, "likeness-jade-1")
    records.announce({"queued": "abc"})
    records.begin(Life(machine="slurm", began="x", seconds=1.0, usd_per_hour=0.0, end=end))
    assert launched_before(store) == ({} if again else {"abc": "likeness-jade-1"})


def test_what_was_stopped_before_it_began_may_be_launched_again(tmp_path):
    store = Remote(tmp_path.as_uri())
    records = JobRecords(store, "likeness-jade-1")
    records.announce({"queued": "abc"})
    assert launched_before(store) == {"abc": "likeness-jade-1"}
    records.renew(0)
    assert launched_before(store) == {}


@pytest.mark.slow
def test_settings_of_what_is_trained_belong_into_the_queue(clone):
    with pytest.raises(ConfigError, match="the queue says what is trained"):
        plan_queue("jade", [*SLURM, "train.schedule.steps=5"], need_engine=False)


@pytest.mark.slow
def test_each_combination_of_listed_values_is_a_job(clone, bucket, engine, capsys):
    sets = [
        "train.schedule.steps=21,22",
        "train.lora.rank=8,16",
        "cloud=runpod",
        "cloud.max_hours=1",
    ]
    launch_command(
        "jade", sets, queue=False, experiments=True, yes=True, dry_run=True, wait=False, as_json=True
    )
    said = json.loads(capsys.readouterr().out)
    assert [one["changes"][:2] for one in said["jobs"]] == [
        [f"train.schedule.steps={steps}", f"train.lora.rank={rank}"] for steps in (21, 22) for rank in (8, 16)
    ]
    assert [one["steps"] for one in said["jobs"]] == [21, 21, 22, 22]
    assert len({one["experiment"] for one in said["jobs"]}) == 4
    assert said["usd_max"] == pytest.approx(4 * 0.6)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("override", "why"),
    [("cloud.max_hours=1,2", "get the same value"), ("train.lora.rank=8,,", "cannot be read")],
)
def test_a_sweep_over_how_it_is_launched_is_refused(clone, override, why):
    with pytest.raises(ConfigError, match=why):
        combinations([*SLURM, override])


@pytest.mark.slow
@pytest.mark.long
@PATIENT
def test_listed_experiments_go_out_and_come_home_side_by_side(clone, prepared, engine, capsys):
    sets = [*HERE, "train.schedule.steps=21,22", "train.schedule.warmup_steps=0"]
    launch_command(
        "jade", sets, queue=False, experiments=True, yes=True, dry_run=False, wait=False, as_json=True
    )
    jobs = [one["name"] for one in json.loads((engine / "jobs.json").read_text())]
    fetch_command(every=True)
    shown = json.loads(clone.run(sys.executable, "-m", "dvc", "exp", "show", "--json").stdout)
    found = {
        one["name"]: one["revs"][0]["data"]["params"]["params.yaml"]["data"]
        for one in shown[1]["experiments"]
    }
    assert set(found) == set(jobs)
    assert {one["train"]["schedule"]["steps"] for one in found.values()} == {21, 22}


@pytest.mark.slow
@pytest.mark.long
@PATIENT
def test_a_queue_goes_out_and_comes_home(clone, prepared, engine, capsys):
    clone.dvc(
        "exp", "run", "--queue", "-S", "train.schedule.steps=21,22", "-S", "train.schedule.warmup_steps=0"
    )
    launch(HERE)
    jobs = json.loads((engine / "jobs.json").read_text())
    assert [one["status"] for one in jobs] == ["SUCCEEDED", "SUCCEEDED"], (engine / "log").read_text()
    waiting = clone.dvc("queue", "status")
    assert waiting.count("Queued") == 2
    with pytest.raises(ConfigError, match="launched already"):
        launch(HERE)
    fetch_command(every=True)
    names = {
        line.split("dvc exp apply ")[1].split(";")[0]
        for line in capsys.readouterr().out.splitlines()
        if "apply" in line
    }
    assert all(name in waiting for name in names)
    assert "No experiment tasks in the queue" in clone.dvc("queue", "status")
    shown = json.loads(clone.run(sys.executable, "-m", "dvc", "exp", "show", "--json").stdout)
    found = {one["name"]: one["revs"][0]["data"] for one in shown[1]["experiments"]}
    assert set(found) == names
    steps = {one["params"]["params.yaml"]["data"]["train"]["schedule"]["steps"] for one in found.values()}
    assert steps == {21, 22}
    for name in sorted(names):
        clone.dvc("exp", "apply", name, check=False)
        clone.dvc("pull", "train@jade")
        mine = composed(clone.folder) | parse_yaml((clone.folder / "params.yaml").read_text())
        weights = (clone.folder / "models/jade/jade-v1.safetensors").read_text()
        assert weights == f"weights of {mine['train']['schedule']['steps']} steps"
    fetch_command(every=True)
    assert capsys.readouterr().out == ""
