"""`likeness diff` and `likeness lineage` over a real DVC graph."""

import json
import shutil
import sys
from pathlib import Path

import pytest
from doc_pages import ROOT
from reader import to_type

from likeness.errors import InputError
from likeness.versions.changes import difference
from likeness.versions.lineage import lineage
from likeness.versions.revision import Revision, commit_of

pytestmark = pytest.mark.slow  # DVC runs three times


@pytest.fixture
def here(repository, monkeypatch):
    monkeypatch.chdir(repository.folder)
    return repository


def changes(old, new):
    found = difference(Revision(old, "jade"), Revision(new, "jade"))
    return {change.id: (change.what, change.cause) for change in found.changes}


def test_a_refusal_and_the_setting_behind_it_are_named(here):
    found = changes("v1", "v2")
    assert found["jade-s1-t2"] == (
        "lost",
        "ingest refused jade-t2 (face-too-small, 80 px, 100 needed); ingest.min_face_px 60 -> 100",
    )
    assert found["jade-s1-t1"] == ("caption", "caption.words 30 -> 10")


def test_backwards_what_was_lost_was_added(here):
    assert changes("v2", "v1")["jade-s1-t2"] == (
        "added",
        "ingest refused jade-t2 before (face-too-small); ingest.min_face_px 100 -> 60",
    )


def test_other_pixels_name_the_first_stage_that_drew_otherwise(here):
    found = changes("v2", "main" if _has(here, "main") else "master")
    assert found["jade-s1-t1"] == ("pixels", "enhance: enhance.provider.quality 90 -> 95")
    assert found["jade-s1-t3"] == ("added", "photograph t3 is new")


def test_the_workspace_is_the_default_and_equal_versions_have_no_changes(here):
    assert changes("HEAD", "workspace") == {}
    assert "jade-s1-t2" in changes("v1", "workspace")


def _has(repository, branch):
    return branch in repository.run("git", "branch", "--format=%(refname:short)").split()


@pytest.mark.parametrize("name", ["nothing", "--output=x", "v1:story.json"])
def test_a_revision_that_git_does_not_know_is_an_error_with_a_remedy(here, name):
    with pytest.raises(InputError, match="git knows no revision") as error:
        commit_of(name)
    assert "git log" in error.value.remedy


def test_a_version_of_weights_in_place_of_a_revision_is_told_where_its_commit_stands(here):
    with pytest.raises(InputError) as error:
        commit_of("jade-v1")
    assert "`git log -- models/jade/versions.json`" in error.value.remedy


def test_an_experiment_is_found_by_its_name(here):
    here.run("git", "update-ref", "refs/exps/ab/cdef/bold-name", "v1")
    assert commit_of("bold-name") == commit_of("v1")


def test_what_the_cache_lacks_is_named_with_the_way_to_bring_it(here, tmp_path):
    shutil.copytree(here.folder, tmp_path / "clone", symlinks=True)
    shutil.rmtree(tmp_path / "clone" / ".dvc" / "cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path / "clone")
        with pytest.raises(InputError, match="not in DVC's cache") as error:
            changes("v1", "v2")
    assert "dvc pull" in error.value.remedy


def test_a_cache_elsewhere_is_found(here, tmp_path):
    shutil.copytree(here.folder, tmp_path / "clone", symlinks=True)
    (tmp_path / "clone" / ".dvc" / "cache").rename(tmp_path / "cache")
    (tmp_path / "clone" / ".dvc" / "config.local").write_text("[cache]\n    dir = ../../cache\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path / "clone")
        assert changes("v1", "v2")


def test_a_picture_leads_back_to_its_photographs(here):
    made = lineage(here.folder / "models/jade/lora_training/train/jade-s1-t3.jpg")
    assert (made.stage, made.persona) == ("dataset", "jade")
    assert {entry["origin"] for entry in made.parents if entry["stage"] == "ingest"} == {"s1.jpg", "t3.jpg"}
    assert made.settings == {"dataset": {"side_px": 512}}


def test_a_copied_file_of_the_past_is_found_by_its_bytes(here, tmp_path):
    old = Revision("v1", "jade").folder("lora_training").file("train/jade-s1-t2.jpg")
    shutil.copyfile(old, tmp_path / "somewhere.jpg")
    made = lineage(tmp_path / "somewhere.jpg")
    assert made.revision == commit_of("v1")
    assert made.title.endswith("first")
    assert made.dataset_revision == commit_of("v1")
    assert made.pictures == 2


@pytest.mark.parametrize("ref", ["refs/exps/exec/EXEC_MERGE", "refs/exps/celery/stash", "refs/stash"])
def test_what_dvc_lays_aside_for_a_while_is_nobodys_version(here, ref):
    """A `dvc exp run` that is killed leaves such a commit, older than the one that a person makes afterwards."""
    dated = ["env", "GIT_COMMITTER_DATE=2000-01-01T00:00:00Z"]
    aside = here.run(
        *dated,
        "git",
        "-c",
        "user.name=t",
        "-c",
        "user.email=t@t",
        "commit-tree",
        "HEAD^{tree}",
        "-m",
        "Index stash",
    )
    here.run("git", "update-ref", ref, aside.strip())
    try:
        made = lineage(here.folder / "models/jade/lora_training/train/jade-s1-t3.jpg")
    finally:
        here.run("git", "update-ref", "-d", ref)
    assert made.title.endswith("third")


def test_unknown_bytes_are_told(here, tmp_path):
    (tmp_path / "x.jpg").write_text("other")
    with pytest.raises(InputError, match="names the bytes of"):
        lineage(tmp_path / "x.jpg")


def test_the_page_has_pictures_and_no_script(here, tmp_path, monkeypatch):
    from typer.testing import CliRunner

    from likeness.cli.app import app

    asked = []
    monkeypatch.setattr("likeness.run.run_at", lambda *names: asked.append(names))
    said = CliRunner().invoke(
        app, ["diff", "v1", "v2", "--persona", "jade", "--html", str(tmp_path / "d.html")]
    )
    assert said.exit_code == 0, said.output
    assert asked == [("report", "jade")]
    page = (tmp_path / "d.html").read_text()
    assert "ingest.min_face_px 60 -&gt; 100" in page
    assert "<script" not in page
    assert "default-src 'none'" in page
    said = CliRunner().invoke(app, ["diff", "v1", "v2", "--persona", "jade", "--json"])
    assert {change["what"] for change in json.loads(said.output)["jade"]["changes"]} == {"lost", "caption"}


def test_the_page_is_right(repository, tmp_path):
    """docs/versioning.md from top to bottom, in a clone with a DVC remote."""
    home = type(repository)(tmp_path / "clone")
    shutil.copytree(repository.folder, home.folder, symlinks=True)
    home.env |= {"PATH": f"{Path(sys.executable).parent}:{home.env['PATH']}", "PYTHONPATH": str(ROOT)}
    home.run("git", "init", "-q", "--bare", str(tmp_path / "origin"))
    home.run("git", "remote", "add", "origin", str(tmp_path / "origin"))
    home.run("dvc", "remote", "add", "-q", "--local", "--default", "team", str(tmp_path / "remote"))
    home.run("git", "tag", "dataset-v2", "v2")
    (home.folder / "models/jade/jade-v1.safetensors").write_bytes(
        (home.folder / "models/jade/lora_training/train/jade-s1-t3.jpg").read_bytes()
    )  # no weights are trained here: a copy of a file that DVC knows
    for line in to_type(ROOT / "docs" / "versioning.md"):
        if "FILE" not in line:
            if "--html" in line:  # it shows her: settings and the record of a whole graph
                shutil.copy(ROOT / "params.yaml", home.folder)
                shutil.copytree(ROOT / "consent", home.folder / "consent")
            home.run("bash", "-ec", line.replace("likeness ", f"{sys.executable} -m likeness ", 1))
            home.run("git", "checkout", "-q", "--", "params.yaml")
    assert "Datasets compared" in (home.folder / "diff.html").read_text()
    assert home.run("git", "ls-remote", "--tags", "origin").count("dataset-v") == 2
    home.run("dvc", "push", "-q")  # a mention on the page: others type it in full
    assert list((tmp_path / "remote").rglob("*.dir"))
