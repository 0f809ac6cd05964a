"""Attacks on `likeness consent purge`: what DVC could bring back by a name that only git, a remote or a folder still has."""

import json
import shutil
from pathlib import Path

import pytest
import yaml
from consent_clone import commit, git
from purge_clone import CACHE, FAR, WEIGHTS, held, keep, lock

from likeness.cli.purge import purge
from likeness.store.items import ItemStore
from likeness.tracking.records import Deleted


def in_a_commit(root: Path) -> None:
    Path("dvc.lock").write_text(lock("models/jade/jade-v1.safetensors", keep(WEIGHTS)))
    commit(root)


def a_removed_experiment(root: Path) -> None:
    in_a_commit(root)
    git(root, "reset", "-q", "--hard", "HEAD~1")


def a_side_branch_of_which_a_merge_took_nothing(root: Path) -> None:
    git(root, "checkout", "-q", "-b", "side")
    in_a_commit(root)
    Path("dvc.lock").unlink()
    commit(root)
    git(root, "checkout", "-q", "-")
    Path("a").write_text("a")
    commit(root)
    git(root, "merge", "-q", "--no-edit", "side")
    git(root, "branch", "-q", "-D", "side")
    git(root, "reflog", "expire", "--expire=now", "--all")


def a_tag_that_names_no_commit(root: Path) -> None:
    in_a_commit(root)
    git(root, "tag", "-a", "-m", "kept", "kept", "HEAD^{tree}")
    git(root, "reset", "-q", "--hard", "HEAD~1")
    git(root, "reflog", "expire", "--expire=now", "--all")
    (root / ".git/ORIG_HEAD").unlink()


def a_graph_in_a_folder(root: Path) -> None:
    Path("mine").mkdir()
    Path("mine/dvc.lock").write_text(
        lock("../models/jade/mine.safetensors", keep(WEIGHTS), stage="mine", cmd="make")
    )


def a_command_under_another_stages_name(root: Path) -> None:
    Path("dvc.lock").write_text(lock("weights.safetensors", keep(WEIGHTS), stage="mine"))


def added_by_hand(root: Path) -> None:
    Path("models/jade").mkdir(parents=True)
    out = {"md5": keep(WEIGHTS), "hash": "md5", "path": "old.safetensors"}
    Path("models/jade/old.safetensors.dvc").write_text(yaml.safe_dump({"outs": [out]}))


def added_by_hand_once(root: Path) -> None:
    added_by_hand(root)
    commit(root)
    shutil.rmtree("models")
    commit(root)


def a_lock_that_was_kept_as_a_backup(root: Path) -> None:
    """The same bytes, which git holds once, under a name that is no lock's in a newer commit."""
    in_a_commit(root)
    git(root, "mv", "dvc.lock", "dvc.lock.bak")
    commit(root)


def a_file_of_the_same_bytes_in_anothers_folder(root: Path) -> None:
    """What a .dvc file names is beside it: the same bytes name another file in each folder."""
    added_by_hand(root)
    Path("models/aaa").mkdir()
    shutil.copy("models/jade/old.safetensors.dvc", "models/aaa/old.safetensors.dvc")
    commit(root)
    shutil.rmtree("models")
    commit(root)


def imported(root: Path, **source: object) -> None:
    """As `dvc import . models/jade/jade-v1.safetensors -o imported/w.safetensors` leaves it."""
    in_a_commit(root)
    Path("imported").mkdir()
    Path("imported/w.safetensors").write_bytes(WEIGHTS)
    dep = {"path": "models/jade/jade-v1.safetensors", **source}
    out = {"md5": keep(WEIGHTS), "hash": "md5", "path": "w.safetensors"}
    Path("imported/w.safetensors.dvc").write_text(yaml.safe_dump({"deps": [dep], "outs": [out]}))


def imported_from_another_clone(root: Path) -> None:
    imported(root, repo={"url": "../another", "rev_lock": "0" * 40})
    Path("dvc.lock").unlink()


def a_copy_under_another_name(root: Path) -> None:
    in_a_commit(root)
    out = {"md5": keep(WEIGHTS), "hash": "md5", "path": "mine.safetensors"}
    Path("mine.safetensors.dvc").write_text(yaml.safe_dump({"outs": [out]}))


def imported_from_a_clone_that_gave_it_another_name(root: Path) -> None:
    """As `dvc import ../another w.safetensors` leaves it, where ../another imported it from here."""
    imported(root, path="w.safetensors", repo={"url": "../another", "rev_lock": "0" * 40})


def a_copy_by_a_run_of_another_program(root: Path) -> None:
    in_a_commit(root)
    run = {"cmd": "cp a b", "outs": [{"path": "b", "md5": keep(WEIGHTS)}]}
    path = CACHE / "runs/ab" / ("ab" * 32) / ("cd" * 32)
    path.parent.mkdir(parents=True)
    path.write_text(yaml.safe_dump(run))


def a_run_that_only_the_remote_has(root: Path) -> None:
    run = {"cmd": "python -m stages.train jade", "outs": [{"path": "x", "md5": keep(WEIGHTS, places=(FAR,))}]}
    path = FAR / "runs/ab" / ("ab" * 32) / ("cd" * 32)
    path.parent.mkdir(parents=True)
    path.write_text(yaml.safe_dump(run))


def a_folder_that_was_never_pulled(root: Path) -> None:
    listed = [{"md5": keep(WEIGHTS, places=(FAR,)), "relpath": "step-10.safetensors"}]
    digest = keep(json.dumps(listed).encode(), ".dir", places=(FAR,))
    Path("dvc.lock").write_text(lock("models/jade/training/checkpoints", digest))


@pytest.mark.parametrize(
    "attack",
    [
        in_a_commit, a_removed_experiment, a_tag_that_names_no_commit,
        a_side_branch_of_which_a_merge_took_nothing, a_graph_in_a_folder,
        a_command_under_another_stages_name, added_by_hand, added_by_hand_once, a_run_that_only_the_remote_has,
        a_folder_that_was_never_pulled, imported, imported_from_another_clone,
        imported_from_a_clone_that_gave_it_another_name, a_copy_under_another_name,
        a_copy_by_a_run_of_another_program, a_lock_that_was_kept_as_a_backup, a_file_of_the_same_bytes_in_anothers_folder,
    ],
    ids=lambda attack: attack.__name__,
)  # fmt: skip
def test_what_dvc_could_bring_back_is_found(clone, attack):
    attack(clone)
    assert held(WEIGHTS)
    report = purge("jade", dry_run=False, photographs=False)
    assert report.unreachable == {}
    assert held(WEIGHTS) == []
    assert not purge("jade", dry_run=False, photographs=False).deleted.keys() & {"DVC", "DVC's remotes"}


def test_another_personas_folder_that_was_never_pulled_keeps_its_files(clone):
    """The same file in both folders, each of which only the remote lists."""
    for persona in ("jade", "mia"):
        listed = [{"md5": keep(WEIGHTS, places=(FAR,)), "relpath": f"of-{persona}"}]
        path, digest = (
            f"models/{persona}/training/checkpoints",
            keep(json.dumps(listed).encode(), ".dir", places=(FAR,)),
        )
        folder = Path("graphs") / persona
        folder.mkdir(parents=True)
        (folder / "dvc.lock").write_text(
            lock(path, digest, stage=f"train@{persona}", cmd=f"python -m stages.train {persona}")
        )
    purge("jade", dry_run=False, photographs=False)
    assert len(held(WEIGHTS)) == 1


def test_what_was_imported_is_deleted_where_it_lies_and_no_file_beside_it(clone):
    imported(clone)
    Path("imported/mine.txt").write_text("mine")
    report = purge("jade", dry_run=True, photographs=False)
    assert {name for name in report.deleted["DVC"] if name.startswith("tracked")} == {
        "tracked by hand: imported/w.safetensors", "tracked by hand: imported/w.safetensors.dvc"
    }  # fmt: skip
    purge("jade", dry_run=False, photographs=False)
    assert [path.name for path in Path("imported").iterdir()] == ["mine.txt"]


def test_a_clone_that_gave_it_another_name_hides_nothing_and_gives_no_other_file_away(clone):
    imported_from_a_clone_that_gave_it_another_name(clone)
    mine = {"md5": keep(WEIGHTS), "path": "mine.txt"}
    Path("imported/mine.txt").write_text("mine")
    Path("imported/mine.txt.dvc").write_text(yaml.safe_dump({"outs": [mine]}))
    purge("jade", dry_run=False, photographs=False)
    assert [path.name for path in Path("imported").iterdir()] == ["mine.txt"]


def test_a_target_that_two_personas_share_stays_with_the_other(clone):
    shutil.copy("consent/jade.yaml", "consent/mia.yaml")
    for persona in ("jade", "mia"):
        Path(f"data/{persona}/raw").mkdir(parents=True)
        out = {"md5": keep(b"a target"), "hash": "md5", "path": "a.jpg"}
        Path(f"data/{persona}/raw/a.jpg.dvc").write_text(yaml.safe_dump({"outs": [out]}))
    purge("jade", dry_run=False, photographs=True)
    assert held(b"a target")


def test_other_worktrees_and_a_shared_cache_are_told(clone):
    git(clone, "worktree", "add", "-q", "../second")
    Path(".dvc/config.local").write_text(f"[cache]\n    dir = {clone.parent / 'shared'}\n")
    stays = purge("jade", dry_run=True, photographs=False).stays
    assert [line for line in stays if str(clone.parent / "second") in line]
    assert [line for line in stays if str(clone.parent / "shared") in line]


@pytest.mark.parametrize("photographs", [False, True])
def test_photographs_that_dvc_keeps_go_when_they_are_to(clone, photographs):
    Path("data/jade/raw").mkdir(parents=True)
    out = {"md5": keep(b"a photograph"), "hash": "md5", "path": "a.jpg"}
    Path("data/jade/raw/a.jpg.dvc").write_text(yaml.safe_dump({"outs": [out]}))
    purge("jade", dry_run=False, photographs=photographs)
    assert bool(held(b"a photograph")) is not photographs


def test_items_in_a_store_that_the_settings_named_before_go(clone):
    before = ItemStore(Path(".cache/items"), persona="jade")
    item = before.put("a" * 64, {"photo.png": b"a photograph of jade"}, {})
    params = yaml.safe_load(Path("params.yaml").read_text())
    params["items"]["root"] = ".cache/elsewhere"
    Path("params.yaml").write_text(yaml.safe_dump(params))
    commit(clone)
    assert purge("jade", dry_run=True, photographs=False).deleted
    purge("jade", dry_run=False, photographs=False)
    assert not item.files["photo.png"].path.exists()
    assert not purge("jade", dry_run=False, photographs=False).deleted


def test_a_variable_that_names_another_mlflow_hides_the_one_of_the_settings_from_no_purge(clone, monkeypatch):
    asked: list[str] = []

    def runs_at(uri, *args, **options):
        asked.append(uri)
        return Deleted(names=[uri], elsewhere=0)

    monkeypatch.setattr("likeness.cli.purge.delete_runs", runs_at)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///another.db")
    report = purge("jade", dry_run=False, photographs=False)
    assert asked == report.deleted["MLflow"] == ["sqlite:///mlflow.db", "sqlite:///another.db"]
