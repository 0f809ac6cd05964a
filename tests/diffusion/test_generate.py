"""Samples: the same prompt and seed give the same picture, and a LoRA changes it."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from lora_runs import run_in, train_config

from likeness.diffusion.families import bases
from likeness.diffusion.generate import BasePool, GenerationRequest, drawn_at_once, generate
from likeness.errors import InputError
from likeness.lora.load import LoraSlot, loaded_lora

SHOT = GenerationRequest(
    prompt="jade woman", negative_prompt="", seed=1, steps=2, guidance_scale=4.0, side_px=64
)


@pytest.mark.parametrize(
    "architecture",
    [pytest.param(name, marks=() if name == "sd15" else pytest.mark.slow) for name in bases()],
)
def test_a_lora_changes_the_picture_and_leaves_the_base_as_it_was(tmp_path, folder, fresh, architecture):
    run = run_in(tmp_path, folder, train_config(architecture, steps=3), architecture=architecture)
    file = tmp_path / "jade-v1.safetensors"
    file.write_bytes(run.data)
    base = fresh(architecture)
    before = generate(base, [SHOT, replace(SHOT, seed=2)])
    seen = []
    with loaded_lora(base, file):
        (with_lora,) = generate(base, [SHOT], on_image=lambda index, rgb: seen.append(index))
    with LoraSlot(base) as slot:
        slot.hold(file, 0.5)
        (half,) = generate(base, [SHOT])
        slot.hold(file, 0.0)
        (none,) = generate(base, [SHOT])
        slot.hold(file, 1.0)
        slot.hold(file, 1.0)
        (again,) = generate(base, [SHOT])
        slot.hold(None, 1.0)
        (without,) = generate(base, [SHOT])
        slot.hold(file, 1.0)
    assert np.array_equal(again, with_lora)
    assert np.array_equal(without, before[0])
    (after,) = generate(base, [SHOT])
    assert with_lora.shape == (64, 64, 3)
    assert with_lora.dtype == np.uint8
    assert seen == [0]
    assert not np.array_equal(before[0], before[1])
    assert np.array_equal(before[0], after)
    assert np.array_equal(before[0], none)
    changes = [np.abs(rgb.astype(int) - before[0]).mean() for rgb in (half, with_lora)]
    assert 0 < changes[0] < changes[1]


def test_a_lora_of_another_base_is_refused(tmp_path, folder, fresh):
    run = run_in(tmp_path, folder, train_config(steps=2), architecture="sd15")
    file = tmp_path / "sd15.safetensors"
    file.write_bytes(run.data)
    base = fresh()
    (before,) = generate(base, [SHOT])
    with pytest.raises(InputError) as caught, loaded_lora(base, file):
        pass
    assert caught.value.reason == "lora-misfit"
    (after,) = generate(base, [SHOT])
    assert np.array_equal(before, after)


def test_pictures_that_two_threads_draw_at_once_are_those_of_one(fresh):
    base, shots = (
        fresh(),
        [replace(SHOT, seed=seed, prompt=f"jade {'woman ' * seed}") for seed in (1, 2)],
    )
    alone, pool = generate(base, shots), BasePool(base)

    def drawn(shot):
        with pool.lent() as lent:
            return generate(lent, [shot])[0]

    with ThreadPoolExecutor(2) as threads:
        together = list(threads.map(drawn, shots))
    assert np.array_equal(alone, together)
    with pool.lent() as one, pool.lent() as other:
        assert one.network is other.network
        for name, part in one.pipeline.components.items():
            own = name.startswith(("scheduler", "tokenizer"))
            assert (part is other.pipeline.components[name]) is not own, name


def test_as_many_threads_draw_as_there_are_cores_for(fresh, monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 4)
    monkeypatch.setattr("torch.get_num_threads", lambda: 2)
    base = fresh("sd15")
    assert [drawn_at_once(base, most) for most in (1, 2, 8)] == [1, 2, 2]
    monkeypatch.setattr("torch.get_num_threads", lambda: 8)
    assert drawn_at_once(base, 8) == 1
