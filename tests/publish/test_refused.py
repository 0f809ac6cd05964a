"""What publishing refuses: files of another training set, weights that are none, and whatever has no consent."""

import datetime
import zipfile
from pathlib import Path

import numpy as np
import pytest
import yaml
from publications import on_s3, publish_jade, said_by_weights
from safetensors.numpy import save_file
from signing import edit_and_sign

from likeness.digests import sha256_bytes
from likeness.errors import AuthError, ConfigError, ConsentError, InputError
from likeness.store.s3 import Remote
from likeness.store.s3_config import PublishConfig

pytestmark = pytest.mark.slow


def test_an_archive_with_a_stray_image_is_refused(folders, cfg):
    with zipfile.ZipFile(folders.places.dataset_zip, "a") as archive:
        archive.writestr("train/10_jade woman/stray.jpg", b"stray")
    with pytest.raises(InputError, match="which no manifest names"):
        publish_jade(cfg)


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
        publish_jade(cfg)
    assert caught.value.reason == "another-training-set"
    assert on_s3(s3, cfg) == {}


@pytest.mark.parametrize("data", [b"", b"no weights"])
def test_weights_that_are_none_are_refused_in_a_sentence(folders, cfg, s3, data):
    folders.places.weights.write_bytes(data)
    with pytest.raises(InputError, match="is not a safetensors file"):
        publish_jade(cfg)
    assert on_s3(s3, cfg) == {}


def test_weights_with_a_number_that_is_none_are_refused(folders, cfg, s3):
    said = said_by_weights(yaml.safe_load(Path("consent/jade.yaml").read_text())["id"])
    save_file({"a": np.float32([4.0, np.nan, np.inf])}, folders.places.weights, metadata=said)
    with pytest.raises(InputError, match="2 numbers are infinite or none"):
        publish_jade(cfg)
    assert on_s3(s3, cfg) == {}


def test_an_archive_of_another_training_set_is_refused(folders, cfg, s3):
    """Captions changed since it was packed: `dvc status` says so, and so does publish."""
    texts = folders.places.dataset_metadata
    texts.write_text(texts.read_text().replace("jade", "another", 1))
    with pytest.raises(InputError, match="packed from another training set"):
        publish_jade(cfg)
    assert on_s3(s3, cfg) == {}


def test_weights_of_another_consent_are_refused(folders, cfg):
    save_file({"a": np.float32([4.0])}, folders.places.weights, metadata=said_by_weights("older"))
    with pytest.raises(ConsentError) as caught:
        publish_jade(cfg)
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
        publish_jade(cfg)
    assert caught.value.reason == reason
    assert not s3.path(cfg.publish.url).exists()


def test_a_wrong_secret_and_no_url_are_told_before_anything_is_sent(folders, cfg, s3, monkeypatch):
    with pytest.raises(ConfigError, match=r"publish\.url"):
        publish_jade(cfg.model_copy(update={"publish": PublishConfig(url=None)}))
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-the-secret")
    with pytest.raises(AuthError):
        publish_jade(cfg)
    assert not s3.path(cfg.publish.url).exists()


def test_a_place_with_another_manifest_is_left_alone(folders, cfg, s3):
    Remote(f"{cfg.publish.url}/jade").write("manifest.json", b'{"name": "somebody\'s web app"}')
    with pytest.raises(ConfigError) as caught:
        publish_jade(cfg)
    assert caught.value.reason == "publish-not-ours"
    assert on_s3(s3, cfg).keys() == {"manifest.json"}
    assert sha256_bytes(on_s3(s3, cfg)["manifest.json"].read_bytes()) == sha256_bytes(
        b'{"name": "somebody\'s web app"}'
    )
