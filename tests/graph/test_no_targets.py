"""A person's own photographs alone make a dataset: no targets, and no record of any."""

import shutil

import pytest

from likeness.paths import PersonaPaths
from likeness.pipeline.manifest import read_manifest

pytestmark = pytest.mark.slow
JADE = PersonaPaths("jade")


def test_without_targets_the_graph_makes_a_dataset_of_the_persons_own_photographs(clone):
    shutil.rmtree(clone.folder / JADE.raw_targets)
    (clone.folder / "consent/jade.targets.yaml").unlink()
    clone.sign("jade")  # a record is signed with its list of targets
    assert clone.repro("dataset@jade")[-1] == "dataset"
    manifest = read_manifest(clone.folder / JADE.lora_training)
    assert {(entry.source is not None, entry.target) for entry in manifest.entries} == {(True, None)}
    assert len(manifest.entries) == 3  # of the clone's five photographs two are held out
    assert clone.repro("dataset@jade") == ["check"]
