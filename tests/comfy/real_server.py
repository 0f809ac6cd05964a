"""The real ComfyUI 0.30.0 with our node: `make comfy-test`, which lays it down first. No part of the unit suite."""

import json
import subprocess
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
import torch
from comfy_networks import PROMPTS
from comfy_runs import PERSONA, config, persona_folders, trial_run, write_lora
from known_faces import analyzer
from runs import run_of
from safetensors.torch import load_file, save_file

from likeness.comfy.graph import KINDS
from likeness.comfy.trial import run_trial
from likeness.diffusion.load import load_base
from likeness.digests import sha256_file
from likeness.evaluate.draw import Renderer
from likeness.evaluate.face_embeddings import Finder
from likeness.evaluate.results import draw_samples
from likeness.lora.convert import convert
from likeness.vendors.comfyui import ComfyUI
from tools.comfyui_server import PLACE, PYTHON, ROOT, SERVER, RealServer

NODE = ROOT / "integrations" / "comfyui" / "__init__.py"
DRAWN = {
    "prompts": ["{trigger} {class_word}, head and shoulders photo, facing the camera, plain grey background"],
    "seeds": [3],
    "steps": 12,
    "side_px": 128,
}
# What was seen: UNet 1.4e-6 to 3.8e-6, VAE 8.9e-7, words 2.9e-6.
NETWORKS_ALIKE = 1e-5
# JPEGs of both; seen at 12 steps: 46.6 without the LoRA, 45.3 with it.
PICTURES_ALIKE_DB = 40.0


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealServer]:
    with RealServer(tmp_path_factory.mktemp("comfyui")) as running:
        yield running


def tried(folders, real: RealServer):
    torch.set_num_threads(1)
    cfg = config(real.url, evaluate=DRAWN, lora_folder=str(real.loras), poll_s=0.5)
    digest = sha256_file(folders.places.weights)
    renderer = Renderer(cfg=cfg, base=load_base(cfg.base, device="cpu"), rater=no_rater(), ages=NOBODY)
    draw_samples(run_of("evaluate", cfg, PERSONA), renderer, digest)
    return run_trial(trial_run(cfg), no_rater().explicit, NOBODY, Finder(analyzer=analyzer(lambda rgb: [])))


NOBODY = SimpleNamespace(ages=lambda rgb: ())


def no_rater():
    return SimpleNamespace(explicit=lambda rgb: 0.0)


def test_the_networks_are_those_of_diffusers(tmp_path):
    random = torch.Generator().manual_seed(0)
    given = {
        "noisy": torch.randn(2, 8, 16, 16, generator=random), "words": torch.randn(2, 77, 256, generator=random),
        "pooled": torch.randn(2, 128, generator=random), "timesteps": torch.tensor([500.0, 20.0]),
        "latent": torch.randn(1, 8, 16, 16, generator=random),
    }  # fmt: skip
    save_file(given, tmp_path / "inputs")
    program = [PYTHON, ROOT / "tests" / "comfy_networks.py", PLACE / "stubs.py", SERVER, NODE,
               tmp_path / "inputs", tmp_path / "outputs"]  # fmt: skip
    subprocess.run([str(part) for part in program], check=True, capture_output=True)
    theirs = load_file(tmp_path / "outputs")
    base = load_base(config("http://127.0.0.1:1").base, device="cpu")
    with torch.no_grad():
        added = {"text_embeds": given["pooled"], "time_ids": torch.zeros(2, 6)}
        ours = {
            "unet": base.network(
                given["noisy"], given["timesteps"], given["words"], added_cond_kwargs=added
            ).sample,
            "vae": base.pipeline.vae.decode(given["latent"]).sample,
        }
        for number, prompt in enumerate(PROMPTS):
            read = base.read_prompt(prompt)
            ours |= {f"words{number}": read["embeds"][None], f"pooled{number}": read["pooled"][None]}
    apart = {name: (ours[name] - theirs[name]).abs().max().item() for name in ours}
    print(json.dumps(apart))
    assert max(apart.values()) < NETWORKS_ALIKE


def test_the_server_draws_with_the_lora_what_we_draw(in_tmp, real):
    folders = persona_folders(in_tmp)
    tensors = write_lora(folders.places.weights)
    result = tried(folders, real)
    print(len(tensors), "tensors", json.dumps({**vars(result), "pictures": None}))
    assert result.problems == []
    assert result.not_loaded == []
    assert result.effect > 1
    assert min(result.agreement_with_db, result.agreement_without_db) > PICTURES_ALIKE_DB


def test_a_lora_that_the_server_reads_in_part_is_found(in_tmp, real):
    folders = persona_folders(in_tmp)
    write_lora(folders.places.weights)
    folders.places.weights.write_bytes(convert(folders.places.weights, to="diffusers", dtype=None).data)
    result = tried(folders, real)
    print(json.dumps({**vars(result), "pictures": None, "not_loaded": len(result.not_loaded or ())}))
    assert result.not_loaded
    assert any("did not load" in problem for problem in result.problems)


def test_the_canvas_fits_the_nodes_of_the_server(real):
    limits = config(real.url).comfy.limits
    import threading

    client = ComfyUI(
        base_url=real.url, api_key_env=None, limits=limits, poll_s=1, job_limit_s=60, stop=threading.Event()
    )
    with client:
        for name, kind in KINDS.items():
            described = client.describe(name)
            required = described["input"]["required"]
            links = {key: given[0] for key, given in required.items() if str(given[0]).isupper()
                     and given[0] not in ("INT", "FLOAT", "STRING", "COMBO")}  # fmt: skip
            assert links == dict(kind.links), name
            assert tuple(key for key in required if key not in links) == kind.widgets
            assert tuple(described["output"]) == kind.gives
