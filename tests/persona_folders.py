"""The folders that the stages before `dataset` leave behind, with small pictures."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
import yaml
from conf_sections import section
from measured_samples import measures_of
from pydantic import BaseModel
from records import EXPIRES, SIGNED
from safetensors.numpy import save_file
from signing import sign_as_test

from likeness.caption import CaptionConfig
from likeness.digests import sha256_bytes, sha256_file
from likeness.enhance import EnhanceConfig
from likeness.images import RGB, encode_jpeg, encode_png
from likeness.paths import PersonaPaths, image_name, item_id
from likeness.pipeline.manifest import Entry, FaceEntry, Failure, read_manifest, write_manifest
from likeness.purchases.prices import Price
from likeness.safety.consent import RecordedFace
from likeness.safety.identity import RESNET
from likeness.swap import SwapConfig

PERSONA = "jade"
CONF = Path(__file__).parent.parent / "conf"
TARGET_LICENCE = "CC0-1.0"
Settings = TypeVar("Settings", bound=BaseModel)
Picture = Callable[[str, int], RGB]


def coloured(name: str, side_px: int) -> RGB:
    """A smooth picture whose colours come from its name: the same name, the same pixels."""
    digest = hashlib.sha256(name.encode()).digest()
    ramp = np.linspace(0.3, 1.0, side_px)
    plane = np.outer(ramp, ramp[::-1])[..., None] * np.frombuffer(digest[:3], np.uint8)
    return np.ascontiguousarray(plane.astype(np.uint8))


def settings(kind: type[Settings], file: str, **changes: object) -> Settings:
    """A section as conf/ has it, with some values changed."""
    return kind.model_validate(section(file) | changes)


def providers(enhance: str = "lanczos") -> dict[str, object]:
    """The sections of who does the work, and the price list."""
    prices = yaml.safe_load((CONF / "prices.yaml").read_text())
    return {
        "swap": settings(SwapConfig, "swap/local.yaml"),
        "enhance": settings(EnhanceConfig, f"enhance/{enhance}.yaml"),
        "caption": settings(CaptionConfig, "caption/attributes.yaml"),
        "prices": {
            name: {what: Price(**one) for what, one in listed.items()} for name, listed in prices.items()
        },
    }


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
            _write(folder / origin, self.raw[photo])
            source, target = (photo, None) if is_source else (None, photo)
            name = image_name(PERSONA, source, target, "sfw", "ingested", "png")
            _write(self.at(self.places.ingested) / name, self.raw[photo])
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
        _write(blurred, encode_png(self.picture("blurred", self.side_px)))
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
        _write(folder / f"{name}.face.json", data)
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
            _write(self.at(self.places.data) / folder / name, data)
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
            _write(self.at(self.places.captions) / file, (text + "\n").encode())
            rgb = np.zeros((self.side_px * 2, self.side_px * 2, 3), np.uint8)
            line = entry(
                name,
                str(file),
                (text + "\n").encode(),
                rgb,
                source,
                target,
                parents=(),
                provider="attributes",
            )
            photos = (sha256_bytes(self.raw[photo]) for photo in (source, target) if photo)
            roots = dict(zip(("source", "target"), photos, strict=False))
            entries.append(line.model_copy(update={"text": text, "roots": roots}))
        write_manifest(self.at(self.places.captions), entries, [])

    def training(self, steps: int = 40) -> None:
        """The dataset's card and zip, loss.csv, metrics.json and a weights file with metadata."""
        rng = np.random.default_rng(0)
        losses = 0.12 + 0.1 * np.exp(-np.arange(steps) / 12) + rng.normal(0, 0.02, steps)
        judged = {steps // 2: "0.1302,", steps: "0.1287,0.4312"}
        lines = ["step,loss,validation_loss,identity"]
        lines += [f"{step},{loss:.6f},{judged.get(step, ',')}" for step, loss in enumerate(losses, start=1)]
        _write(self.at(self.places.training) / "loss.csv", "\n".join(lines).encode())
        _write(
            self.at(self.places.training) / "metrics.json", json.dumps({"probe_loss_after": 0.14}).encode()
        )
        metadata = {
            "ss_steps": str(steps),
            "ss_network_dim": "8",
            "ss_network_alpha": "4",
            "ss_seed": "42",
            "ss_learning_rate": "0.001",
            "ss_base_model_version": "likeness-random-sdxl",
        }
        path = self.at(self.places.weights)
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file({"lora_unet_x.alpha": np.float32([4.0])}, path, metadata=metadata)

    def evaluation(self, *, faces: bool = True, sample: Picture = coloured) -> None:
        """Samples with and without the LoRA, details.json, contact sheet and metrics."""
        folder = self.at(self.places.evaluation) / "samples"
        weights = self.at(self.places.weights)
        drew = (sha256_file(weights),) if weights.is_file() else ()
        entries: list[Entry] = []
        samples: list[dict[str, object]] = []
        for number, prompt in enumerate(("jade woman, a portrait", "a woman in a library"), start=1):
            for lora in (False, True):
                name = f"{PERSONA}-p{number}-seed1-{'with' if lora else 'without'}"
                rgb = sample(name, self.side_px)
                data = encode_jpeg(rgb)
                _write(folder / f"{name}.jpg", data)
                parents = drew if lora else ()
                line = entry(
                    name, f"{name}.jpg", data, rgb, None, None, parents=parents, provider="diffusers"
                )
                entries.append(line)
                samples.append(
                    {
                        "id": name,
                        "prompt": prompt,
                        "seed": 1,
                        "lora": lora,
                        "file": f"{name}.jpg",
                        "rating": "sfw",
                        "similarity": 0.61 if faces and lora else None,
                    }
                )
        write_manifest(folder, entries, [])
        rng = np.random.default_rng(1)
        groups = {}
        for name, mean, count in (
            ("held_out", 0.86, 2),
            ("photographs", 0.83, 6),
            ("swaps", 0.72, 32),
            ("samples_with", 0.61, 2),
            ("samples_without", 0.3, 2),
            ("unnamed_with", 0.6, 2),
            ("unnamed_without", 0.3, 2),
            ("targets", 0.48, 10),
        ):
            found = faces or not name.startswith("samples")
            scores = {f"{name}{n}": round(float(v), 3) for n, v in enumerate(rng.normal(mean, 0.04, count))}
            groups[name] = {
                "images": count,
                "faces": count if found else 0,
                "mean": mean if found else None,
                "by_image": scores if found else {},
                "face_share": float(found),
            }
        note = [] if faces else ["No face was found in the 2 samples drawn with the LoRA."]
        details = {
            "lora_effect": 3.25, "groups": groups, "samples": samples, "notes": note, "class_word": "woman",
            "named": ["jade woman, a portrait"], "measures": measures_of(samples, faces=faces),
        }  # fmt: skip
        _write(folder / "details.json", json.dumps(details).encode())
        _write(self.at(self.places.evaluation) / "contact_sheet.png", encode_png(self.picture("sheet", 32)))

    def consent(self, targets: list[str], kind: str = "synthetic") -> None:
        """consent/jade.yaml with its evidence, and the licences of the targets."""
        folder = self.root / "consent"
        _write(folder / "evidence.txt", b"made by a program\n")
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
        _write(folder / f"{PERSONA}.yaml", yaml.safe_dump(record).encode())
        _write(folder / f"{PERSONA}.targets.yaml", yaml.safe_dump(licences).encode())
        sign_as_test(folder, PERSONA)


def entry(
    name: str,
    file: str,
    data: bytes,
    rgb: RGB,
    source: str | None,
    target: str | None,
    *,
    parents: tuple[str, ...],
    provider: str,
    origin: str | None = None,
    held_out: bool = False,
    neural: bool | None = None,
) -> Entry:
    """A manifest line with one face in the middle of the picture."""
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
        id=name,
        file=file,
        sha256=sha256_bytes(data),
        width=width,
        height=height,
        source=source,
        target=target,
        rating="sfw",
        faces=(face,),
        provider=provider,
        cost_usd=0.0,
        parents=parents,
        origin=origin,
        held_out=held_out,
        neural=neural,
    )


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
