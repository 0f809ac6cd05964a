"""32 photographs as people hand them in: some damaged, upside down, negative or raw, with what phones lay beside them."""

import io
import json
import os
from pathlib import Path

import numpy as np
import pytest
from ingest_fakes import FakeConsent, ingest_config
from PIL import Image, ImageOps, TiffImagePlugin
from runs import run_of

import stages.ingest
from likeness.config import Config, ItemsConfig, Persona, Similarity
from likeness.images import load_rgb
from likeness.paths import PersonaPaths
from likeness.pipeline.manifest import read_manifest
from likeness.safety.consent import load_consent

ROOT = Path(__file__).parents[2]
PHOTOS = ROOT / "tests/photos"
PLACES = PersonaPaths("jade")


class Consent(FakeConsent):
    """The demo's recorded face; all targets are licensed adults."""

    @property
    def face_vectors(self) -> dict[str, np.ndarray]:
        return load_consent(ROOT / "consent", "jade").face_vectors

    def attested_age(self, role: str, file_name: str, sha256: str) -> int:
        return 30


def pictures() -> dict[str, Image.Image]:
    """8 photographs of jade and 8 of others, and all of them mirrored."""
    found: dict[str, Image.Image] = {}
    for folder, names in (("sources", None), ("targets", 8)):
        for path in sorted((PHOTOS / folder).iterdir())[:names]:
            with Image.open(path) as image:
                upright = ImageOps.exif_transpose(image).convert("RGB")
            upright.thumbnail((800, 800))
            found[f"{folder}/{path.stem}"] = upright
            found[f"{folder}/{path.stem}_mirrored"] = ImageOps.mirror(upright)
    assert len(found) == 32
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


@pytest.mark.slow
def test_of_32_mixed_photographs_each_is_told_rightly_and_the_rest_goes_through(
    tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    photos = pictures()
    files = {f"{name}.jpg": encoded(image, quality=95) for name, image in photos.items()}

    def instead(name: str, suffix: str, data: bytes) -> str:
        del files[f"{name}.jpg"]
        files[name + suffix] = data
        return Path(name + suffix).name

    expected = {
        instead("sources/jade_02", ".png", flipped(encoded(photos["sources/jade_02"], "PNG"))): "truncated",
        instead("sources/jade_04", ".jpg", files["sources/jade_04.jpg"][:20_000]): "truncated",
        instead("targets/05_ben", ".heic", encoded(photos["targets/05_ben"], "HEIF")[:-900]): "truncated",
        instead("targets/01_mei", ".jpg", encoded(ImageOps.invert(photos["targets/01_mei"]))): "negative",
        instead("sources/jade_03", ".dng", raw_file(photos["sources/jade_03"])): "camera-raw",
    }
    turned = ("sources/jade_06", "targets/04_irene")
    for name in turned:
        instead(name, ".png", encoded(photos[name].rotate(180), "PNG"))
    for name in ("sources/jade_01", "sources/jade_05", "targets/06_ben", "targets/08_ravi"):
        instead(name, ".HEIC", encoded(photos[name], "HEIF", quality=90))
        files |= {f"{name}.MOV": b"\0\0\0\x14ftypqt  ", f"{name}.AAE": b"<?xml version='1.0'?>"}
    for name, data in files.items():
        path = PLACES.raw / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    cfg = Config.model_construct(
        # The photographs are made small, and half of them are mirrored: faces are small, and frontal ones alike.
        ingest=ingest_config(min_face_px=32, near_duplicate={"max_hash_bits": 0, "min_similarity": 1.0}),
        items=ItemsConfig(root=".cache/items", remote=None, workers=2, leave_unfinished=False),
    )
    similarity = Similarity(source_min=0.6, swap_min=0.6, target_max=0.8)
    persona = Persona(name="jade", trigger="jade", class_word="woman", held_out=(), similarity=similarity)
    stages.ingest.main(run_of("ingest", cfg, persona, consent=Consent()))

    manifest = read_manifest(PLACES.ingested)
    refused = {failure.origin: failure.reason for failure in manifest.failures if failure.kind != "skipped"}
    assert refused == expected
    assert [f.reason for f in manifest.failures if f.kind == "skipped"] == ["not-a-photograph"] * 8
    assert len(manifest.entries) == 32 - len(expected)
    assert not {entry.origin for entry in manifest.entries} & expected.keys()
    notes = {
        line["origin"]: line["notes"]
        for line in map(json.loads, PLACES.ingest_notes.read_text().splitlines())
    }
    for name in turned:
        origin = f"{Path(name).name}.png"
        [entry] = [entry for entry in manifest.entries if entry.origin == origin]
        assert np.array_equal(load_rgb(PLACES.ingested / entry.file), np.asarray(photos[name]))
        assert any("turned by 180 degrees" in note for note in notes[origin])
    assert sum("turned by" in note for lines in notes.values() for note in lines) == 2
    assert sorted(os.listdir(PLACES.ingested)).count("persona.json") == 1
