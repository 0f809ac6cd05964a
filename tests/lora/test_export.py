"""The published file: Kohya's keys, the right alpha, the same pictures, and no name before the check."""

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from lora_runs import EVERY_BLOCK, FACTS, make_folder, run_in, told_base, train_config
from padding import shift_tensors
from safetensors import safe_open
from safetensors.torch import load_file

from likeness.aligned import ALIGNMENT
from likeness.diffusion.families import bases
from likeness.diffusion.families.sd import StableDiffusion
from likeness.errors import ProviderError
from likeness.lora.adapter import adapter_parameters, add_lora, lora_tensors
from likeness.lora.export import check_loads, kohya_tensors, publish
from likeness.lora.load import ADAPTER, load_lora
from likeness.lora.safetensors_io import read_metadata, weights_bytes
from likeness.train.native.data import dataset_digest, read_examples
from likeness.train.native.metadata import describe

ROOT = Path(__file__).parents[2]


def inputs(run):
    """A condition [1,...] and a latent shape (C,H,W) of the run's own data."""
    one = run.set.first()
    return one.condition, tuple(one.latents.shape[1:])


@torch.no_grad()
def predict(base, run):
    condition, shape = inputs(run)
    noise = torch.randn((1, *shape), generator=torch.Generator().manual_seed(3))
    return base.predict(noise, torch.tensor([base.MID_TIMESTEP]), condition)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A short run; checks load files into its base and take them out again."""
    torch.set_num_threads(1)
    place = tmp_path_factory.mktemp("run")
    return run_in(place, make_folder(place / "lora_training"), train_config(steps=2))


@pytest.mark.parametrize("architecture", bases())
@pytest.mark.parametrize(
    ("rank", "alpha"),
    [
        pytest.param(4, 1, marks=pytest.mark.slow),
        pytest.param(4, 4, marks=[pytest.mark.slow, pytest.mark.long]),
        (2, 6.5),
    ],
)
def test_the_file_does_in_a_fresh_pipeline_what_training_did(
    tmp_path, folder, fresh, architecture, rank, alpha
):
    cfg = train_config(architecture, rank=rank, alpha=alpha, steps=6)
    run = run_in(tmp_path, folder, cfg, architecture=architecture)
    trained = predict(run.base, run)
    file = tmp_path / "jade-v1.safetensors"
    file.write_bytes(run.data)
    base = fresh(architecture)
    untouched = predict(base, run)
    base.pipeline.load_lora_weights(str(tmp_path), weight_name=file.name)
    loaded = predict(base, run)
    effect = (trained - untouched).abs().max()
    assert effect > 1e-3
    assert (loaded - trained).abs().max() < 1e-4 * effect


@pytest.mark.parametrize("kind", ["lora", "dora"])  # diffusers loads one, PEFT the other
def test_where_the_files_tensors_start_does_not_matter(tmp_path, folder, fresh, kind):
    run = run_in(tmp_path, folder, train_config(steps=2, lora_kind=kind))
    file = tmp_path / "jade-v1.safetensors"
    file.write_bytes(run.data)
    base, seen = fresh(), []
    for shift in (0, 1, 7):  # one after the other: 0, 1, 8
        shift_tensors(file, shift)
        load_lora(base, file)
        loaded = adapter_parameters(base, ADAPTER).values()
        assert loaded
        assert all(parameter.data_ptr() % ALIGNMENT == 0 for parameter in loaded)
        seen.append(predict(base, run))
        base.pipeline.unload_lora_weights()
    assert torch.equal(seen[0], seen[1])
    assert torch.equal(seen[0], seen[2])


@pytest.mark.parametrize("architecture", ["sdxl", "sd15"])
def test_every_trained_layer_is_in_the_file_and_every_key_maps(tmp_path, folder, architecture):
    cfg = train_config(steps=2, blocks=EVERY_BLOCK)
    run = run_in(tmp_path, folder, cfg, architecture=architecture)
    layers = len(run.trained.parameters) // 2
    check = publish(run.data, tmp_path / "out" / "jade-v1.safetensors", run.base, *inputs(run))
    tensors = load_file(tmp_path / "out" / "jade-v1.safetensors")
    assert (check.layers, len(tensors)) == (layers, 3 * layers)
    assert check.effect > 0
    endings = {key.partition(".")[2] for key in tensors}
    assert endings == {"lora_down.weight", "lora_up.weight", "alpha"}
    assert all(key.startswith("lora_unet_") for key in tensors)
    assert {tensor.item() for key, tensor in tensors.items() if key.endswith("alpha")} == {2.0}
    kinds = ("to_q", "to_k", "to_v", "to_out_0", "proj_in", "proj_out", "ff_net_0_proj", "ff_net_2")
    assert all(any(key.split(".")[0].endswith(kind) for key in tensors) for kind in kinds)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["jade-v1.safetensors"]


def doubled_alpha(tensors):
    return {key: value * 2 if key.endswith("alpha") else value for key, value in tensors.items()}


def silent(tensors):
    return {key: value * 0 if "lora_up" in key else value for key, value in tensors.items()}


def test_a_lora_without_effect_gets_no_name(tmp_path, run):
    tensors = silent(kohya_tensors(run.base, run.trained.parameters, alpha=2, dtype=torch.float32))
    out = tmp_path / "out" / "jade-v1.safetensors"
    with pytest.raises(ProviderError, match="does not change") as caught:
        publish(weights_bytes(tensors, {}), out, run.base, *inputs(run))
    assert caught.value.reason == "load-check"
    assert list(out.parent.iterdir()) == []


def test_a_failed_check_leaves_the_published_file_alone(tmp_path, run):
    out = tmp_path / "jade-v1.safetensors"
    publish(run.data, out, run.base, *inputs(run))
    tensors = silent(load_file(out))
    with pytest.raises(ProviderError):
        publish(weights_bytes(tensors, {}), out, run.base, *inputs(run))
    assert out.read_bytes() == run.data


def without_a_layer(tensors):
    lost = min(tensors).split(".")[0]
    return {key: value for key, value in tensors.items() if not key.startswith(lost)}


def changed_weight(tensors):
    key = next(key for key in tensors if "lora_up" in key)
    return tensors | {key: tensors[key] + 1}


@pytest.mark.parametrize(
    ("change", "word"),
    [(doubled_alpha, "scale"), (changed_weight, "other weights"), (without_a_layer, "1 layer")],
)
def test_what_gets_lost_on_the_way_is_seen(tmp_path, run, monkeypatch, change, word):
    file = tmp_path / "x.safetensors"
    file.write_bytes(run.data)
    load, other = run.base.pipeline.load_lora_weights, tmp_path / "other.safetensors"
    other.write_bytes(weights_bytes(change(load_file(file)), {}))
    monkeypatch.setattr(
        type(run.base.pipeline),
        "load_lora_weights",
        lambda self, folder, weight_name, adapter_name: load(other, adapter_name=adapter_name),
    )
    with pytest.raises(ProviderError, match=word):
        check_loads(file, run.base, *inputs(run))


def test_a_key_that_diffusers_does_not_know_fails_the_check(tmp_path, run):
    file = tmp_path / "x.safetensors"
    file.write_bytes(run.data)
    file.write_bytes(weights_bytes(load_file(file) | {"unet.conv_in.lora_A.weight": torch.ones(2, 4)}, {}))
    with pytest.raises(ProviderError):
        check_loads(file, run.base, *inputs(run))


def test_the_file_says_what_it_is(tmp_path, folder):
    cfg = train_config(weights_dtype="float16")
    run = run_in(tmp_path, folder, cfg)
    file = tmp_path / "x.safetensors"
    file.write_bytes(run.data)
    with safe_open(file, framework="pt") as opened:
        metadata = opened.metadata()
    assert metadata == read_metadata(run.data)
    samples = read_examples(folder)
    assert "ss_zero_terminal_snr" not in metadata
    of_noise = describe(
        load_file(file),
        replace(FACTS, base=told_base(prediction="v_prediction", zero_snr=True)),
        cfg,
        samples,
        steps=6,
    )
    assert (of_noise["modelspec.prediction_type"], of_noise["ss_zero_terminal_snr"]) == ("v", "True")
    expected = {
        "ss_v2": "False", "ss_base_model_version": "sdxl_base_v1-0", "ss_network_module": "networks.lora",
        "ss_network_dim": "4", "ss_network_alpha": "2.0", "ss_output_name": "jade-v1",
        "ss_num_train_images": "6",
        "ss_steps": "6", "ss_epoch": "2", "ss_seed": "42", "ss_resolution": "(64, 64)",
        "modelspec.sai_model_spec": "1.0.1", "modelspec.architecture": "stable-diffusion-xl-v1-base/lora",
        "modelspec.trigger_phrase": "jade woman", "modelspec.license": "other",
        "likeness.consent_id": "jade-2026-01", "likeness.training_set_sha256": "1" * 64, "likeness.base_sha256": "0" * 64,
        "likeness.dataset_sha256": dataset_digest(samples),
    }  # fmt: skip
    assert expected.items() <= metadata.items()
    assert json.loads(metadata["ss_dataset_dirs"]) == {"2_jade woman": {"n_repeats": 2, "img_count": 3}}
    assert json.loads(metadata["ss_tag_frequency"])["2_jade woman"]["jade woman"] == 3
    assert json.loads(metadata["ss_bucket_info"]) == {"buckets": {"0": {"resolution": [64, 64], "count": 6}}}
    assert "modelspec.date" not in metadata
    header = 8 + int.from_bytes(run.data[:8], "little")
    assert metadata["modelspec.hash_sha256"] == "0x" + hashlib.sha256(run.data[header:]).hexdigest()
    assert {t.dtype for k, t in load_file(file).items() if "lora_" in k.partition(".")[2]} == {torch.float16}


@pytest.mark.slow
def test_bytes_do_not_depend_on_the_process(tmp_path):
    """The safetensors library alone orders metadata anew in every process."""
    names = {f"k{i}": "v" for i in range(30)}
    here = weights_bytes({"b": torch.ones(3), "a": torch.zeros(2)}, names)
    code = (
        "import sys, torch\nfrom likeness.lora.safetensors_io import weights_bytes\n"
        f"there = weights_bytes({{'b': torch.ones(3), 'a': torch.zeros(2)}}, {names})\n"
        "sys.stdout.buffer.write(there)"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    there = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=True)
    assert there.stdout == here
    (tmp_path / "x.safetensors").write_bytes(here)
    assert load_file(tmp_path / "x.safetensors")["b"].tolist() == [1, 1, 1]


def test_sd15_is_called_by_its_own_names(folder):
    tensors = {"lora_unet_x.alpha": torch.tensor(1.0)}
    facts = replace(FACTS, base=told_base(StableDiffusion))
    metadata = describe(tensors, facts, train_config(), read_examples(folder), steps=1)
    assert metadata["ss_base_model_version"] == "sd_v1"
    assert metadata["modelspec.architecture"] == "stable-diffusion-v1/lora"


def test_a_base_of_other_sizes_is_called_by_its_own_name(folder, fresh):
    assert not fresh("sdxl").published
    tensors = {"lora_unet_x.alpha": torch.tensor(1.0)}
    facts = replace(FACTS, base=told_base(name="likeness-tiny", published=False))
    metadata = describe(tensors, facts, train_config(), read_examples(folder), steps=1)
    assert metadata["ss_base_model_version"] == "likeness-tiny"
    assert metadata["modelspec.architecture"] == "likeness-tiny/lora"


def test_lora_tensors_are_copies(fresh):
    parameters = add_lora(fresh(), train_config().lora, seed=42)
    copies = lora_tensors(parameters)
    before = {name: tensor.clone() for name, tensor in copies.items()}
    with torch.no_grad():
        for parameter in parameters.values():
            parameter.fill_(7)
    assert all(torch.equal(copies[name], before[name]) for name in copies)
