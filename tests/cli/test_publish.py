"""Publishing to a real S3 s3: only what is rated sfw and named by a manifest, only what changed, manifest last."""

import datetime
import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
import yaml
from doors import SeesHer
from persona_folders import Folders
from publications import PERSONA, config, publish_in
from safetensors import safe_open
from safetensors.numpy import save_file
from signing import edit_and_sign

from fakes.s3 import S3Server
from gallery.people.layout import Laid, weights_file
from likeness.config import Config
from likeness.digests import sha256_bytes, sha256_file
from likeness.errors import AuthError, ConfigError, ConsentError, InputError
from likeness.paths import PersonaPaths
from likeness.pipeline.manifest import read_manifest, write_manifest
from likeness.publish import lay_out, publish
from likeness.safety.consent import load_consent
from likeness.store.s3 import PART_BYTES, Remote
from likeness.store.s3_config import PublishConfig
from likeness.versions.record import Version

pytestmark = pytest.mark.slow
PAIRS = (("s1", "t1"), ("s2", "t1"), ("s3", None))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository whose files were published before, elsewhere: their marked copies are there."""
    root = tmp_path_factory.mktemp("published")
    publish_in(root, PAIRS)
    return root


@pytest.fixture
def cfg(s3: S3Server) -> Config:
    return config(f"s3://{s3.new_bucket()}/shelf")


@pytest.fixture
def folders(made: Path, in_tmp: Path, monkeypatch) -> Folders:
    monkeypatch.setattr("stages.dataset.PictureGate", SeesHer)
    monkeypatch.setattr("likeness.publish.PictureGate", SeesHer)
    shutil.copytree(made, in_tmp, dirs_exist_ok=True)
    return Folders(in_tmp)


def said_by_weights(consent_id: str) -> dict[str, str]:
    """What weights trained on the present training set say."""
    training_set = sha256_file(PersonaPaths("jade").dataset_metadata)
    return {"likeness.consent_id": consent_id, "likeness.training_set_sha256": training_set}


def run(cfg: Config, *, dry_run: bool = False) -> str:
    return publish(cfg, load_consent(Path("consent").absolute(), PERSONA.name), dry_run=dry_run)


def on_s3(s3: S3Server, cfg: Config) -> dict[str, Path]:
    root = s3.path(f"{cfg.publish.url}/jade")
    return {path.relative_to(root).as_posix(): path for path in root.rglob("*") if path.is_file()}


def rerate(folder: Path, name: str, rating: str) -> None:
    manifest = read_manifest(folder)
    entries = [
        one.model_copy(update={"rating": rating}) if one.id == name else one for one in manifest.entries
    ]
    write_manifest(folder, entries, manifest.failures)


def test_all_that_is_finished_is_there_under_readable_names(folders, cfg, s3):
    said = run(cfg)
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
    run(cfg)
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
    assert "0 files uploaded" in run(cfg)


def test_a_run_that_was_not_accepted_is_not_published_once_there_is_a_version(folders, cfg, s3):
    accepted("1" * 64)
    with pytest.raises(InputError, match="jade-v1") as caught:
        run(cfg)
    assert caught.value.reason == "not-accepted"
    assert "likeness versions accept jade" in (caught.value.remedy or "")
    assert on_s3(s3, cfg) == {}


def test_types_and_digests_are_told_by_the_store(folders, cfg):
    run(cfg)
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
    run(cfg)
    before = {name: (path.stat().st_mtime_ns, path.read_bytes()) for name, path in on_s3(s3, cfg).items()}
    assert "0 files uploaded" in run(cfg)
    (folders.places.models / "README.md").write_text("# another card")
    assert "2 files uploaded" in run(cfg)  # the card, and the registry that names its new bytes
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
    run(cfg)
    sent = on_s3(s3, cfg)["jade-v1.safetensors"]
    assert sha256_file(sent) == sha256_file(Path(".cache/publications/jade/jade-v1.safetensors"))
    with safe_open(sent, framework="numpy") as arrived:
        assert np.array_equal(arrived.get_tensor("a"), big)
    assert "0 files uploaded" in run(cfg)


def test_a_dry_run_tells_and_writes_nothing(folders, cfg, s3):
    said = run(cfg, dry_run=True)
    assert "would be uploaded" in said
    assert "images/jade-s1-t1-sfw-enhanced.jpg (image/jpeg" in said
    assert not s3.path(cfg.publish.url).exists()


def test_an_image_in_review_stays_at_home_with_its_caption_and_is_listed(folders, cfg, s3):
    rerate(folders.places.enhanced, "jade-s2-t1", "review")
    said = run(cfg)
    assert "jade-s2-t1-sfw-enhanced.jpg: is rated review" in said
    assert "photos refuse" not in said  # the training set has none
    assert not [name for name in on_s3(s3, cfg) if "s2-t1" in name]


def test_an_image_that_the_captioner_rated_otherwise_stays_with_all_that_was_trained_on_it(folders, cfg, s3):
    rerate(folders.places.captions, "jade-s2-t1", "review")
    said = run(cfg)
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
    run(cfg)
    assert not {"jade_lora_dataset.zip", "jade-v1.safetensors", "report/index.html"} & on_s3(s3, cfg).keys()


def test_a_report_that_shows_refused_photographs_stays(folders, cfg, s3):
    folders.ingest(["s1", "s2", "s3"], ["t1"], held_out=["s9"])
    said = run(cfg)
    assert "report/index.html: it shows 1 refused photographs" in said
    there = on_s3(s3, cfg)
    assert "report/index.html" not in there
    assert "jade-v1.safetensors" in there


def test_what_left_the_manifest_is_told_and_remembered(folders, cfg, s3):
    run(cfg)
    rerate(folders.places.enhanced, "jade-s2-t1", "review")
    said = run(cfg)
    assert "2 removed from the manifest (they stay in the bucket until you delete them)" in said
    removed = json.loads(on_s3(s3, cfg)["manifest.json"].read_text())["removed"]
    assert [line["file"] for line in removed] == [
        "captions/jade-s2-t1-sfw-enhanced.txt", "images/jade-s2-t1-sfw-enhanced.jpg",
    ]  # fmt: skip
    run(cfg)
    assert json.loads(on_s3(s3, cfg)["manifest.json"].read_text())["removed"] == removed
    rerate(folders.places.enhanced, "jade-s2-t1", "sfw")
    run(cfg)
    assert json.loads(on_s3(s3, cfg)["manifest.json"].read_text())["removed"] == []


def test_a_file_that_no_manifest_names_is_never_sent(folders, cfg, s3):
    (folders.places.enhanced / "jade-s7-t7-sfw-enhanced.jpg").write_bytes(b"stray")
    run(cfg)
    assert "images/jade-s7-t7-sfw-enhanced.jpg" not in on_s3(s3, cfg)
    image = folders.places.enhanced / "jade-s1-t1-sfw-enhanced.jpg"
    image.write_bytes(b"another picture under the same name")
    with pytest.raises(InputError, match="is not the file"):
        run(cfg)


def test_an_archive_with_a_stray_image_is_refused(folders, cfg):
    with zipfile.ZipFile(folders.places.dataset_zip, "a") as archive:
        archive.writestr("train/10_jade woman/stray.jpg", b"stray")
    with pytest.raises(InputError, match="which no manifest names"):
        run(cfg)


@pytest.mark.parametrize(
    ("trained_on", "words"),
    [
        ("0" * 64, "was trained on another training set than the one"),
        ("", "does not name the training set that"),
    ],
    ids=["another", "a stranger's file"],
)
def test_weights_of_another_training_set_are_refused(folders, cfg, s3, trained_on, words):
    said = said_by_weights(yaml.safe_load(Path("consent/jade.yaml").read_text())["id"])
    said["likeness.training_set_sha256"] = trained_on
    save_file({"a": np.float32([4.0])}, folders.places.weights, metadata=said)
    with pytest.raises(InputError, match=words) as caught:
        run(cfg)
    assert caught.value.reason == "another-training-set"
    assert on_s3(s3, cfg) == {}


@pytest.mark.parametrize("data", [b"", b"no weights"])
def test_weights_that_are_none_are_refused_in_a_sentence(folders, cfg, s3, data):
    folders.places.weights.write_bytes(data)
    with pytest.raises(InputError, match="is not a safetensors file"):
        run(cfg)
    assert on_s3(s3, cfg) == {}


def test_weights_with_a_number_that_is_none_are_refused(folders, cfg, s3):
    said = said_by_weights(yaml.safe_load(Path("consent/jade.yaml").read_text())["id"])
    save_file({"a": np.float32([4.0, np.nan, np.inf])}, folders.places.weights, metadata=said)
    with pytest.raises(InputError, match="2 numbers are infinite or none"):
        run(cfg)
    assert on_s3(s3, cfg) == {}


def test_an_archive_of_another_training_set_is_refused(folders, cfg, s3):
    """Captions changed since it was packed: `dvc status` says so, and so does publish."""
    texts = folders.places.dataset_metadata
    texts.write_text(texts.read_text().replace("jade", "another", 1))
    with pytest.raises(InputError, match="packed from another training set"):
        run(cfg)
    assert on_s3(s3, cfg) == {}


def test_weights_of_another_consent_are_refused(folders, cfg):
    save_file({"a": np.float32([4.0])}, folders.places.weights, metadata=said_by_weights("older"))
    with pytest.raises(ConsentError) as caught:
        run(cfg)
    assert caught.value.reason == "another-consent"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"revoked": datetime.date(2026, 1, 2)}, "consent-revoked"),
        ({"signed": datetime.date(2026, 1, 1), "expires": datetime.date(2026, 1, 2)}, "consent-expired"),
        ({"scope": ["swap", "train"]}, "consent-scope"),
    ],
)
def test_without_a_consent_for_every_use_nothing_leaves(folders, cfg, s3, changes, reason):
    edit_and_sign(Path("consent"), "jade", **changes)
    with pytest.raises(ConsentError) as caught:
        run(cfg)
    assert caught.value.reason == reason
    assert not s3.path(cfg.publish.url).exists()


def test_a_wrong_secret_and_no_url_are_told_before_anything_is_sent(folders, cfg, s3, monkeypatch):
    with pytest.raises(ConfigError, match=r"publish\.url"):
        run(cfg.model_copy(update={"publish": PublishConfig(url=None)}))
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-the-secret")
    with pytest.raises(AuthError):
        run(cfg)
    assert not s3.path(cfg.publish.url).exists()


def test_a_place_with_another_manifest_is_left_alone(folders, cfg, s3):
    Remote(f"{cfg.publish.url}/jade").write("manifest.json", b'{"name": "somebody\'s web app"}')
    with pytest.raises(ConfigError) as caught:
        run(cfg)
    assert caught.value.reason == "publish-not-ours"
    assert on_s3(s3, cfg).keys() == {"manifest.json"}
    assert sha256_bytes(on_s3(s3, cfg)["manifest.json"].read_bytes()) == sha256_bytes(
        b'{"name": "somebody\'s web app"}'
    )


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
