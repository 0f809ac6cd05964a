"""Attacks on publication's door: every manifest says sfw and hers; the pictures say something else."""

import hashlib
import shutil
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml
from doors import SeesHer, seen
from publications import PERSONA, config, publish_in
from runs import run_of

import likeness.publish
from likeness.digests import md5_file, sha256_bytes
from likeness.errors import InputError
from likeness.images import encode_jpeg, load_rgb
from likeness.paths import RepositoryPaths
from likeness.pipeline.manifest import read_manifest, write_manifest
from likeness.publish import lay_out, publish
from likeness.publish.verify import verify
from likeness.safety.consent import load_consent
from likeness.safety.identity import RESNET, SFACE, vectors_json
from stages import report

STRANGER = vectors_json({SFACE: np.eye(1, 128, 5, np.float32)[0], RESNET: np.eye(1, 128, 5, np.float32)[0]})
SHOWN = {
    "explicit": ({"explicit": 0.9}, "explicit"),
    "rated review": ({"explicit": 0.5}, "review"),
    "not rated": ({"explicit": None}, "no number"),
    "a child": (seen(age_years=8.0), "looks 8.0"),
    "a stranger": (seen(**STRANGER), "no face that is the persona's"),
    "a stranger beside her": ({"faces": [*seen()["faces"], *seen(**STRANGER)["faces"]]}, "no record speaks of"),
    "a minor beside her": ({"faces": [*seen()["faces"], *seen(age_years=15.0, **STRANGER)["faces"]]}, "no record attests"),
}  # fmt: skip
IMAGE = "images/jade-s2-sfw-enhanced.jpg"
WHOLE = {"jade_lora_dataset.zip", "jade-v1.safetensors", "README.md", "report/index.html"}


class Sees:
    """A gate that sees what a test says."""

    def __init__(self, measure: Callable[[np.ndarray], dict]) -> None:
        self.measure = measure


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("door")
    publish_in(root)
    return root


def forget_measurements() -> None:
    """What another test's gate saw on the same pictures."""
    for record in Path(".cache/items/records").glob("??/*.json"):
        if "seal" in record.read_text():
            record.unlink()


def published(root: Path, monkeypatch, picture: Path, shows: dict) -> tuple[set[str], str]:
    """What would be published where this picture shows that; names and words."""
    meant = load_rgb(root / picture).mean(axis=(0, 1))

    class Sees(SeesHer):
        def measure(self, rgb):
            alike = np.abs(rgb.mean(axis=(0, 1)) - meant).max() < 0.6
            return seen() | (shows if alike else {})

    monkeypatch.chdir(root)
    monkeypatch.setattr(likeness.publish, "PictureGate", Sees)
    forget_measurements()
    said = publish(
        config(f"file://{root / 'elsewhere'}"), load_consent(root / "consent", "jade"), dry_run=True
    )
    names = {line.split()[0] for line in said.splitlines() if line.startswith("  ") and " bytes)" in line}
    return names, said


@pytest.mark.slow
def test_harmless_pictures_leave(made, monkeypatch):
    names, _ = published(made, monkeypatch, Path("data/jade/enhanced/jade-s2-sfw-enhanced.jpg"), {})
    assert {IMAGE, *WHOLE} <= names


@pytest.mark.parametrize(("shows", "why"), SHOWN.values(), ids=SHOWN)
def test_a_picture_that_is_not_what_its_manifest_says_stays_here(made, monkeypatch, shows, why):
    names, said = published(made, monkeypatch, Path("data/jade/enhanced/jade-s2-sfw-enhanced.jpg"), shows)
    assert IMAGE not in names
    assert "captions/jade-s2-sfw-enhanced.txt" not in names
    assert "images/jade-s1-t1-sfw-enhanced.jpg" in names
    assert why in said
    assert not WHOLE & names  # the training set shows it, too


def packed_again(root: Path, change) -> None:
    path = root / "models/jade/jade_lora_dataset.zip"
    with zipfile.ZipFile(path) as archive:
        files = [(name, archive.read(name)) for name in archive.namelist()]
    with zipfile.ZipFile(path, "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a name twice
        for name, data in change(files):
            archive.writestr(name, data)


PICTURE = b"\xff\xd8\xff a picture that nobody judged"
REPACKED = {
    "a picture of another suffix": lambda files: [*files, ("train/more.webp", PICTURE)],
    "a picture in capitals": lambda files: [*files, ("train/more.JPG", PICTURE)],
    "a second file of the name": lambda files: [*files, (files[0][0], PICTURE)],
    "a caption": lambda files: [(n, b"another\n" if n.endswith(".txt") else d) for n, d in files],
    "the card": lambda files: [(n, b"another" if n == "README.md" else d) for n, d in files],
    "a name that leads out": lambda files: [*files, ("../../more.jpg", PICTURE)],
    "a picture less": lambda files: [(n, d) for n, d in files if not n.endswith("jade-s2-sfw-enhanced.jpg")],
}


@pytest.mark.parametrize("change", REPACKED.values(), ids=REPACKED)
def test_an_archive_that_holds_what_the_training_set_does_not_stays_here(made, tmp_path, monkeypatch, change):
    root = shutil.copytree(made, tmp_path / "copy")
    packed_again(root, change)
    with pytest.raises(InputError) as caught:
        published(root, monkeypatch, Path("data/jade/enhanced/jade-s2-sfw-enhanced.jpg"), {})
    assert caught.value.reason == "not-in-manifest"


@pytest.mark.parametrize(
    "shown",
    ['<img src="data:image/png;base64,iVBORw0KGgo=">', '<img src="data:image/webp;base64,UklGRg==">',
     '<img src="https://example.org/a.jpg">', "<img src=//example.org/a.jpg>", '<div style="background:url(a.jpg)">'],
)  # fmt: skip
def test_a_report_that_shows_what_nobody_looked_at_stays_here(made, tmp_path, monkeypatch, shown):
    root = shutil.copytree(made, tmp_path / "copy")
    page = root / "models/jade/report/index.html"
    page.write_text(page.read_text() + shown)
    names, said = published(root, monkeypatch, Path("data/jade/enhanced/jade-s2-sfw-enhanced.jpg"), {})
    assert "report/index.html" not in names
    assert "none of the report's JPEGs" in said


@pytest.mark.parametrize(
    "folder", ["data/jade/ingested", "models/jade/lora_training", "models/jade/evaluation/samples"]
)
def test_a_picture_exchanged_behind_its_line_reaches_no_report(made, tmp_path, monkeypatch, folder):
    root = shutil.copytree(made, tmp_path / "copy")
    monkeypatch.chdir(root)
    for path in [*Path(folder).rglob("*.jpg"), *Path(folder).rglob("*.png")]:
        path.write_bytes(encode_jpeg(np.full((64, 64, 3), 7, np.uint8)))
    forget_measurements()
    run = run_of("report", config("file:///nowhere"), PERSONA)
    vars(run)["gate"] = SeesHer()
    with pytest.raises(InputError) as caught:
        report.main(run)
    assert caught.value.reason == "not-in-manifest"


@pytest.mark.parametrize(
    "folder",
    ["data/jade/ingested", "data/jade/swapped", "data/jade/enhanced", "models/jade/lora_training",
     "models/jade/evaluation/samples"],
)  # fmt: skip
def test_a_picture_laid_by_hand_with_its_line_reaches_no_report(made, tmp_path, monkeypatch, folder):
    root = shutil.copytree(made, tmp_path / "copy")
    monkeypatch.chdir(root)
    data = encode_jpeg(np.full((64, 64, 3), 7, np.uint8))
    lines = [
        one.model_copy(update={"sha256": sha256_bytes(data)}) for one in read_manifest(Path(folder)).entries
    ]
    for one in lines:
        (Path(folder) / one.file).write_bytes(data)
    write_manifest(Path(folder), lines, [])
    forget_measurements()
    run = run_of("report", config("file:///nowhere"), PERSONA)
    vars(run)["gate"] = Sees(lambda rgb: {"explicit": 0.9 if rgb.mean() < 20 else 0.0, "faces": []})
    with pytest.raises(InputError, match=f"{folder}/.* rated 0.90") as caught:
        report.main(run)
    assert caught.value.reason == "explicit"


def test_a_picture_that_no_line_of_the_samples_names_reaches_no_report(made, tmp_path, monkeypatch):
    root = shutil.copytree(made, tmp_path / "copy")
    monkeypatch.chdir(root)
    samples = Path("models/jade/evaluation/samples")
    write_manifest(samples, read_manifest(samples).entries[:-1], [])
    forget_measurements()
    run = run_of("report", config("file:///nowhere"), PERSONA)
    vars(run)["gate"] = SeesHer()
    with pytest.raises(InputError, match="no line of") as caught:
        report.main(run)
    assert caught.value.reason == "not-in-manifest"


@pytest.mark.parametrize(
    "name", ["models/jade/jade-v1.safetensors", "models/jade/README.md", "models/jade/report/index.html"]
)
def test_a_file_that_dvc_lock_knows_otherwise_stays_here(made, tmp_path, monkeypatch, name):
    root = shutil.copytree(made, tmp_path / "copy")
    stages = {"report@jade": {"cmd": "x", "outs": [{"path": name, "md5": "0" * 32}]}}
    (root / "dvc.lock").write_text(yaml.safe_dump({"schema": "2.0", "stages": stages}))
    with pytest.raises(InputError) as caught:
        published(root, monkeypatch, Path("data/jade/enhanced/jade-s2-sfw-enhanced.jpg"), {})
    assert caught.value.reason == "changed-after-the-graph"
    assert name in caught.value.message


def test_weights_that_dvc_lock_knows_otherwise_reach_no_gallery(made, tmp_path, monkeypatch):
    """Other tensors under the metadata of the run."""
    root = shutil.copytree(made, tmp_path / "copy")
    monkeypatch.chdir(root)
    cfg = config("file:///nowhere").model_copy(update={"personas": {"jade": PERSONA}})
    record = load_consent(root / "consent", "jade")
    name = "models/jade/jade-v1.safetensors"

    def locked(md5: str) -> None:
        stages = {"train@jade": {"cmd": "x", "outs": [{"path": name, "md5": md5}]}}
        (root / "dvc.lock").write_text(yaml.safe_dump({"schema": "2.0", "stages": stages}))

    locked(md5_file(root / name))
    assert lay_out(cfg, record, tmp_path / "gallery").is_file()
    locked("0" * 32)
    with pytest.raises(InputError) as caught:
        lay_out(cfg, record, tmp_path / "other")
    assert caught.value.reason == "changed-after-the-graph"
    assert not (tmp_path / "other").exists()


def test_a_manifest_that_dvc_lock_knows_otherwise_is_named_with_each_picture_behind_it(
    made, tmp_path, monkeypatch
):
    """Its pictures are whole; what it says of where they come from is not what the graph wrote."""
    root = shutil.copytree(made, tmp_path / "copy")
    monkeypatch.chdir(root)
    picture, manifest = (
        Path("data/jade/enhanced/jade-s2-sfw-enhanced.jpg"),
        Path("data/jade/ingested/manifest.jsonl"),
    )
    md5 = hashlib.md5(manifest.read_bytes(), usedforsecurity=False).hexdigest()
    out = {"path": str(manifest), "md5": md5}
    Path("dvc.lock").write_text(
        yaml.safe_dump({"schema": "2.0", "stages": {"x": {"cmd": "x", "outs": [out]}}})
    )
    assert not [one for one in verify(picture, RepositoryPaths.here()) if one.state == "changed"]
    manifest.write_text(manifest.read_text().replace("\n", " \n", 1))
    changed = [one for one in verify(picture, RepositoryPaths.here()) if one.state == "changed"]
    assert [str(manifest) in one.what for one in changed] == [True]


def test_nothing_leaves_while_a_merge_hides_what_dvc_lock_knows(made, tmp_path, monkeypatch):
    root = shutil.copytree(made, tmp_path / "copy")
    (root / "dvc.lock").write_text(
        "schema: '2.0'\n<<<<<<< HEAD\nstages: {}\n=======\nstages: {}\n>>>>>>> b\n"
    )
    with pytest.raises(InputError, match="conflict markers of a merge") as caught:
        published(root, monkeypatch, Path("data/jade/enhanced/jade-s2-sfw-enhanced.jpg"), {})
    assert "git checkout HEAD -- dvc.lock" in caught.value.remedy


@pytest.mark.parametrize("shows", [{"explicit": 0.9}, seen(age_years=8.0), seen(age_years=15.0)],
                         ids=["explicit", "a child", "a minor"])  # fmt: skip
def test_a_drawn_picture_is_measured_again_and_nobody_attests_its_age(made, monkeypatch, shows):
    sample = "jade-p1-seed1-with.jpg"
    names, said = published(made, monkeypatch, Path(f"models/jade/evaluation/samples/{sample}"), shows)
    assert f"evaluation/samples/{sample}" not in names
    assert "evaluation/samples/jade-p1-seed1-without.jpg" in names
    assert sample in said
