"""The folders that the stages before `dataset` leave behind, with small pictures."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from records import EXPIRES, SIGNED
from signing import sign_as_test

from likeness.digests import sha256_bytes
from likeness.images import RGB, encode_jpeg, encode_png
from likeness.paths import PersonaPaths, image_name, item_id
from likeness.pipeline.manifest import Entry, FaceEntry, Failure, read_manifest, write_manifest
from likeness.safety.consent import RecordedFace
from likeness.safety.identity import RESNET

PERSONA = "jade"
TARGET_LICENCE = "CC0-1.0"
Picture = Callable[[str, int], RGB]


def coloured(name: str, side_px: int) -> RGB:
    """A smooth picture whose colours come from its name: the same name, the same pixels."""
    digest = hashlib.sha256(name.encode()).digest()
    ramp = np.linspace(0.3, 1.0, side_px)
    plane = np.outer(ramp, ramp[::-1])[..., None] * np.frombuffer(digest[:3], np.uint8)
    return np.ascontiguousarray(plane.astype(np.uint8))


class Folders:
    """Writes data/jade/* and consent/ below `root`, stage after stage."""

    def __init__(self, root: Path, *, picture: Picture = coloured, side_px: int = 64) -> None:
        self.root, self.picture, self.side_px = root, picture, side_px
        self.places = PersonaPaths(PERSONA)
        self.raw: dict[str, bytes] = {}
        self.made: dict[str, str] = {}

    def at(self, path: Path) -> Path:
        """`path` of PersonaPaths below the root."""
        return self.root / path

    def everything(self, pairs: tuple[tuple[str, str | None], ...]) -> None:
        """All folders for these (source, target) pairs, one more source held out, and two refusals."""
        sources = sorted({source for source, _ in pairs})
        targets = sorted({target for _, target in pairs if target})
        self.ingest(sources, targets, held_out=["s9"])
        for stage, word, ext, scale in (
            ("swapped", "swapped", "png", 1),
            ("resized", "resized", "png", 1),
            ("enhanced", "enhanced", "jpg", 2),
        ):
            self.stage(stage, word, ext, pairs, scale)
        self.captions(pairs)
        self.consent(targets)

    def ingest(self, sources: list[str], targets: list[str], held_out: list[str]) -> None:
        entries: list[Entry] = []
        for photo in [*sources, *held_out, *targets]:
            is_source = photo.startswith("s")
            origin = f"{PERSONA}_{photo}.png" if is_source else f"{photo}_mei.png"
            folder = self.at(self.places.raw_sources if is_source else self.places.raw_targets)
            rgb = self.picture(photo, self.side_px)
            self.raw[photo] = encode_png(rgb)
            write(folder / origin, self.raw[photo])
            source, target = (photo, None) if is_source else (None, photo)
            name = image_name(PERSONA, source, target, "sfw", "ingested", "png")
            write(self.at(self.places.ingested) / name, self.raw[photo])
            entries.append(
                entry(
                    item_id(PERSONA, source, target),
                    name,
                    self.raw[photo],
                    rgb,
                    source,
                    target,
                    parents=(sha256_bytes(self.raw[photo]),),
                    provider="local",
                    origin=origin,
                    held_out=photo in held_out,
                )
            )
        blurred = self.at(self.places.raw_sources) / "blurred.png"
        write(blurred, encode_png(self.picture("blurred", self.side_px)))
        write_manifest(
            self.at(self.places.ingested),
            entries,
            [
                Failure(
                    id=f"{PERSONA}-s99",
                    source="s99",
                    origin="blurred.png",
                    kind="refused",
                    reason="blurred",
                    remedy="use a sharp photo",
                    detail="blurred.png: sharpness 0.0100, it needs ingest.min_sharpness 0.03",
                ),
            ],
        )

    def face(self, photo: str, described: dict[str, object]) -> None:
        """The face beside an ingested photograph, as its manifest line names it."""
        folder, name = self.at(self.places.ingested), f"{PERSONA}-{photo}"
        data = json.dumps(described).encode()
        write(folder / f"{name}.face.json", data)
        manifest = read_manifest(folder)
        lines = [
            one.model_copy(update={"face_sha256": sha256_bytes(data)}) if one.id == name else one
            for one in manifest.entries
        ]
        write_manifest(folder, lines, manifest.failures)

    def stage(
        self, folder: str, word: str, ext: str, pairs: tuple[tuple[str, str | None], ...], scale: int
    ) -> None:
        entries: list[Entry] = []
        for source, target in pairs:
            name = image_name(PERSONA, source, target, "sfw", word, ext)
            rgb = self.picture(f"{source}-{target}", self.side_px * scale)
            data = encode_png(rgb) if ext == "png" else encode_jpeg(rgb)
            write(self.at(self.places.data) / folder / name, data)
            name_of = item_id(PERSONA, source, target)
            photos = tuple(sha256_bytes(self.raw[photo]) for photo in (source, target) if photo)
            parents = (self.made[name_of],) if folder != "swapped" else photos
            self.made[name_of] = sha256_bytes(data)
            roots = dict(zip(("source", "target"), photos, strict=False))
            swapper = "local" if target else "none"
            entries.append(
                entry(
                    item_id(PERSONA, source, target),
                    name,
                    data,
                    rgb,
                    source,
                    target,
                    parents=parents,
                    neural=False if target else None,
                    provider=swapper if folder == "swapped" else "lanczos",
                ).model_copy(update={"roots": roots})
            )
        failures = (
            [
                Failure(
                    id=f"{PERSONA}-{pairs[0][0]}-t8",
                    source=pairs[0][0],
                    target="t8",
                    kind="skipped",
                    reason="yaw-difference",
                    detail="the heads are turned 41 degrees apart, the local provider bridges 25",
                    remedy="add a source photograph turned the same way",
                ),
            ]
            if folder == "swapped"
            else []
        )
        write_manifest(self.at(self.places.data) / folder, entries, failures)

    def captions(
        self, pairs: tuple[tuple[str, str | None], ...], *, without: frozenset[str] = frozenset()
    ) -> None:
        entries: list[Entry] = []
        for source, target in pairs:
            if (name := item_id(PERSONA, source, target)) in without:
                continue
            text = f"jade woman, a half-body photograph of {source} in the clothes of {target}, in soft light"
            file = Path(image_name(PERSONA, source, target, "sfw", "enhanced", "txt"))
            data = f"{text}\n".encode()
            write(self.at(self.places.captions) / file, data)
            rgb = np.zeros((self.side_px * 2, self.side_px * 2, 3), np.uint8)
            line = entry(name, str(file), data, rgb, source, target, parents=(), provider="attributes")
            photos = (sha256_bytes(self.raw[photo]) for photo in (source, target) if photo)
            roots = dict(zip(("source", "target"), photos, strict=False))
            entries.append(line.model_copy(update={"text": text, "roots": roots}))
        write_manifest(self.at(self.places.captions), entries, [])

    def consent(self, targets: list[str], kind: str = "synthetic") -> None:
        """consent/jade.yaml with its evidence, and the licences of the targets."""
        folder = self.root / "consent"
        write(folder / "evidence.txt", b"made by a program\n")
        evidence = {"file": "evidence.txt", "type": "text", "sha256": sha256_bytes(b"made by a program\n")}
        sources = {
            name: {"sha256": sha256_bytes(data)} for name, data in self.raw.items() if name not in targets
        }
        face = np.zeros(128, np.float32)
        face[0] = 1.0
        record = {
            "id": "jade-2026-01",
            "persona": PERSONA,
            "kind": kind,
            "subject": "a synthetic person",
            "adult": {"attested_by": "who made her", "age_years": 32},
            "scope": ["swap", "train", "generate"],
            "signed": str(SIGNED),
            "expires": None if kind == "synthetic" else str(EXPIRES),
            "evidence": evidence,
            "face": {
                "embedder": "sface-2021dec-int8bq",
                "embedding": RecordedFace.encode(face),
                "others": {RESNET: RecordedFace.encode(face)},
            },
            "photos": sources or {"none.png": {"sha256": "0" * 64}},
        }
        photos = {
            f"{name}_mei.png": {"sha256": sha256_bytes(self.raw[name]), "shows": "mei"} for name in targets
        }
        licences = {
            "licence": TARGET_LICENCE,
            "origin": "rendered for this test",
            "release": evidence,
            "photos": photos,
        }
        write(folder / f"{PERSONA}.yaml", yaml.safe_dump(record).encode())
        write(folder / f"{PERSONA}.targets.yaml", yaml.safe_dump(licences).encode())
        sign_as_test(folder, PERSONA)


def entry(
    name: str,
    file: str,
    data: bytes,
    rgb: RGB,
    source: str | None,
    target: str | None,
    **more: Any,
) -> Entry:
    """A manifest line with one face in the middle of the picture; `more` says at least by which provider, and of what parents."""
    height, width = rgb.shape[:2]
    face = FaceEntry(
        box_px=(width / 4, height / 4, width / 2, height / 2),
        score=0.9,
        yaw_deg=4.0,
        pitch_deg=0.0,
        sharpness=50.0,
        age_years=33.0,
    )
    return Entry(
        id=name, file=file, sha256=sha256_bytes(data), width=width, height=height, source=source, target=target,
        rating="sfw", faces=(face,), cost_usd=0.0, **more,
    )  # fmt: skip


def write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
