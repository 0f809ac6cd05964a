"""Outputs that are preserved: with captions without the trigger the LoRA is held to what the base predicts."""

import pytest
import torch
from lora_runs import EVERY_BLOCK, Stop, base_config, random_base, run_in, stop_at, train_config

from likeness.diffusion.families import bases
from likeness.lora.adapter import add_lora, lora_layers, without_lora
from likeness.lora.kinds import kinds
from likeness.store.items import ItemStore
from likeness.train.kohya.options import unmapped
from likeness.train.native.cache import encode_examples
from likeness.train.native.data import BatchMembers, read_examples
from likeness.train.native.memory import footprint
from likeness.train.native.training_loss import Objective

ON = {"preservation_weight": 1.0}
LEARNING = {"text_encoder_lr": 1.0e-3}
NAMED, OF_CLASS = "jade woman, picture 1", "woman, picture 1"


@torch.no_grad()
def predicted(base, text, *, read=None):
    """What the base predicts of a noise with a caption, read by `read` or the base itself."""
    noise = torch.randn(1, base.latent_channels, 8, 8, generator=torch.Generator().manual_seed(3))
    condition = base.collate([(read or base).encode_prompt(text)])
    condition["time_ids"] = torch.tensor([[64.0, 64, 0, 0, 64, 64]])
    return base.predict(noise, torch.full((1,), base.MID_TIMESTEP), condition)


def distances(run, architecture):
    """How far a trained base is from an untouched one, with the trigger and without."""
    before = random_base(architecture)
    return [
        (predicted(run.base, text) - predicted(before, text)).square().mean().item()
        for text in (NAMED, OF_CLASS)
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    "architecture",
    # SDXL's network is made of SD 1.5's blocks.
    [pytest.param(name, marks=pytest.mark.long if name == "sdxl" else ()) for name in bases()],
)
def test_the_class_stays_nearer_to_the_base_and_the_name_moves(tmp_path, folder, architecture):
    """With text encoders that learn, where the family has them."""
    learns = bases()[architecture].TEXT_ENCODERS
    changes = {"steps": 12, "lr": 1e-2, "warmup_steps": 1, **(LEARNING if learns else {})}
    plain = run_in(
        tmp_path / "plain", folder, train_config(architecture, **changes), architecture=architecture
    )
    cfg = train_config(architecture, **changes, preservation_weight=20.0, preservation_images=2)
    kept = run_in(tmp_path / "kept", folder, cfg, architecture=architecture)
    (_, without), (named, of_class) = distances(plain, architecture), distances(kept, architecture)
    assert of_class < 0.5 * without
    assert of_class < named


def test_switched_off_it_changes_no_byte_and_no_runs_key(tmp_path, folder):
    plain = run_in(tmp_path / "plain", folder, train_config())
    off = run_in(tmp_path / "off", folder, train_config(preservation_weight=0.0, preservation_images=2))
    assert (off.folder.key, off.sha256) == (plain.folder.key, plain.sha256)


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes", [{}, LEARNING | {"lora_dropout": 0.2, "caption_dropout": 0.5, "caption_shuffles": 2}]
)
def test_a_resumed_run_ends_with_the_same_bytes(tmp_path, folder, changes):
    cfg = train_config(**ON, **changes, epochs=2)
    seen = []
    whole = run_in(
        tmp_path / "whole",
        folder,
        cfg,
        on_window=lambda step, values: seen.append(values["preservation_loss"]),
    )
    assert seen[0] >= 0 < seen[-1]
    with pytest.raises(Stop):
        run_in(tmp_path / "cut", folder, cfg, on_window=stop_at(4))
    resumed = run_in(tmp_path / "cut", folder, cfg)
    assert resumed.trained.resumed_from == 3
    assert resumed.sha256 == whole.sha256
    assert whole.metadata["likeness.preservation_weight"] == "1.0"


def test_activations_computed_again_give_the_same_bytes(tmp_path, folder):
    kept, again = (
        run_in(
            tmp_path / on, folder, train_config(**ON, lora_dropout=0.2, gradient_checkpointing=on, steps=3)
        )
        for on in ("off", "on")
    )
    assert again.trained.losses == kept.trained.losses
    assert all(map(torch.equal, again.trained.parameters.values(), kept.trained.parameters.values()))


@pytest.mark.parametrize("architecture", ["sdxl", "zimage"])
def test_at_the_start_there_is_nothing_to_preserve(folder, tmp_path, architecture):
    """A fresh LoRA changes nothing: each class caption meets its own image, noise and time. Then one weight moves."""
    cfg, base = train_config(architecture, **ON, preservation_images=2), random_base(architecture)
    data = encode_examples(
        read_examples(folder),
        base,
        cfg,
        ItemStore(tmp_path / "items"),
        lambda text: text.removeprefix("jade "),
    )
    parameters = add_lora(base, cfg.lora, seed=1)
    objective = Objective(base, data, cfg)
    assert objective.training_loss(0, 0)[1].item() < 1e-9
    for parameter in parameters.values():
        torch.nn.init.normal_(parameter, std=0.1)
    assert objective.training_loss(0, 0)[1].item() > 1e-6
    assert Objective(base, data, train_config(architecture)).training_loss(0, 0)[1] is None


def test_the_first_images_are_shown_with_and_without_the_trigger(folder, tmp_path):
    cfg, base = train_config(**ON, caption_dropout=0.5), random_base()
    texts = {"jade woman, picture 1": "woman, picture 1", "jade woman, picture 2": "woman, picture 2"}
    data = encode_examples(
        read_examples(folder)[:2], base, cfg, ItemStore(tmp_path / "items"), texts.__getitem__
    )
    members = BatchMembers((64, 64), (1, 0))
    batch = data.batch(members, torch.tensor([1, 0]), [None, 0], preserved=1)
    told = base.encode_prompt("woman, picture 2")["embeds"]
    assert torch.equal(batch.of_class["embeds"], told[None])
    assert torch.equal(
        batch.condition["embeds"][0], base.encode_prompt("")["embeds"]
    )  # its own caption was dropped
    assert [len(told["time_ids"]) for told in (batch.condition, batch.of_class)] == [2, 1]


@pytest.mark.parametrize("kind", kinds())
def test_without_its_lora_a_base_predicts_as_it_did_and_afterwards_as_before(kind):
    base, cfg = random_base(), train_config(kind=kind, blocks=EVERY_BLOCK).lora
    untouched = predicted(base, OF_CLASS)
    parameters = add_lora(base, cfg, seed=1, text_encoders=kinds()[kind].IN_PIPELINES)
    for parameter in parameters.values():
        parameter.data.normal_(std=0.1)
    learns = {name: parameter.requires_grad for name, parameter in base.network.named_parameters()}
    changed = predicted(base, OF_CLASS)
    assert not torch.equal(changed, untouched)
    with without_lora(base):
        assert torch.equal(predicted(base, OF_CLASS), untouched)
    assert torch.equal(predicted(base, OF_CLASS), changed)
    assert {name: parameter.requires_grad for name, parameter in base.network.named_parameters()} == learns
    assert lora_layers(base)


def test_the_memory_of_the_images_that_are_shown_twice_is_counted():
    family, network = bases()["sdxl"], dict(random_base().network.config)
    kept = [footprint(family, network, train_config(**changes), dtype=torch.float32).kept
            for changes in ({"batch_size": 3}, {"batch_size": 2} | ON)]  # fmt: skip
    assert kept[0] == kept[1]


def test_kohyas_trainer_has_no_option_for_it():
    asked = unmapped(train_config(**ON), base_config())
    assert "train.objective.preservation_weight: 0" in asked
    assert "train.objective.preservation_weight: 0" not in unmapped(train_config(), base_config())
