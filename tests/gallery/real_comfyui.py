"""A wish that the real ComfyUI 0.30.0 draws: a part of `make comfy-test`, none of the unit suite."""

import io
import uuid
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from comfy_runs import config, write_lora
from gallery_world import Browser, World
from PIL import Image
from sqlalchemy import select

from gallery.generation.comfyui import ComfyDrawer, Pool
from gallery.generation.diffusers import DiffusersDrawer
from gallery.generation.work import Worker
from gallery.tables import Picture, Version
from likeness.digests import sha256_file
from likeness.images import RGB
from tools.comfyui_server import RealServer

SETTINGS: dict[str, object] = {"side_px": 128, "steps": 12}
# Of one prompt and seed; 51.7 and 51.2 were seen.
ALIKE_DB = 40.0


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealServer]:
    with RealServer(tmp_path_factory.mktemp("comfyui")) as running:
        yield running


def test_a_wish_is_drawn_by_comfyui_as_by_the_worker_alone(
    world: World, real: RealServer, tmp_path: Path
) -> None:
    settings = config(real.url, evaluate=SETTINGS, lora_folder=str(real.loras), poll_s=0.5)
    drawers = (
        ComfyDrawer(config=settings, pool=Pool(servers=(real.url,))),
        DiffusersDrawer(config=settings),
    )
    ann, version = world.drawing()
    versions = world.gallery.settings.folder / "versions"
    versions.mkdir()
    write_lora(versions / "new")
    digest = sha256_file(versions / "new")
    (versions / "new").rename(versions / f"{digest}.safetensors")
    with world.gallery.transaction() as db:
        db.get_one(Version, uuid.UUID(version)).weights_sha256 = digest
    wish = {
        "version_id": version,
        "prompt": "head and shoulders photo, plain grey background",
        "count": 2,
        "seed": 3,
    }
    drawn = [
        pictures(world, ann, wish, Worker(gallery=world.gallery, drawer=one, finisher=world.finisher))
        for one in drawers
    ]
    alike = [
        10 * np.log10(255**2 / ((ours.astype(float) - theirs) ** 2).mean())
        for theirs, ours in zip(*drawn, strict=True)
    ]
    print(
        f"{len(alike)} pictures, {', '.join(f'{one:.1f}' for one in alike)} dB from those of the worker alone"
    )
    assert len(alike) == 2
    assert min(alike) > ALIKE_DB


def pictures(world: World, ann: Browser, wish: dict[str, object], worker: Worker) -> list[RGB]:
    """What a wish became, by seed."""
    asked = ann.post("/generations", wish).json()
    worker.run(uuid.UUID(asked["id"]))
    shown = ann.get(f"/generations/{asked['id']}").json()
    assert (shown["status"], shown["refused"]) == ("done", [])
    with world.gallery.transaction() as db:
        kept = db.scalars(select(Picture).where(Picture.generation_id == uuid.UUID(asked["id"])))
        files = [one.file for one in sorted(kept, key=lambda one: one.seed)]
    return [np.asarray(Image.open(io.BytesIO(world.gallery.store.read(one) or b""))) for one in files]
