"""Which layers a LoRA changes, how strongly, and that a file says so in the way every reader understands."""

import pytest
import torch
from lora_runs import Stop, random_base, run_in, stop_at, train_config

from likeness.errors import ConfigError
from likeness.lora.adapter import ADAPTER, add_lora, lora_layers
from likeness.lora.export import check_loads, kohya_tensors
from likeness.lora.safetensors_io import weights_bytes


def test_blocks_choose_among_the_targets(fresh):
    base = fresh()
    add_lora(base, train_config(blocks=["mid_block"], targets=["to_q"]).lora, seed=1)
    layers = lora_layers(base)
    assert layers
    assert all(name.startswith("unet.mid_block.") and name.endswith(".to_q") for name in layers)


@pytest.mark.parametrize(
    ("change", "word"), [({"targets": ["to_x"]}, "to_x"), ({"blocks": ["side_block"]}, "side_block")]
)
def test_a_name_that_fits_no_layer_is_refused(fresh, change, word):
    with pytest.raises(ConfigError, match=word) as caught:
        add_lora(fresh(), train_config(**change).lora, seed=1)
    assert caught.value.remedy


def test_a_rank_stabilized_file_has_the_scale_it_was_trained_with(tmp_path, folder):
    cfg = train_config(rank=16, alpha=4, rank_stabilized=True)
    run = run_in(tmp_path, folder, cfg)
    (scale,) = {layer.scaling[ADAPTER] for layer in lora_layers(run.base).values()}
    assert scale == pytest.approx(4 / 16**0.5)
    tensors = kohya_tensors(
        run.base, dict(run.trained.parameters), alpha=cfg.lora.file_alpha, dtype=torch.float32
    )
    file = tmp_path / "jade.safetensors"
    file.write_bytes(weights_bytes(tensors, {}))
    one = run.set.first()
    noise = torch.randn(one.latents.shape, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        taught = run.base.predict(noise, torch.tensor([500]), one.condition)
    check_loads(file, run.base, one.condition, tuple(one.latents.shape[1:]))
    again = random_base()
    again.pipeline.load_lora_weights(str(tmp_path), weight_name=file.name)
    with torch.no_grad():
        torch.testing.assert_close(
            again.predict(noise, torch.tensor([500]), one.condition), taught, atol=1e-5, rtol=1e-4
        )


@pytest.mark.slow
def test_dropout_is_drawn_again_after_a_resume_and_never_while_measuring(tmp_path, folder):
    cfg = train_config(lora_dropout=0.5)

    whole = run_in(tmp_path / "whole", folder, cfg)
    with pytest.raises(Stop):
        run_in(tmp_path / "cut", folder, cfg, on_window=stop_at(4))
    resumed = run_in(tmp_path / "cut", folder, cfg)
    assert resumed.trained.resumed_from == 3
    assert resumed.sha256 == whole.sha256
    assert resumed.trained.probe_after == whole.trained.probe_after
    assert whole.sha256 != run_in(tmp_path / "without", folder, train_config()).sha256
