"""24 photographs as people hand them in, through the graph as far as the dataset: some are damaged, upside down, negative or
raw, and phones laid something beside them.
"""

import io
import json
import zipfile
from hashlib import sha256
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
import yaml
from PIL import Image, ImageOps, TiffImagePlugin

from likeness.images import load_rgb
from likeness.paths import PersonaPaths
from likeness.pipeline.ancestry import Ancestry
from likeness.pipeline.manifest import Manifest, read_manifest
from likeness.pipeline.stage import STAGES
from tools.repository_clone import RepositoryClone, clone_repository

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
PHOTOS = Path(__file__).parents[1] / "photos"
JADE = PersonaPaths("jade")
TURNED = ("sources/jade_06", "targets/07_leila")
LIVE = ("sources/jade_01", "sources/jade_05", "targets/06_ingrid", "targets/08_greta")
# The photographs are made small, and a third of them are mirrored: faces are small, and frontal ones alike.
SMALL = (
    "ingest.min_face_px=32", "ingest.near_duplicate.max_hash_bits=0", "ingest.near_duplicate.min_similarity=1.0",
    "personas.jade.held_out=[jade_07.jpg,jade_08.jpg]", "swap.sources_per_target=1", "dataset.side_px=512",
)  # fmt: skip

pillow_heif.register_heif_opener()


def pictures() -> dict[str, Image.Image]:
    """8 photographs of jade, those mirrored, and 8 of others."""
    found: dict[str, Image.Image] = {}
    for folder, names in (("sources", None), ("targets", 8)):
        for path in sorted((PHOTOS / folder).iterdir())[:names]:
            with Image.open(path) as image:
                upright = ImageOps.exif_transpose(image).convert("RGB")
            upright.thumbnail((800, 800))
            found[f"{folder}/{path.stem}"] = upright
            if folder == "sources":
                found[f"{folder}/{path.stem}_mirrored"] = ImageOps.mirror(upright)
    assert len(found) == 24
    return found


def encoded(image: Image.Image, format: str = "JPEG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def raw_file(image: Image.Image) -> bytes:
    """A DNG as far as its first page goes: a preview, and the version of the format."""
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[50706] = b"\1\4\0\0"
    return encoded(image.resize((320, 400)), "TIFF", tiffinfo=tags)


def flipped(data: bytes) -> bytes:
    damaged = bytearray(data)
    damaged[len(damaged) // 2] ^= 16
    return bytes(damaged)


def handed_in(photos: dict[str, Image.Image]) -> tuple[dict[str, bytes], dict[str, str]]:
    """The files by folder and name, and why each of those that are no use is refused."""
    files = {f"{name}.jpg": encoded(image, quality=95) for name, image in photos.items()}

    def instead(name: str, suffix: str, data: bytes) -> str:
        del files[f"{name}.jpg"]
        files[name + suffix] = data
        return name + suffix

    refused = {
        instead("sources/jade_02", ".png", flipped(encoded(photos["sources/jade_02"], "PNG"))): "truncated",
        instead("sources/jade_04", ".jpg", files["sources/jade_04.jpg"][:20_000]): "truncated",
        instead("targets/05_maeve", ".heic", encoded(photos["targets/05_maeve"], "HEIF")[:-900]): "truncated",
        instead("targets/01_hana", ".jpg", encoded(ImageOps.invert(photos["targets/01_hana"]))): "negative",
        instead("sources/jade_03", ".dng", raw_file(photos["sources/jade_03"])): "camera-raw",
    }
    for name in TURNED:
        instead(name, ".png", encoded(photos[name].rotate(180), "PNG"))
    for name in LIVE:
        instead(name, ".HEIC", encoded(photos[name], "HEIF", quality=90))
        files |= {f"{name}.MOV": b"\0\0\0\x14ftypqt  ", f"{name}.AAE": b"<?xml version='1.0'?>"}
    return files, refused


def put(clone: RepositoryClone, files: dict[str, bytes]) -> None:
    """Lay photographs into the clone, list them in its record, the damaged ones, too, and sign it."""
    listed: dict[str, dict[str, dict[str, object]]] = {"sources": {}, "targets": {}}
    for name, data in files.items():
        path = clone.folder / JADE.raw / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        line: dict[str, object] = {"sha256": sha256(data).hexdigest()}
        if name.startswith("targets/"):
            line |= {"shows": f"{path.stem[3:]}, a synthetic person", "age_years": 33}
        if path.suffix not in (".MOV", ".AAE"):
            listed[path.parent.name][path.name] = line
    for folder, record in (("sources", "consent/jade.yaml"), ("targets", "consent/jade.targets.yaml")):
        path = clone.folder / record
        said = yaml.safe_load(path.read_text())
        said["photos"] = listed[folder]
        path.write_text(yaml.safe_dump(said, sort_keys=False))
    clone.sign("jade")


@pytest.fixture(scope="module")
def photos() -> dict[str, Image.Image]:
    return pictures()


@pytest.fixture(scope="module")
def handed(photos: dict[str, Image.Image]) -> tuple[dict[str, bytes], dict[str, str]]:
    return handed_in(photos)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, handed) -> RepositoryClone:
    clone = clone_repository(tmp_path_factory.mktemp("mixed"), (), ())
    clone.params(*SMALL)
    put(clone, handed[0])
    stages = [spec.name for spec in STAGES]
    assert clone.repro("dataset@jade") == stages[: stages.index("dataset") + 1]
    return clone


def ingested(clone: RepositoryClone) -> Manifest:
    return read_manifest(clone.folder / JADE.ingested)


def test_each_is_told_rightly_and_the_rest_goes_through(made: RepositoryClone, handed) -> None:
    files, refused = handed
    manifest = ingested(made)
    assert {f.origin: f.reason for f in manifest.failures if f.kind != "skipped"} == {
        Path(name).name: reason for name, reason in refused.items()
    }
    beside = {Path(name).name for name in files if name.endswith((".MOV", ".AAE"))}
    assert {f.origin: f.reason for f in manifest.failures if f.kind == "skipped"} == dict.fromkeys(
        beside, "not-a-photograph"
    )
    good = {Path(name).name for name in files} - beside - {Path(name).name for name in refused}
    assert {entry.origin for entry in manifest.entries} == good
    assert len(good) == 19


def test_what_stood_on_its_head_stands_upright_and_nothing_else_was_turned(
    made: RepositoryClone, photos
) -> None:
    entries = {entry.origin: entry for entry in ingested(made).entries}
    notes = {
        line["origin"]: line["notes"]
        for line in map(json.loads, (made.folder / JADE.ingest_notes).read_text().splitlines())
    }
    for name in TURNED:
        origin = f"{Path(name).name}.png"
        pixels = load_rgb(made.folder / JADE.ingested / entries[origin].file)
        assert np.array_equal(pixels, np.asarray(photos[name]))
        assert any("turned by 180 degrees" in note for note in notes[origin])
    assert sum("turned by" in note for lines in notes.values() for note in lines) == len(TURNED)


def test_the_dataset_is_made_of_good_photographs_alone(made: RepositoryClone, handed, monkeypatch) -> None:
    files, refused = handed
    bad = {sha256(files[name]).hexdigest() for name in refused}
    good = {sha256(data).hexdigest(): name for name, data in files.items() if name not in refused}
    monkeypatch.chdir(made.folder)
    ancestry, rows = Ancestry.of(JADE), read_manifest(JADE.lora_training).entries
    roots = {row.id: set(ancestry.photographs(row.sha256)) for row in rows}
    assert all(roots.values())
    used = set.union(*roots.values())
    assert not used & bad
    assert used <= good.keys()
    # What was turned and what came with a film is used like any other.
    assert {good[digest] for digest in used} >= {f"{name}.HEIC" for name in LIVE if "sources" in name}
    assert {good[digest] for digest in used} >= {f"{name}.png" for name in TURNED}
    photographs = {row.source for row in rows if row.target is None}
    trained = [entry for entry in ingested(made).entries if entry.source and not entry.held_out]
    assert photographs == {entry.source for entry in trained}
    assert len(trained) == 11  # 16, of which 3 are no use and 2 are held out
    assert [row for row in rows if row.target]


def named(clone: RepositoryClone) -> dict[str, str]:
    """The names of the dataset's pictures, each with the photographs' own names it stands for."""
    origins = {entry.source or entry.target: str(entry.origin) for entry in ingested(clone).entries}
    return {
        Path(row.file).name: " on ".join(origins[label] for label in (row.source, row.target) if label)
        for row in read_manifest(clone.folder / JADE.lora_training).entries
    }


def test_names_follow_the_numbers_of_good_photographs_and_stay(made: RepositoryClone, handed, photos) -> None:
    before = named(made)
    for folder, letter in (("sources", "s"), ("targets", "t")):
        given = yaml.safe_load((made.folder / JADE.numbers).read_text())[folder]
        accepted = [e for e in ingested(made).entries if (e.source or e.target or "")[0] == letter]
        assert sorted(one["number"] for one in given.values()) == list(range(1, len(accepted) + 1))
        assert {f"{letter}{one['number']}": name for name, one in given.items()} == {
            e.source or e.target: e.origin for e in accepted
        }
    with zipfile.ZipFile(made.folder / JADE.dataset_zip) as archive:
        assert {Path(name).name for name in archive.namelist() if name.endswith(".jpg")} == before.keys()
    # The one that was cut off is copied again, whole: it takes the next number, wherever its name sorts.
    files = dict(handed[0])
    files["sources/jade_04.jpg"] = encoded(photos["sources/jade_04"], quality=95)
    put(made, files)
    made.repro("dataset@jade")
    after = named(made)
    [fresh] = [name for name, origin in after.items() if origin == "jade_04.jpg"]
    numbers = [int(e.source[1:]) for e in ingested(made).entries if e.source]
    assert fresh == f"jade-s{max(numbers)}-sfw-enhanced.jpg"
    assert len(numbers) == 14
    # A swap may now be made of the new one; no name stands for another photograph than before.
    assert {name: after[name] for name in before.keys() & after.keys()} == {
        name: before[name] for name in before.keys() & after.keys()
    }
    assert {name for name in before if "-t" not in name} <= after.keys()
