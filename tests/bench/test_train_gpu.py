"""The GPU's benchmark at toy size: it must still run when there is a GPU at last."""

from dataclasses import replace

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from bench import train_gpu
from bench.train_gpu import Case, build, flops, measure, random_set, train_config
from likeness.lora.adapter import add_lora

CASE = Case(base="sdxl", toy=True, side_px=64, batch=1, compiled=False, checkpointing=True,
            overrides=("train.lora.rank=4",))  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("base", ["sdxl", "flux2", "zimage"])
def test_a_case_trains_and_is_timed(base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train_gpu, "WINDOW", 1)
    found = measure(replace(CASE, base=base))
    assert found is not None
    assert min(found.values()) > 0


@pytest.mark.slow
def test_arithmetic_is_what_a_real_step_does() -> None:
    cfg = train_config(CASE)
    base = build(CASE, torch.device("cpu"))
    add_lora(base, cfg.lora, seed=cfg.seed)
    drawn = random_set(base, cfg).first()
    # The counter does not know the CPU's fused attention.
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        base.predict(drawn.latents, torch.zeros(1, dtype=torch.long), drawn.condition).sum().backward()
    assert flops(CASE) == counter.get_total_flops()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_it_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["bench.train_gpu"])
    with pytest.raises(SystemExit) as ended:
        train_gpu.main()
    assert ended.value.code == 2
    assert "--toy" in capsys.readouterr().err
