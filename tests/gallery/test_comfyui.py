"""Drawing in ComfyUI servers: words are values whatever they hold, a pool of servers, weights by their sha256."""

import hashlib
import json
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from comfy_runs import config as comfy_config
from gallery_world import World
from safetensors.numpy import save_file

from fakes.comfyui import LORA_KEY
from fakes.server import FakeServers
from gallery.generation.comfyui import ComfyDrawer, Pool, workflow
from gallery.generation.drawing import Shot
from gallery.generation.finish import LikenessFinisher
from gallery.generation.work import Worker
from gallery.tables import Version
from likeness.comfy.graph import Lora, api_form
from likeness.config import load_config
from likeness.errors import InputError, LikenessError, TransientError
from likeness.paths import PARAMS
from likeness.safety.consent import load_consent

ROOT = Path(__file__).parents[2]
SHOT = Shot(
    weights=Path("x.safetensors"),
    prompt="jade woman",
    negative="blurred",
    seed=7,
    strength=0.8,
    aspect="landscape",
)


def test_a_prompt_changes_its_own_value_and_nothing_else() -> None:
    config, lora = load_config(ROOT / PARAMS), Lora(name="likeness-x.safetensors", strength=0.8)
    evil = '"}, "evil": {"class_type": "LoadImage", "inputs": {"image": "/etc/passwd"}}, "x": {"y": "${HOME} {{7*7}}'
    plain = api_form(workflow(config, lora, SHOT))
    graph = json.loads(
        json.dumps(api_form(workflow(config, lora, replace(SHOT, prompt=evil, negative=evil))))
    )
    assert graph["prompt1"]["inputs"].pop("text") == evil
    assert graph["negative"]["inputs"].pop("text") == evil
    plain["prompt1"]["inputs"].pop("text"), plain["negative"]["inputs"].pop("text")
    assert graph == plain
    assert plain["size"]["inputs"]["width"] > plain["size"]["inputs"]["height"]
    assert plain["lora"]["inputs"]["strength_model"] == 0.8


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[FakeServers, FakeServers]]:
    with FakeServers() as one, FakeServers() as other:
        yield one, other


Make = Callable[..., tuple[ComfyDrawer, Shot]]
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
def make(servers: tuple[FakeServers, FakeServers], tmp_path: Path) -> Make:
    """A drawer of some servers, and a shot with weights that lie here."""
    loras, kept = tmp_path / "loras", tmp_path / "weights.safetensors"
    loras.mkdir()
    save_file({LORA_KEY: np.ones((2, 2), np.float32)}, kept)
    weights = kept.rename(tmp_path / f"{hashlib.sha256(kept.read_bytes()).hexdigest()}.safetensors")
    for one in servers:
        one.reset()
        one.set(comfy_loras=str(loras), comfy_answers="pictures", comfy_pictures="", comfy_lora_loads=True)

    def made(*urls: str, drained: Path | None = None) -> tuple[ComfyDrawer, Shot]:
        config = comfy_config(urls[0], lora_folder=str(loras), limits={"attempts": 1, "connect_s": 1})
        return ComfyDrawer(config=config, pool=Pool(servers=urls, drained=drained)), replace(
            SHOT, weights=weights
        )

    return made


def drawn(server: FakeServers) -> int:
    return server.counts().get("comfyui.prompt", 0)


def test_servers_draw_in_turn(servers: tuple[FakeServers, FakeServers], make: Make) -> None:
    drawer, shot = make(*(one.comfyui_url for one in servers))
    shown = [drawer.draw(replace(shot, seed=seed)) for seed in (1, 2, 3, 4)]
    assert len({one.tobytes() for one in shown}) == 4
    assert [drawn(one) for one in servers] == [2, 2]


def test_a_server_that_fails_is_passed_over_and_asked_last(
    servers: tuple[FakeServers, FakeServers], make: Make
) -> None:
    broken, well = servers
    broken.set(comfy_answers="node_fails")
    drawer, shot = make(NOWHERE, broken.comfyui_url, well.comfyui_url)
    for seed in range(4):
        drawer.draw(replace(shot, seed=seed))
    assert drawn(well) == 4
    assert drawn(broken) == 1
    assert drawer.pool.order()[0] == well.comfyui_url


def test_a_server_that_lacks_a_node_is_passed_over(
    servers: tuple[FakeServers, FakeServers], make: Make, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    servers[0].set(comfy_loras=str(elsewhere))
    drawer, shot = make(servers[0].comfyui_url, servers[1].comfyui_url)
    drawer.draw(shot)
    drawer.draw(shot)
    assert drawn(servers[1]) == 2


def test_where_all_fail_the_last_reason_is_told(servers: tuple[FakeServers, FakeServers], make: Make) -> None:
    servers[0].set(comfy_answers="node_fails")
    drawer, shot = make(servers[0].comfyui_url)
    with pytest.raises(LikenessError, match="shapes cannot be multiplied"):
        drawer.draw(shot)


def test_a_drained_server_gets_no_more_pictures(
    servers: tuple[FakeServers, FakeServers], make: Make, tmp_path: Path
) -> None:
    drained = tmp_path / "comfyui-drained"
    drawer, shot = make(*(one.comfyui_url for one in servers), drained=drained)
    drained.write_text(f"{servers[0].comfyui_url}/\n")
    for seed in range(3):
        drawer.draw(replace(shot, seed=seed))
    assert [drawn(one) for one in servers] == [0, 3]
    drained.write_text("\n".join(one.comfyui_url for one in servers))
    with pytest.raises(TransientError, match="no ComfyUI server takes pictures"):
        drawer.draw(shot)
    drained.unlink()
    drawer.draw(shot)


def test_weights_are_laid_out_by_their_sha256_whole_whoever_is_first(make: Make, tmp_path: Path) -> None:
    drawer, shot = make(NOWHERE)
    loras = tmp_path / "loras"
    (loras / f"likeness-{shot.weights.name}").symlink_to(tmp_path / "gone")
    with ThreadPoolExecutor(8) as pool:
        names = {one.name for one in pool.map(lambda _: drawer._lora(shot), range(40))}
    assert names == {f"likeness-{shot.weights.name}"}
    assert [one.name for one in loras.iterdir()] == list(names)
    copy = loras / names.pop()
    assert not copy.is_symlink()
    assert hashlib.sha256(copy.read_bytes()).hexdigest() == shot.weights.stem
    of_another = bytes(reversed(shot.weights.read_bytes()))
    for wrong in (b"half", of_another):
        copy.write_bytes(wrong)
        drawer._lora(shot)
        assert hashlib.sha256(copy.read_bytes()).hexdigest() == shot.weights.stem
    copy.unlink()
    shot.weights.write_bytes(of_another)
    with pytest.raises(InputError, match="not what they were"):
        drawer._lora(shot)
    assert list(loras.iterdir()) == []


@pytest.mark.slow
def test_a_wish_is_drawn_by_a_server_and_one_that_does_not_load_the_weights_is_found_out(
    servers: tuple[FakeServers, FakeServers], make: Make, world: World, synthetic_people: Path, tmp_path: Path
) -> None:
    fake = servers[0]
    fake.set(comfy_pictures=str(synthetic_people / "sources"))
    drawer, shot = make(fake.comfyui_url)
    drawer.config.evaluate.__dict__["side_px"] = 512
    versions = world.gallery.settings.folder / "versions"
    versions.mkdir()
    (versions / shot.weights.name).write_bytes(shot.weights.read_bytes())
    world.records.in_force = lambda person: load_consent(ROOT / "consent", "jade")  # type: ignore[method-assign]
    finisher = LikenessFinisher(
        config=load_config(ROOT / PARAMS), folder=tmp_path / "marks", keys=tmp_path / "keys"
    )
    worker = Worker(gallery=world.gallery, drawer=drawer, finisher=finisher)
    ann, version = world.drawing()
    with world.gallery.transaction() as db:
        db.get_one(Version, uuid.UUID(version)).weights_sha256 = shot.weights.stem
    wish = {"version_id": version, "prompt": "smiling", "count": 1, "seed": 0}
    for loads, pictures, refused in ((True, 1, []), (False, 0, ["unknown-face"])):
        fake.set(comfy_lora_loads=loads)
        asked = ann.post("/generations", wish).json()
        worker.run(uuid.UUID(asked["id"]))
        shown = ann.get(f"/generations/{asked['id']}").json()
        assert (shown["status"], len(shown["pictures"])) == ("done", pictures)
        assert [one["reason"] for one in shown["refused"]] == refused
    assert ann.get("/people").json()[0]["versions"][0]["right"]["used_today"] == 1
