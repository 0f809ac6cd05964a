"""`likeness versions`: the next number, the record, the copy, MLflow's registry."""

import json
import shutil
from types import SimpleNamespace

import pytest
from conf_sections import settings
from evaluated_revisions import SETTINGS, Evaluated, details, weights
from typer.testing import CliRunner

from likeness.cli import versions as command
from likeness.cli.app import app
from likeness.errors import DiskError, InputError
from likeness.evaluate import ChoiceConfig
from likeness.paths import PersonaPaths
from likeness.versions import accepted as record
from likeness.versions.record import read_versions, weights_of
from likeness.versions.sides import sides

PATHS = PersonaPaths("jade")
SAID = {"likeness.training_set_sha256": "d" * 64, "ss_learning_rate": "0.0001"}
ONLY_SHARE = {
    "min_one_face": None,
    "min_variety": None,
    "min_adherence": None,
    "max_leak": None,
    "max_copied": None,
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    repository = Evaluated(tmp_path_factory.mktemp("accepted"))
    repository.commit("good", details(10.0), weights(1, **SAID))
    repository.commit("better", details(0.0), weights(2, **SAID), settings=SETTINGS)
    repository.commit("stranger", details(80.0), weights(3))
    return repository


@pytest.fixture
def accept(made, tmp_path, monkeypatch):
    """Types `likeness versions accept jade ...` in a fresh copy; settings and consent are not asked, MLflow is off."""
    shutil.copytree(made.folder, tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")

    def type_it(*names, **changes):
        config = SimpleNamespace(
            choice=settings(ChoiceConfig, "choice/default.yaml", **{**ONLY_SHARE, **changes}),
            tracking=SimpleNamespace(enabled=False), persona=lambda name: SimpleNamespace(name=name),
        )  # fmt: skip
        monkeypatch.setattr(command, "load_config", lambda path: config)
        run = SimpleNamespace(
            uses=(), require=lambda *uses: None, paths=PATHS, config=config, persona=config.persona("jade")
        )
        monkeypatch.setattr(command, "run_at", lambda *given: run)
        return CliRunner().invoke(app, ["versions", "accept", "jade", *names])

    return type_it


def test_a_version_that_does_not_exist_is_told_with_those_that_do(accept):
    accept("good")
    said = accept("jade-v9")
    assert said.exit_code == 1
    assert (
        "'jade-v9' is no file, no revision that git knows, and no accepted version of jade (jade-v1)"
        in said.stderr
    )


def test_versions_count_on_and_the_best_of_several_is_taken(accept):
    said = accept("good")
    assert said.exit_code == 0, said.output
    assert PATHS.version(1).read_bytes() == weights(1, **SAID)
    assert accept("good", "stranger", "better").exit_code == 0
    first, second = read_versions(PATHS)
    assert [(one.name, one.of) for one in (first, second)] == [("jade-v1", "good"), ("jade-v2", "better")]
    assert first.dataset == "d" * 64
    assert first.trained_with["ss_learning_rate"] == "0.0001"
    assert second.scores["share"]["resnet"]["value"] >= first.scores["share"]["resnet"]["value"]
    assert "leak of the name" in first.why
    assert "(not asked)" in first.why
    lines = PATHS.versions_changelog.read_text().splitlines()
    assert lines[0] == "# Versions"
    assert [line[:15] for line in lines[1:]] == ["- **jade-v2**: ", "- **jade-v1**: "]


def test_accepted_weights_are_not_numbered_twice(accept):
    accept("good")
    before = PATHS.versions_file.read_bytes()
    said = accept("good")
    assert "these weights are jade-v1 already" in said.output
    assert PATHS.versions_file.read_bytes() == before


def test_a_version_that_is_less_like_her_than_the_last_is_told(accept):
    assert "reached" not in accept("better").output
    assert "jade-v1 reached" in accept("good").output


def test_a_call_that_was_killed_before_the_changelog_is_made_up_for(accept, monkeypatch):
    write = record.write_atomic

    def killed(path, *data):
        if path == PATHS.versions_changelog:
            raise KeyboardInterrupt
        write(path, *data)

    monkeypatch.setattr(record, "write_atomic", killed)
    accept("good")
    assert not PATHS.versions_changelog.exists()
    monkeypatch.setattr(record, "write_atomic", write)
    assert "these weights are jade-v1 already" in accept("good").output
    assert "- **jade-v1**" in PATHS.versions_changelog.read_text()


def test_a_copy_without_its_record_is_no_version(accept):
    PATHS.versions.mkdir(parents=True)
    PATHS.version(1).write_bytes(b"half a file")
    assert "accepted as jade-v1" in accept("good").output
    assert PATHS.version(1).read_bytes() == weights(1, **SAID)


def test_what_does_not_pass_gets_no_number_and_is_told_why(accept):
    said = accept("stranger")
    assert said.exit_code == 1
    assert "MISSED    share of the ceiling" in said.output
    said = accept("good", max_leak=0.5)  # as conf/choice/default.yaml asks
    assert said.exit_code == 1
    assert "MISSED    leak of the name" in said.output
    assert not PATHS.versions_file.exists()
    assert not PATHS.versions.exists()


def test_the_record_is_the_same_each_time(accept, made, tmp_path):
    accept("good")
    first = PATHS.versions_file.read_bytes(), PATHS.versions_changelog.read_bytes()
    shutil.rmtree(PATHS.models)
    accept("good")
    assert (PATHS.versions_file.read_bytes(), PATHS.versions_changelog.read_bytes()) == first


def test_a_versions_bytes_are_found_in_the_cache_and_a_changed_copy_is_not_used(accept):
    accept("good")
    (version,) = read_versions(PATHS)
    PATHS.version(1).write_bytes(b"other")
    assert weights_of(version, PATHS).read_bytes() == weights(1, **SAID)
    assert weights_of(version, PATHS) != PATHS.version(1)
    shutil.rmtree(".dvc/cache")
    with pytest.raises(InputError, match="jade-v1 are not on this machine"):
        weights_of(version, PATHS)


def test_a_version_is_compared_by_its_name_and_told_by_its_bytes(accept):
    accept("good")
    version, revision = sides(["jade-v1", "good"], "jade")
    assert version.sha256 == revision.sha256
    assert version.version == revision.version == "jade-v1"
    assert sides(["better"], "jade")[0].version == ""


@pytest.mark.parametrize("text", ["{", "[1]", '[{"version": 2}]', "[]x"])
def test_a_broken_record_is_told_with_the_way_back(accept, text):
    PATHS.models.mkdir(parents=True)
    PATHS.versions_file.write_text(text)
    with pytest.raises(InputError, match=r"versions\.json cannot be read") as caught:
        read_versions(PATHS)
    assert "git checkout" in caught.value.remedy


def test_a_record_of_two_branches_names_the_way_on(in_tmp):
    PATHS.models.mkdir(parents=True)
    PATHS.versions_file.write_text("<<<<<<< HEAD\n[]\n=======\n[]\n>>>>>>> other\n")
    with pytest.raises(InputError, match="conflict markers of a merge") as caught:
        read_versions(PATHS)
    assert "git checkout HEAD -- " in caught.value.remedy


def test_versions_are_listed(accept):
    accept("good")
    listed = CliRunner().invoke(app, ["versions", "list", "jade"])
    assert "jade-v1" in listed.output
    (one,) = json.loads(CliRunner().invoke(app, ["versions", "list", "jade", "--json"]).stdout)
    assert one["version"] == 1


def test_a_record_that_is_a_link_to_nothing_does_not_begin_anew(in_tmp):
    PATHS.versions_file.parent.mkdir(parents=True)
    PATHS.versions_file.symlink_to("elsewhere/versions.json")
    with pytest.raises(DiskError, match=r"is a link to elsewhere/versions\.json, where nothing is"):
        read_versions(PATHS)
