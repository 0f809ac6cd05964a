"""`likeness comfy test` against the fake server: what it draws, scores, finds out and leaves behind."""

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from comfy_runs import config, persona_folders, trial_run
from known_faces import analyzer, at_angle, known_face
from persona_folders import Folders
from PIL import Image
from safetensors.numpy import save_file

from fakes.comfyui import LORA_KEY
from fakes.server import FakeServers
from likeness.comfy.scores import problems, psnr
from likeness.comfy.trial import Result, run_trial
from likeness.digests import sha256_file
from likeness.errors import ConfigError, InputError, RejectedError
from likeness.evaluate.face_embeddings import Finder
from likeness.images import load_rgb
from likeness.marks.xmp import SourceType, find_code
from likeness.pipeline.manifest import read_manifest
from likeness.vendors.comfyui_answers import decoded

NOBODY = SimpleNamespace(ages=lambda rgb: ())


@pytest.fixture
def folders(in_tmp: Path) -> Folders:
    made = persona_folders(in_tmp)
    save_file({LORA_KEY: np.ones((2, 2), np.float32)}, made.places.weights)
    return made


@pytest.fixture(scope="module")
def running() -> Iterator[FakeServers]:
    with FakeServers() as services:
        yield services


@pytest.fixture
def fakes(running: FakeServers, loras: Path) -> Callable[..., FakeServers]:
    """The server with some settings, and a models/loras of its own."""
    running.reset()
    usual = {
        "comfy_lora_loads": True,
        "comfy_shows_log": True,
        "comfy_missing_nodes": [],
        "comfy_answers": "pictures",
    }

    def set_up(**changes) -> FakeServers:
        running.set(**usual | {"comfy_loras": str(loras)} | changes)
        return running

    return set_up


@pytest.fixture
def loras(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """models/loras of the server."""
    return tmp_path_factory.mktemp("loras")


def try_it(
    services: FakeServers, loras: Path | None, *, explicit: float = 0.0, ages=NOBODY, **changes
) -> Result:
    """One test with a rater that says `explicit` of every picture, and no face in any."""
    folder = None if loras is None else str(loras)
    cfg = config(services.comfyui_url, lora_folder=folder, **changes)
    return run_trial(trial_run(cfg), lambda rgb: explicit, ages, Finder(analyzer=analyzer(lambda rgb: [])))


def test_pictures_are_drawn_marked_scored_and_laid_out(folders, loras, fakes):
    services = fakes()
    result = try_it(services, loras)
    assert result.problems == []
    assert result.effect > 0
    assert result.not_loaded == []
    entries = read_manifest(folders.places.comfy_samples).entries
    assert [entry.id for entry in entries] == ["jade-p1-seed3-with", "jade-p1-seed3-without"]
    assert entries[0].parents == (sha256_file(folders.places.weights),)
    for entry in entries:
        file = folders.places.comfy_samples / entry.file
        assert find_code(file.read_bytes()) == SourceType.TRAINED
        assert load_rgb(file).shape == (64, 64, 3)
    assert folders.places.comfy_sheet.is_file()
    assert json.loads(folders.places.comfy_results.read_text())["version"] == "0.30.0"


def test_a_prompt_without_the_name_does_not_count(folders, loras, fakes):
    cfg = config(
        fakes().comfyui_url, lora_folder=str(loras), evaluate={"prompts": ["{trigger}, smiling", "a tree"]}
    )
    find = analyzer(lambda rgb: [known_face(at_angle(int(rgb.sum()) % 100))])  # somebody else in each picture
    result = run_trial(trial_run(cfg), lambda rgb: 0.0, NOBODY, Finder(analyzer=find))
    alike = {(one["prompt"], one["lora"]): one["similarity"] for one in result.pictures}
    assert None not in alike.values()
    assert alike["jade, smiling", True] != alike["a tree", True]
    assert result.identity_with == alike["jade, smiling", True]
    assert result.identity_without == alike["jade, smiling", False]


def test_the_lora_is_linked_for_the_test_alone(folders, loras, fakes):
    services = fakes()
    try_it(services, loras)
    assert list(loras.iterdir()) == []


def test_what_is_drawn_is_not_drawn_again(folders, loras, fakes):
    services = fakes()
    first = try_it(services, loras)
    assert services.counts()["comfyui.prompt"] == 2
    assert try_it(services, loras) == first
    assert services.counts()["comfyui.prompt"] == 2
    folders.places.weights.write_bytes(folders.places.weights.read_bytes() + b" ")
    with pytest.raises(InputError):  # no safetensors file any more, so another LoRA
        try_it(services, loras)


@pytest.mark.parametrize("shows_log", [True, False], ids=["by the log", "by the pictures"])
def test_a_lora_whose_keys_do_not_load_is_found(folders, loras, fakes, shows_log):
    services = fakes(comfy_lora_loads=False, comfy_shows_log=shows_log)
    result = try_it(services, loras)
    assert "The LoRA changes no pixel in ComfyUI: nothing of it was loaded" in result.problems
    assert result.not_loaded == ([LORA_KEY] if shows_log else None)
    assert any("did not load 1 of" in problem for problem in result.problems) == shows_log


@pytest.mark.parametrize(
    ("without", "with_lora", "told"),
    [(51.0, 20.0, True), (51.0, 45.0, False), (20.0, 9.0, False), (None, None, False)],
    ids=["half loaded", "alike", "another sampler", "evaluate has drawn nothing"],
)
def test_a_lora_that_is_half_loaded_agrees_less_with_ours(without, with_lora, told):
    found = problems(3.0, {False: without, True: with_lora}, [], 10.0)
    assert bool(found) == told


def test_an_explicit_picture_is_never_written(folders, loras, fakes):
    services = fakes()
    with pytest.raises(InputError, match="explicit"):
        try_it(services, loras, explicit=0.99)
    assert list(folders.places.comfy_samples.glob("*.jpg")) == []
    assert "image" not in {path.name for path in Path(".cache").rglob("*.jpg")}


def test_a_server_without_the_node_is_refused_before_anything_is_queued(folders, loras, fakes):
    services = fakes(comfy_missing_nodes=["LikenessTinyBase"])
    with pytest.raises(ConfigError, match="no node LikenessTinyBase") as caught:
        try_it(services, loras)
    assert "integrations/comfyui" in caught.value.remedy
    assert "comfyui.prompt" not in services.counts()


def test_a_lora_that_nobody_put_there_is_named(folders, loras, fakes):
    services = fakes()
    with pytest.raises(ConfigError, match=r"has no jade-v1\.safetensors in models/loras"):
        try_it(services, None)


def test_a_folder_that_is_none_is_refused(folders, loras, fakes):
    services = fakes()
    with pytest.raises(ConfigError, match="is not a folder"):
        try_it(services, loras / "nothing")


def test_without_a_lora_nothing_is_tried(folders, loras, fakes):
    folders.places.weights.unlink()
    services = fakes()
    with pytest.raises(InputError, match="is missing"):
        try_it(services, loras)


def test_a_bomb_costs_its_item_and_no_memory(folders, loras, fakes):
    services = fakes(comfy_answers="bomb")
    with pytest.raises(InputError, match=r"bad-answer|wrong-size"):
        try_it(services, loras)


def png(width: int, height: int, mode: str = "RGB") -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, (width, height)).save(buffer, format="PNG")
    return buffer.getvalue()


@pytest.mark.parametrize(
    "data",
    [b"", b"<html>", png(64, 64)[:60], png(128, 64), png(64, 64).replace(b"IHDR", b"IHDX"), b"GIF89a" + bytes(64)],
    ids=["nothing", "a page", "cut off", "another size", "a broken header", "another format"],
)  # fmt: skip
def test_what_is_no_picture_of_the_size_is_refused(data):
    with pytest.raises(RejectedError):
        decoded(data, 64, 64)


def test_agreement_is_peak_signal_to_noise():
    dark, grey = np.zeros((8, 8, 3), np.uint8), np.full((8, 8, 3), 255, np.uint8)
    assert psnr(dark, dark) == 99.0
    assert psnr(dark, grey) == 0.0
    assert psnr(dark, grey[:4]) is None
