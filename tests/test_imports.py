"""Who only calls APIs never loads what training needs; and what one library costs, no stage pays unasked."""

import subprocess
import sys
from pathlib import Path

import pytest

from likeness.cli.app import COMMANDS as COMMAND_PLACES
from likeness.cli.app import GROUPS
from likeness.pipeline.stage import STAGES
from likeness.providers import TASKS, provider_class, registered

ROOT = Path(__file__).parent.parent
HEAVY = ("torch", "diffusers", "transformers", "peft", "mlflow")
# What the command and its network use, and no stage needs to start.
COMMANDS = ("dvc", "fsspec", "httpx", "hydra", "omegaconf", "rich", "typer")


def remote_providers() -> set[str]:
    """The modules of the providers that send their work elsewhere."""
    return {
        target.rpartition(".")[0]
        for task in TASKS
        for target in registered(task)
        if provider_class(task, target).remote
    }


def test_an_api_only_user_never_loads_what_training_needs():
    providers = remote_providers()
    assert len(providers) >= 4
    modules = [*(f"stages.{spec.name}" for spec in STAGES), *sorted(providers)]
    modules += ["likeness.publish", "likeness.plan"]
    assert loaded(f"import {', '.join(modules)}", HEAVY) == "[]"


def test_no_command_loads_what_training_needs_before_it_works():
    places = [*COMMAND_PLACES.values(), *(place for group in GROUPS.values() for place in group.values())]
    modules = sorted({f"likeness.cli.{place.rpartition('.')[0]}" for place in places})
    assert len(modules) > 15
    assert loaded(f"import {', '.join(modules)}", HEAVY) == "[]"


@pytest.mark.parametrize(
    ("program", "unneeded"),
    [
        ("import stages.train, stages.evaluate", (*HEAVY, "numpy", "PIL", "safetensors")),
        ("import stages.resize, stages.enhance, stages.caption", (*COMMANDS, "cv2", "onnxruntime", "ray", "likeness.cluster")),
        ("from stages.check import main; main()", (*COMMANDS, *HEAVY, "numpy", "PIL", "likeness.run", "concurrent.futures")),
        ("import likeness.cli.diff", (*HEAVY, "numpy", "PIL", "likeness.config", "likeness.evaluate")),
        ("import gallery.cli.serve, gallery.generation.comfyui", HEAVY),
    ],
    ids=["training", "pictures", "check", "diff", "a worker for ComfyUI"],
)  # fmt: skip
def test_a_program_starts_without_what_only_its_work_needs(program: str, unneeded: tuple[str, ...]):
    assert loaded(program, unneeded) == "[]"


def loaded(program: str, modules: tuple[str, ...]) -> str:
    """Which of the modules a process has loaded after a program."""
    program = f"import sys; {program}; print([name for name in {modules} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()
