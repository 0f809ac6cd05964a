"""DoRA, PiSSA and LoKr: trained, resumed bit for bit, saved, and read by diffusers and ComfyUI as they were trained."""

import json

import pytest
import torch
from comfy import merged
from lora_files import TRAINERS, write
from lora_runs import Stop, make_folder, run_in, stop_at, train_config
from pydantic import ValidationError
from safetensors.torch import load

from likeness.cli.inspect import convert_command
from likeness.errors import ConfigError, InputError
from likeness.lora.adapter import START, add_lora, lora_layers, remove_lora
from likeness.lora.convert import convert
from likeness.lora.export import publish
from likeness.lora.inspect import read_lora
from likeness.lora.load import load_lora
from likeness.lora.safetensors_io import read_metadata

# Linear layers, and convolutions of one pixel and of nine; LoKr with a whole second factor and a decomposed one.
TARGETS = ("to_q", "ff.net.2", "proj_in", "conv1", "conv_shortcut")
KINDS = {
    "dora": {"lora_kind": "dora", "alpha": 3},
    "pissa": {"lora_kind": "pissa", "alpha": 3},
    "lokr": {"lora_kind": "lokr", "rank": 2, "alpha": 3},
}
DATA = {"dora": "DoRA", "pissa": "LoRA", "lokr": "LoKr"}


def config(kind):
    return train_config(
        targets=TARGETS, blocks=["mid_block", "up_blocks"], steps=4, checkpoint_every_steps=2, **KINDS[kind]
    )


@torch.no_grad()
def predict(base, run):
    noise = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(3))
    return base.predict(noise, torch.tensor([300]), run.set.first().condition)


@pytest.fixture(scope="module", params=KINDS)
def trained(request, tmp_path_factory):
    """(kind, its run, what the trained base predicts); the base holds no adapter any more."""
    torch.set_num_threads(1)
    place = tmp_path_factory.mktemp(request.param)
    run = run_in(place, make_folder(place / "lora_training"), config(request.param), architecture="sd15")
    predicted = predict(run.base, run)
    one = run.set.first()
    check = publish(
        run.data, place / "jade-v1.safetensors", run.base, one.condition, tuple(one.latents.shape[1:])
    )
    assert check.effect > 0
    return request.param, run, predicted, place / "jade-v1.safetensors"


def test_diffusers_draws_with_the_file_what_was_trained(trained, fresh):
    _, run, predicted, file = trained
    base = fresh("sd15")
    untouched = predict(base, run)
    assert torch.equal(predict(run.base, run), untouched)  # the base it was trained in has its bits again
    load_lora(base, file)
    effect = (predicted - untouched).abs().max()
    assert effect > 1e-3
    assert (predict(base, run) - predicted).abs().max() < 1e-4 * effect


def test_comfyui_maps_every_key_and_merges_what_was_trained(trained, fresh):
    kind, run, predicted, _ = trained
    base, tensors = fresh("sd15"), load(run.data)
    effect = (predict(base, run) - predicted).abs().max()
    assert merged(base.network, tensors) == set(tensors)
    assert (predict(base, run) - predicted).abs().max() < 1e-3 * effect
    if kind == "dora":
        base = fresh("sd15")
        merged(base.network, tensors, norm_of_change=False)
        off = (predict(base, run) - predicted).abs().max() / effect
        assert 0.01 < off < 0.1  # what docs/training.md warns of


@pytest.mark.slow
def test_a_resumed_run_ends_with_the_same_bytes(trained, tmp_path, folder):
    kind, run, _, _ = trained
    with pytest.raises(Stop):
        run_in(tmp_path, folder, config(kind), architecture="sd15", on_window=stop_at(4))
    resumed = run_in(tmp_path, folder, config(kind), architecture="sd15")
    assert resumed.trained.resumed_from == 2
    assert resumed.sha256 == run.sha256


def test_every_parameter_learns(trained, fresh):
    kind, run, _, _ = trained
    start = add_lora(fresh("sd15"), config(kind).lora, seed=42)
    assert start.keys() == run.trained.parameters.keys()
    assert all(not torch.equal(start[name], parameter) for name, parameter in run.trained.parameters.items())


def test_a_fresh_one_changes_nothing(trained, fresh):
    kind, run, _, _ = trained
    base = fresh("sd15")
    untouched = predict(base, run)
    add_lora(base, config(kind).lora, seed=42)
    assert (predict(base, run) - untouched).abs().max() < 1e-5
    remove_lora(base)
    assert torch.equal(predict(base, run), untouched)


def test_the_file_says_what_it_is(trained):
    kind, run, _, file = trained
    metadata, found = read_metadata(run.data), read_lora(file)
    assert (found.variant, found.hash_matches) == (DATA[kind], True)
    arguments = json.loads(metadata["ss_network_args"])
    expected = {
        "dora": ("lycoris.kohya", "lora", "4", {4: 34}, {0.75: 34}),
        "pissa": ("networks.lora", None, "8", {8: 34}, {0.75: 34}),
        "lokr": ("lycoris.kohya", "lokr", "2", {2: 34}, {1.5: 34}),
    }[kind]
    assert (
        metadata["ss_network_module"], arguments.get("algo"), metadata["ss_network_dim"], found.ranks, found.scales
    ) == expected  # fmt: skip


def loaded_by_diffusers(base, file, kind):
    if kind == "pissa":
        base.pipeline.load_lora_weights(str(file))
    else:  # as the model card says: the pipelines of the UNet's families refuse LoKr's names, the UNet reads them
        base.network.load_lora_adapter(str(file), prefix="unet", use_safetensors=True)


@pytest.mark.parametrize(("dtype", "precision"), [(None, 1e-4), (torch.bfloat16, 0.1)])
def test_diffusers_reads_the_converted_file_by_itself(trained, fresh, tmp_path, dtype, precision):
    kind, run, predicted, given = trained
    base, file = fresh("sd15"), tmp_path / "x.safetensors"
    effect = (predict(base, run) - predicted).abs().max()
    file.write_bytes(convert(given, to="diffusers", dtype=dtype).data)
    loaded_by_diffusers(base, file, kind)
    assert (predict(base, run) - predicted).abs().max() < precision * effect
    found, before, after = read_lora(file), read_metadata(run.data), read_metadata(file.read_bytes())
    assert (found.variant, found.naming, found.hash_matches) == (DATA[kind], "diffusers", True)
    changed = {
        "sshs_model_hash",
        "sshs_legacy_hash",
        "modelspec.hash_sha256",
        "lora_adapter_metadata",
        "ss_network_alpha",
    }
    assert {key for key in before | after if before.get(key) != after.get(key)} <= changed
    assert after["likeness.consent_id"] == "jade-2026-01"


def test_there_and_back_is_the_same_change(trained, fresh, tmp_path):
    _, run, predicted, given = trained
    (tmp_path / "there.safetensors").write_bytes(convert(given, to="diffusers", dtype=None).data)
    back = convert(tmp_path / "there.safetensors", to="kohya", dtype=None).data
    assert load(back).keys() == load(run.data).keys()
    assert "lora_adapter_metadata" not in read_metadata(back)
    base, file = fresh("sd15"), tmp_path / "x.safetensors"
    effect = (predict(base, run) - predicted).abs().max()
    file.write_bytes(back)
    load_lora(base, file)
    assert (predict(base, run) - predicted).abs().max() < 1e-4 * effect


def test_magnitudes_and_alpha_are_never_rounded(trained):
    narrow = load(convert(trained[3], to=None, dtype=torch.float16).data)
    exact = {key for key, tensor in narrow.items() if tensor.dtype == torch.float32}
    assert exact == {key for key in narrow if key.endswith((".alpha", ".dora_scale"))}
    assert {tensor.dtype for key, tensor in narrow.items() if key not in exact} == {torch.float16}


def test_pissa_starts_from_the_largest_singular_parts(fresh):
    base = fresh("sd15")
    add_lora(base, config("pissa").lora, seed=42)
    for layer in lora_layers(base).values():
        weight = layer.get_base_layer().weight.flatten(1)
        start = -layer.scaling[START] * (
            layer.lora_B[START].weight.flatten(1) @ layer.lora_A[START].weight.flatten(1)
        )
        left = (weight - start).norm()
        best = torch.linalg.svdvals(weight)[4:].norm()
        assert best * 0.9999 <= left <= best * 1.001


def test_pissa_needs_as_many_singular_values_as_its_rank(fresh):
    with pytest.raises(ConfigError, match="singular values") as caught:
        add_lora(fresh("sd15"), train_config(lora_kind="pissa", rank=512).lora, seed=42)
    assert "train.lora.rank" in caught.value.remedy


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"lora_kind": "loha"}, "dora, lokr, lora, pissa"),
        ({"lora_kind": "lokr", "rank_stabilized": True}, "rank_stabilized"),
        ({"lora_kind": "lokr", "lora_dropout": 0.1}, "dropout: 0"),
        ({"lora_kind": "lokr", "lora_plus_ratio": 4.0}, "lora_plus_ratio"),
        ({"lora_kind": "lokr", "text_encoder_lr": 1e-4}, "text_encoder_lr"),
        ({"lora_kind": "dora", "text_encoder_lr": 1e-4}, "text_encoder_lr"),
    ],
)
def test_what_does_not_fit_a_kind_is_refused(change, word):
    with pytest.raises(ValidationError, match=word):
        train_config(**change)


def test_the_command_converts_a_folder_of_peft_s(tmp_path):
    folder, out = tmp_path / "peft", tmp_path / "kohya.safetensors"
    folder.mkdir()
    write(folder, TRAINERS["PEFT bare"][0]).rename(folder / "adapter_model.safetensors")
    (folder / "adapter_config.json").write_text('{"r": 2, "lora_alpha": 2}')
    convert_command(folder, out, to="kohya", dtype=None)
    assert read_lora(out).layers == {"UNet": 3}
    with pytest.raises(InputError, match=r"folder without adapter_config\.json"):
        convert_command(tmp_path, out, to="kohya", dtype=None)


def test_the_command_writes_a_file_and_names_what_it_cannot_read(trained, tmp_path):
    file = trained[3]
    convert_command(file, tmp_path / "small.safetensors", to=None, dtype="bfloat16")
    assert (tmp_path / "small.safetensors").read_bytes() == convert(file, to=None, dtype=torch.bfloat16).data
    with pytest.raises(InputError, match=r"none\.safetensors cannot be read: No such file"):
        convert_command(tmp_path / "none.safetensors", tmp_path / "x.safetensors", to=None, dtype=None)
    assert not (tmp_path / "x.safetensors").exists()
