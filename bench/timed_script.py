"""Runs another trainer's script, as it is, and says at its end what its frozen encoders took of each step.

    python bench/timed_script.py SCRIPT ARGUMENTS...      prints one line of JSON when the script is done

It imports nothing of likeness, so that it also runs in an environment that has the script's packages only.
"""

import json
import runpy
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import torch
from diffusers import AutoencoderKL
from transformers import CLIPTextModel, CLIPTextModelWithProjection


def main(script: str, arguments: list[str]) -> None:
    """Time the encoders' outermost calls. On a GPU they only start there, and nothing is timed."""
    took: dict[str, list[float]] = {}
    if not torch.cuda.is_available():
        for owner, method in (
            (AutoencoderKL, "encode"),
            (CLIPTextModel, "forward"),
            (CLIPTextModelWithProjection, "forward"),
        ):
            setattr(owner, method, timed(owner.__name__, getattr(owner, method), took))
    sys.argv = [script, *arguments]
    runpy.run_path(script, run_name="__main__")
    row = (
        {"encoders_ms": round(sum(statistics.median(each) for each in took.values()) * 1e3, 1)}
        if took
        else {}
    )
    print("\n" + json.dumps(row | {"gpu_mb": round(torch.cuda.max_memory_allocated() / 1e6)}))


def timed(name: str, call: Callable[..., Any], took: dict[str, list[float]]) -> Callable[..., Any]:
    """The call, its seconds noted unless another noted one runs around it: one of CLIP's classes may use the other."""

    def run(*args: Any, **kwargs: Any) -> Any:
        if running:
            return call(*args, **kwargs)
        running.append(name)
        started = time.perf_counter()
        try:
            return call(*args, **kwargs)
        finally:
            took.setdefault(name, []).append(time.perf_counter() - started)
            running.pop()

    return run


running: list[str] = []

if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
