"""`likeness consent purge`: everything that this clone can reach, once; a second run finds nothing."""

import hashlib
import json
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from likeness.cli.purge import purge, purge_command
from likeness.digests import sha256_bytes
from likeness.store.items import ItemStore
from likeness.store.record import object_name
from likeness.store.s3 import Remote

ROOT = Path(__file__).parents[2]
SWAPPED, MIAS, SHARED = b"a swap of jade", b"a swap of mia", b"a target of both"


def md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def cached(data: bytes, suffix: str = "") -> str:
    """Bytes in DVC's cache; their name."""
    name = md5(data) + suffix
    path = Path(".dvc/cache/files/md5") / name[:2] / name[2:]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return name


def run_of(persona: str, picture: bytes) -> dict:
    """What DVC keeps of a run of swap: the cache, an entry of the run-cache; the stage for dvc.lock."""
    listed = json.dumps([{"md5": cached(picture), "relpath": f"{persona}-s1-t1-sfw-swapped.png"}]).encode()
    stage = {
        "cmd": f"python -m stages.swap {persona}",
        "outs": [{"path": f"data/{persona}/swapped", "hash": "md5", "md5": cached(listed, ".dir")}],
    }
    entry = Path(".dvc/cache/runs/ab") / ("ab" * 32) / md5(picture)
    entry.parent.mkdir(parents=True, exist_ok=True)
    entry.write_text(yaml.safe_dump(stage))
    return stage


@pytest.fixture
def repository(tmp_path, monkeypatch) -> Path:
    """A clone in which something was made of jade and of mia, in each place."""
    root = tmp_path / "clone"
    root.mkdir()
    for name in ("conf", "consent"):
        shutil.copytree(ROOT / name, root / name)
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    params["items"]["remote"] = (tmp_path / "team").as_uri()
    params["publish"]["url"] = (tmp_path / "public").as_uri()
    params["tracking"]["enabled"] = False
    (root / "params.yaml").write_text(yaml.safe_dump(params))
    monkeypatch.chdir(root)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    subprocess.run(["git", "init", "-q"], check=True)
    Path(".dvc").mkdir()
    Path(".dvc/config").write_text(f"['remote \"team\"']\n    url = {tmp_path / 'dvc-remote'}\n")
    for persona, picture in (("jade", SWAPPED), ("mia", MIAS)):
        folder = Path("data") / persona / "swapped"
        folder.mkdir(parents=True)
        (folder / f"{persona}-s1-t1-sfw-swapped.png").write_bytes(picture)
        line = {"file": f"{persona}-s1-t1-sfw-swapped.png", "sha256": sha256_bytes(picture)}
        (folder / "manifest.jsonl").write_text(json.dumps(line) + "\n")
        (Path("data") / persona / "raw/sources").mkdir(parents=True)
        (Path("data") / persona / "raw/sources/a.jpg").write_bytes(b"a photograph of " + persona.encode())
        store = ItemStore(".cache/items", persona=persona)
        store.put(sha256_bytes(picture), {"swap.png": picture}, {})
        store.put(sha256_bytes(SHARED), {"target.png": SHARED}, {})
        training = Path(".cache/training") / (persona[0] * 64)
        training.mkdir(parents=True)
        (training / "step-00000010.safetensors").write_bytes(b"weights")
        (training / "persona").write_text(persona)
        copies = Path(".cache/publications") / persona
        copies.mkdir(parents=True)
        (copies / "copy.jpg").write_bytes(b"a marked copy of " + persona.encode())
        public = Remote(f"{(tmp_path / 'public').as_uri()}/{persona}")
        public.write("manifest.json", b"{}")
    lock = {f"swap@{name}": run_of(name, data) for name, data in (("jade", SWAPPED), ("mia", MIAS))}
    Path("dvc.lock").write_text(yaml.safe_dump({"schema": "2.0", "stages": lock}))
    team = Remote((tmp_path / "team").as_uri())
    for path in (path for path in Path(".cache/items").rglob("*") if path.is_file()):
        team.write(path.relative_to(".cache/items").as_posix(), path.read_bytes())
    team.write("training/" + "j" * 64 + "/0", b"weights")
    shutil.copytree(".dvc/cache/files", tmp_path / "dvc-remote/files")
    copy = Path(".dvc/tmp/exps/tmpabc/data/jade/swapped")
    copy.mkdir(parents=True)
    (copy / "jade-s1-t1-sfw-swapped.png").write_bytes(SWAPPED)
    return root


def holders(root: Path, data: bytes) -> list[str]:
    """The files below the test's folder that hold these bytes."""
    files = (path for path in root.parent.rglob("*") if path.is_file())
    return sorted(str(path.relative_to(root.parent)) for path in files if path.read_bytes() == data)


def test_it_empties_every_place_and_leaves_other_people_alone(repository, tmp_path):
    assert len(holders(repository, SWAPPED)) == 6  # output, item, DVC's cache, experiment, team, DVC's remote
    mias = holders(repository, MIAS)
    report = purge("jade", dry_run=False, photographs=False)
    assert report.unreachable == {}
    assert holders(repository, SWAPPED) == []
    assert holders(repository, MIAS) == mias
    assert [path.name for path in Path(".cache/publications").iterdir()] == ["mia"]
    assert not Path(".cache/training/" + "j" * 64).exists()
    assert Path(".cache/training/" + "m" * 64).is_dir()
    assert Remote((tmp_path / "team").as_uri()).names("training") == []
    assert not (tmp_path / "public/jade/manifest.json").exists()
    assert (tmp_path / "public/mia/manifest.json").exists()
    assert list(yaml.safe_load(Path("dvc.lock").read_text())["stages"]) == ["swap@mia"]
    runs = [path.read_text() for path in Path(".dvc/cache/runs").rglob("*") if path.is_file()]
    assert len(runs) == 1
    assert "stages.swap mia" in runs[0]
    assert {place.split(" ")[0] for place in report.deleted} == {
        "DVC", "DVC's", "team's", "publication", "items", "files", "working",
    }  # fmt: skip


def test_what_others_use_too_stays_theirs(repository):
    purge("jade", dry_run=False, photographs=False)
    store = ItemStore(".cache/items")
    assert store.personas(sha256_bytes(SHARED)) == {"mia"}
    assert (store.root / object_name(sha256_bytes(SHARED))).is_file()


def test_a_second_run_finds_nothing(repository, capsys):
    purge_command("jade", yes=True)
    said = capsys.readouterr().out
    assert "stays: the photographs in data/jade/raw" in said
    assert "stays: whoever downloaded" in said
    (report,) = Path("consent/purged").glob("jade-*.json")
    written = json.loads(report.read_text())
    assert "data/jade/swapped/jade-s1-t1-sfw-swapped.png" in written["deleted"]["files"]
    purge_command("jade", yes=True)
    assert "nothing of jade was found" in capsys.readouterr().out
    assert len(list(Path("consent/purged").glob("*"))) == 1


def test_a_dry_run_deletes_nothing(repository):
    before = {path: path.read_bytes() for path in repository.parent.rglob("*") if path.is_file()}
    report = purge("jade", dry_run=True, photographs=True)
    assert report.count > 10
    after = {path: path.read_bytes() for path in repository.parent.rglob("*") if path.is_file()}
    changed = {str(path) for path in before if after.get(path) != before[path]}
    assert not [path for path in changed if "/.dvc/tmp/" not in path]  # DVC's own locks


def test_the_photographs_go_when_they_are_to(repository):
    assert purge("jade", dry_run=False, photographs=False).count
    assert Path("data/jade/raw/sources/a.jpg").is_file()
    report = purge("jade", dry_run=False, photographs=True)
    assert report.deleted == {"files": ["data/jade/raw/sources/a.jpg"]}
    assert not Path("data/jade/raw").exists()
    assert Path("data/mia/raw/sources/a.jpg").is_file()


def test_a_place_that_is_not_reached_is_told_and_the_others_are_done(repository, monkeypatch):
    params = yaml.safe_load(Path("params.yaml").read_text())
    params["publish"]["url"] = "nosuch://public"
    Path("params.yaml").write_text(yaml.safe_dump(params))
    report = purge("jade", dry_run=False, photographs=False)
    assert [place for place in report.unreachable if "nosuch" in place]
    assert not Path("data/jade/swapped").exists()
    assert holders(repository, SWAPPED) == []


def test_a_lock_that_a_merge_left_in_two_is_told_as_not_reached(repository):
    lock = Path("dvc.lock")
    lock.write_text(f"<<<<<<< HEAD\n{lock.read_text()}=======\n>>>>>>> other\n")
    before = lock.read_bytes()
    report = purge("jade", dry_run=False, photographs=False)
    [(place, why)] = report.unreachable.items()
    assert "what it alone names" in place
    assert "conflict markers" in why
    assert lock.read_bytes() == before
    assert not Path("data/jade/swapped").exists()


def test_what_may_only_be_read_goes_too(repository, monkeypatch):
    """Root may delete anything, so the test looks at what the folders allow when they are deleted."""
    for path in (path for path in Path("data/jade").rglob("*") if path.is_dir()):
        path.chmod(0o500)
    closed, rmtree = [], shutil.rmtree

    def look(path, *args, **options):
        closed.extend(
            one for one in (path, *path.rglob("*")) if one.is_dir() and not one.stat().st_mode & 0o200
        )
        rmtree(path, *args, **options)

    monkeypatch.setattr("likeness.cli.deletion.shutil.rmtree", look)
    report = purge("jade", dry_run=False, photographs=False)
    assert report.unreachable == {}
    assert closed == []
    assert holders(repository, SWAPPED) == []


def test_a_link_to_nothing_stops_no_purge(repository):
    Path("data/jade/swapped/lost.png").symlink_to("nowhere")
    purge("jade", dry_run=False, photographs=False)
    assert not Path("data/jade/swapped").exists()


def test_what_cannot_be_deleted_is_told_and_not_called_deleted(repository, monkeypatch):
    kept = Path("data/jade/swapped/jade-s1-t1-sfw-swapped.png")

    def refuse(path, *args, **options):
        raise PermissionError(path)

    monkeypatch.setattr("likeness.cli.deletion.shutil.rmtree", refuse)
    report = purge("jade", dry_run=False, photographs=False)
    assert str(kept.parent) in report.unreachable
    assert str(kept) not in report.deleted.get("files", [])
    assert kept.is_file()


def test_a_link_to_a_folder_is_told_and_what_it_leads_to_stays(repository, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    Path("data/jade/swapped").rename(elsewhere)
    Path("data/jade/swapped").symlink_to(elsewhere)
    report = purge("jade", dry_run=False, photographs=False)
    assert "a link to" in report.unreachable["data/jade/swapped"]
    assert len(list(elsewhere.iterdir())) == 2
