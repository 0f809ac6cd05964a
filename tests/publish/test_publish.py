"""Publishing to a real S3 s3: only what is rated sfw and named by a manifest, only what changed, manifest last."""

import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from publications import PERSONA, on_s3, publish_jade, said_by_weights
from safetensors import safe_open
from safetensors.numpy import save_file
from signing import edit_and_sign

from gallery.people.layout import Laid, weights_file
from likeness.digests import sha256_file
from likeness.errors import ConsentError, InputError
from likeness.paths import PersonaPaths
from likeness.pipeline.manifest import read_manifest, write_manifest
from likeness.publish import lay_out
from likeness.safety.consent import load_consent
from likeness.store.s3 import PART_BYTES, Remote
from likeness.versions.record import Version

pytestmark = pytest.mark.slow


def rerate(folder: Path, name: str, rating: str) -> None:
    manifest = read_manifest(folder)
    entries = [
        one.model_copy(update={"rating": rating}) if one.id == name else one for one in manifest.entries
    ]
    write_manifest(folder, entries, manifest.failures)


def test_all_that_is_finished_is_there_under_readable_names(folders, cfg, s3):
    said = publish_jade(cfg)
    there = on_s3(s3, cfg)
    assert {
        "images/jade-s1-t1-sfw-enhanced.jpg", "captions/jade-s1-t1-sfw-enhanced.txt", "jade_lora_dataset.zip",
        "jade-v1.safetensors", "README.md", "lora_training/README.md", "report/index.html", "manifest.json",
    } <= there.keys()  # fmt: skip
    assert not [name for name in there if "ingested" in name or "raw" in name]
    manifest = json.loads(there["manifest.json"].read_text())
    assert {line["file"] for line in manifest["files"]} == there.keys() - {"manifest.json"}
    for line in manifest["files"]:
        assert sha256_file(there[line["file"]]) == line["sha256"]
        assert there[line["file"]].stat().st_size == line["size"]
    record = yaml.safe_load(Path("consent/jade.yaml").read_text())["id"]
    assert (manifest["persona"], manifest["consent"], manifest["removed"]) == ("jade", record, [])
    assert f"{len(there) - 1} files uploaded" in said
    assert f"{cfg.publish.url}/jade/manifest.json" in said


def accepted(*digests: str) -> None:
    """Versions of these weights, as `likeness versions accept` records them."""
    versions = [
        Version(
            version=number, name=f"jade-v{number}", of="workspace", sha256=digest, md5="0" * 32, dataset=None,
            trained_with={}, scores={}, rule={}, why="good",
        )
        for number, digest in enumerate(digests, start=1)
    ]  # fmt: skip
    PersonaPaths("jade").versions_file.write_text(
        json.dumps([one.model_dump(mode="json") for one in versions])
    )


def test_the_version_that_was_accepted_is_published_under_its_name(folders, cfg, s3):
    weights = PersonaPaths("jade").weights
    accepted("1" * 64, sha256_file(weights))
    publish_jade(cfg)
    there = on_s3(s3, cfg)
    assert "jade-v2.safetensors" in there
    assert "jade-v1.safetensors" not in there
    card, page = (there[name].read_text() for name in ("README.md", "report/index.html"))
    assert "jade-v2.safetensors" in card
    assert "jade-v2.safetensors" in page
    assert "jade-v1.safetensors" not in card + page
    assert (
        "jade-v1.safetensors" in PersonaPaths("jade").model_card.read_text()
    )  # the graph's file keeps its name
    assert "0 files uploaded" in publish_jade(cfg)


def test_a_run_that_was_not_accepted_is_not_published_once_there_is_a_version(folders, cfg, s3):
    accepted("1" * 64)
    with pytest.raises(InputError, match="jade-v1") as caught:
        publish_jade(cfg)
    assert caught.value.reason == "not-accepted"
    assert "likeness versions accept jade" in (caught.value.remedy or "")
    assert on_s3(s3, cfg) == {}


def test_types_and_digests_are_told_by_the_store(folders, cfg):
    publish_jade(cfg)
    shelf = Remote(f"{cfg.publish.url}/jade")
    filesystem, root, _ = shelf._open()
    types = {name: filesystem.info(f"{root}/{name}")["ContentType"] for name in (
        "images/jade-s1-t1-sfw-enhanced.jpg", "captions/jade-s1-t1-sfw-enhanced.txt", "README.md", "report/index.html",
        "jade_lora_dataset.zip", "jade-v1.safetensors", "manifest.json",
    )}  # fmt: skip
    assert list(types.values()) == [
        "image/jpeg", "text/plain; charset=utf-8", "text/markdown; charset=utf-8", "text/html; charset=utf-8",
        "application/zip", "application/octet-stream", "application/json",
    ]  # fmt: skip
    assert shelf.sha256("jade-v1.safetensors") == sha256_file(
        Path(".cache/publications/jade/jade-v1.safetensors")
    )


def test_only_what_changed_is_sent_and_equal_content_gives_an_equal_manifest(folders, cfg, s3):
    publish_jade(cfg)
    before = {name: (path.stat().st_mtime_ns, path.read_bytes()) for name, path in on_s3(s3, cfg).items()}
    assert "0 files uploaded" in publish_jade(cfg)
    (folders.places.models / "README.md").write_text("# another card")
    assert "2 files uploaded" in publish_jade(cfg)  # the card, and the registry that names its new bytes
    after = {name: (path.stat().st_mtime_ns, path.read_bytes()) for name, path in on_s3(s3, cfg).items()}
    assert {name for name in after if after[name][0] != before[name][0]} == {
        "README.md",
        "marks.jsonl",
        "manifest.json",
    }


def test_weights_go_in_parts_and_arrive_whole(folders, cfg, s3):
    record = yaml.safe_load(Path("consent/jade.yaml").read_text())["id"]
    big = np.zeros(2 * PART_BYTES // 4 + 1000, np.float32)
    save_file({"a": big}, folders.places.weights, metadata=said_by_weights(record))
    publish_jade(cfg)
    sent = on_s3(s3, cfg)["jade-v1.safetensors"]
    assert sha256_file(sent) == sha256_file(Path(".cache/publications/jade/jade-v1.safetensors"))
    with safe_open(sent, framework="numpy") as arrived:
        assert np.array_equal(arrived.get_tensor("a"), big)
    assert "0 files uploaded" in publish_jade(cfg)


def test_a_dry_run_tells_and_writes_nothing(folders, cfg, s3):
    said = publish_jade(cfg, dry_run=True)
    assert "would be uploaded" in said
    assert "images/jade-s1-t1-sfw-enhanced.jpg (image/jpeg" in said
    assert not s3.path(cfg.publish.url).exists()


def test_an_image_in_review_stays_at_home_with_its_caption_and_is_listed(folders, cfg, s3):
    rerate(folders.places.enhanced, "jade-s2-t1", "review")
    said = publish_jade(cfg)
    assert "jade-s2-t1-sfw-enhanced.jpg: is rated review" in said
    assert "photos refuse" not in said  # the training set has none
    assert not [name for name in on_s3(s3, cfg) if "s2-t1" in name]


def test_an_image_that_the_captioner_rated_otherwise_stays_with_all_that_was_trained_on_it(folders, cfg, s3):
    rerate(folders.places.captions, "jade-s2-t1", "review")
    said = publish_jade(cfg)
    assert "archive, weights, cards and report: the training set has images" in said
    assert "`likeness photos refuse PERSONA IMAGE --why ...`" in said
    there = on_s3(s3, cfg)
    assert not [name for name in there if "s2-t1" in name]
    assert (
        not {"jade_lora_dataset.zip", "jade-v1.safetensors", "report/index.html", "README.md"} & there.keys()
    )
    assert "images/jade-s1-t1-sfw-enhanced.jpg" in there


@pytest.mark.parametrize("also", [(), ("captions",)])
def test_a_training_set_with_an_image_in_review_holds_back_what_was_made_of_it(also, folders, cfg, s3):
    for folder in (folders.places.lora_training, *(folders.places.data / name for name in also)):
        rerate(folder, "jade-s2-t1", "review")
    publish_jade(cfg)
    assert not {"jade_lora_dataset.zip", "jade-v1.safetensors", "report/index.html"} & on_s3(s3, cfg).keys()


def test_a_report_that_shows_refused_photographs_stays(folders, cfg, s3):
    folders.ingest(["s1", "s2", "s3"], ["t1"], held_out=["s9"])
    said = publish_jade(cfg)
    assert "report/index.html: it shows 1 refused photographs" in said
    there = on_s3(s3, cfg)
    assert "report/index.html" not in there
    assert "jade-v1.safetensors" in there


def test_what_left_the_manifest_is_told_and_remembered(folders, cfg, s3):
    publish_jade(cfg)
    rerate(folders.places.enhanced, "jade-s2-t1", "review")
    said = publish_jade(cfg)
    assert "2 removed from the manifest (they stay in the bucket until you delete them)" in said
    removed = json.loads(on_s3(s3, cfg)["manifest.json"].read_text())["removed"]
    assert [line["file"] for line in removed] == [
        "captions/jade-s2-t1-sfw-enhanced.txt", "images/jade-s2-t1-sfw-enhanced.jpg",
    ]  # fmt: skip
    publish_jade(cfg)
    assert json.loads(on_s3(s3, cfg)["manifest.json"].read_text())["removed"] == removed
    rerate(folders.places.enhanced, "jade-s2-t1", "sfw")
    publish_jade(cfg)
    assert json.loads(on_s3(s3, cfg)["manifest.json"].read_text())["removed"] == []


def test_a_file_that_no_manifest_names_is_never_sent(folders, cfg, s3):
    (folders.places.enhanced / "jade-s7-t7-sfw-enhanced.jpg").write_bytes(b"stray")
    publish_jade(cfg)
    assert "images/jade-s7-t7-sfw-enhanced.jpg" not in on_s3(s3, cfg)
    image = folders.places.enhanced / "jade-s1-t1-sfw-enhanced.jpg"
    image.write_bytes(b"another picture under the same name")
    with pytest.raises(InputError, match="is not the file"):
        publish_jade(cfg)


def test_a_person_is_laid_out_for_a_gallery_by_digest(folders, cfg, tmp_path):
    cfg = cfg.model_copy(update={"personas": {"jade": PERSONA}})
    record = load_consent(Path("consent").absolute(), PERSONA.name)
    laid = Laid.model_validate_json(lay_out(cfg, record, tmp_path / "gallery").read_bytes())
    digest = sha256_file(folders.places.weights)
    assert (laid.persona, laid.consent_id, laid.weights_sha256) == ("jade", record.id, digest)
    assert (laid.trigger, laid.class_word) == (PERSONA.trigger, PERSONA.class_word)
    assert sha256_file(weights_file(tmp_path / "gallery", digest)) == digest
    rerate(folders.places.lora_training, read_manifest(folders.places.lora_training).entries[0].id, "review")
    with pytest.raises(InputError) as caught:
        lay_out(cfg, record, tmp_path / "other")
    assert caught.value.reason == "withheld"
    edit_and_sign(Path("consent"), "jade", scope=["train"])
    with pytest.raises(ConsentError):
        lay_out(cfg, load_consent(Path("consent").absolute(), "jade"), tmp_path / "other")
    assert not (tmp_path / "other").exists()
