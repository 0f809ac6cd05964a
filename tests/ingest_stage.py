"""The stage `ingest` as its tests run it: on files they put there, with made-up instruments."""

from pathlib import Path

import pytest
from conf_sections import section
from ingest_fakes import FakeConsent, fake_instruments, ingest_config, png
from runs import run_of

import likeness.ingest.choice
import stages.ingest
from likeness.config import Config, ItemsConfig
from likeness.paths import PersonaPaths
from likeness.persona import Persona, Similarity
from likeness.pipeline.manifest import Manifest, read_manifest

PLACES = PersonaPaths("jade")


def persona(*held_out: str) -> Persona:
    similarity = Similarity(source_min=0.7, swap_min=0.6, target_max=0.8)
    return Persona(name="jade", trigger="jade", class_word="woman", held_out=held_out, similarity=similarity)


def config(**changes: object) -> Config:
    return Config.model_construct(
        ingest=ingest_config(**({"max_failure_ratio": 1.0} | changes)),
        items=ItemsConfig(**section("items/local.yaml")),
    )


def put_instruments(monkeypatch: pytest.MonkeyPatch):
    """Made-up instruments in the place of the models; they are returned."""
    tools = fake_instruments()
    monkeypatch.setattr(likeness.ingest.choice, "local_instruments", lambda *_: tools)
    return tools


def put(name: str, data: bytes) -> Path:
    path = PLACES.data / "raw" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def good() -> None:
    for n in (1, 2, 3):
        put(f"sources/jade_{n}.png", png(seed=n))
    put("targets/a.png", png(person=5, seed=10))
    put("targets/b.png", png(person=6, seed=11, explicit=40))


def ingest(*held_out: str, **changes: object) -> Manifest:
    consent = FakeConsent(unlicensed=("unlicensed.png",))
    stages.ingest.main(run_of("ingest", config(**changes), persona(*held_out), consent=consent))
    return read_manifest(PLACES.ingested)


def origins(manifest: Manifest) -> dict[str, str | None]:
    return {entry.id.removeprefix("jade-"): entry.origin for entry in manifest.entries}
