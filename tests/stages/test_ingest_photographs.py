"""The stage `ingest` on the demo's photographs with the real models and the real consent record."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import yaml
from conf_sections import section
from runs import run_of

import stages.ingest
from likeness.config import Config, ItemsConfig
from likeness.digests import sha256_file
from likeness.faces import similarity
from likeness.ingest import IngestConfig
from likeness.paths import PersonaPaths
from likeness.persona import Persona
from likeness.pipeline.manifest import Manifest, read_manifest
from likeness.safety.consent import Consent, load_consent
from likeness.safety.consent.parts import Photo

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow  # every photograph with every model
PHOTOS = ROOT / "tests/photos"


def read(path: str) -> dict:
    return yaml.safe_load((ROOT / path).read_text())


@pytest.fixture(scope="module")
def consent() -> Consent:
    """Her record; it lists the extras, too, whose bytes would be refused as unlisted before anything else."""
    record = load_consent(ROOT / "consent", "jade")
    extras = {path.name: Photo(sha256=sha256_file(path)) for path in (PHOTOS / "extras").iterdir()}
    return record.model_copy(update={"photos": record.photos | extras})


@pytest.fixture(scope="module")
def ingested(tmp_path_factory: pytest.TempPathFactory, consent: Consent) -> Iterator[Manifest]:
    """Everything at once: the extras lie among the sources."""
    places, before = PersonaPaths("jade"), Path.cwd()
    os.chdir(tmp_path_factory.mktemp("clone"))
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("DVC_ROOT", raising=False)
        for folder, goal in (
            ("sources", places.raw_sources),
            ("targets", places.raw_targets),
            ("extras", places.raw_sources),
        ):
            shutil.copytree(PHOTOS / folder, goal, dirs_exist_ok=True)
        cfg = Config.model_construct(
            ingest=IngestConfig.model_validate(read("conf/ingest/default.yaml")),
            items=ItemsConfig(**section("items/local.yaml")),
        )
        persona = Persona.model_validate(read("conf/persona/jade.yaml"))
        stages.ingest.main(run_of("ingest", cfg, persona, consent=consent))
        yield read_manifest(places.ingested)
    os.chdir(before)


def test_all_photographs_of_the_demo_are_accepted(ingested: Manifest) -> None:
    # jade_01 has an exact copy that comes first in the order of names; either of the two will do.
    origins = {str(entry.origin).replace("exact_duplicate_of_", "") for entry in ingested.entries}
    expected = {path.name for folder in ("sources", "targets") for path in (PHOTOS / folder).iterdir()}
    assert len(expected) == 18
    assert origins == expected
    assert {entry.rating for entry in ingested.entries} == {"sfw"}
    assert [entry.origin for entry in ingested.entries if entry.held_out] == ["jade_07.jpg", "jade_08.png"]


def test_every_extra_is_refused_for_its_own_reason(ingested: Manifest) -> None:
    found = {failure.detail.split(":")[0]: failure.reason for failure in ingested.failures}
    assert found == {
        "blurred.jpg": "blurred",
        "jade_01.jpg": "exact-duplicate",
        "near_duplicate_of_jade_02.jpg": "near-duplicate",
        "no_face.jpg": "no-face",
        "tiny_200px.jpg": "too-small",
        "two_people.jpg": "several-faces",
    }


def test_the_face_is_the_one_in_the_consent_record(ingested: Manifest, consent: Consent) -> None:
    face = json.loads((PersonaPaths("jade").ingested / "persona.json").read_text())
    assert face["photos"] == 6
    assert (
        similarity(np.array(face["embedding"], np.float32), consent.face_vectors["sface-2021dec-int8bq"])
        > 0.95
    )


def test_rotated_and_transparent_photos_come_out_upright_and_opaque(ingested: Manifest) -> None:
    by_origin = {entry.origin: entry for entry in ingested.entries}
    assert (by_origin["jade_05.jpg"].width, by_origin["jade_05.jpg"].height) == (1024, 1280)
    notes = (PersonaPaths("jade").ingested / "notes.jsonl").read_text()
    assert "EXIF orientation 6" in notes
    assert "transparency" in notes


def test_the_demo_s_women_look_adult_and_their_record_attests_it_of_these_bytes_alone(
    ingested: Manifest, consent: Consent
) -> None:
    targets = [entry for entry in ingested.entries if entry.target]
    assert len(targets) == 10
    for entry in targets:
        assert (entry.faces[0].age_years or 0) >= 18, entry.origin
        assert (consent.attested_age("target", entry.origin, entry.parents[0]) or 0) >= 18
        assert consent.attested_age("target", entry.origin, "other bytes") is None
