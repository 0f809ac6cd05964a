"""Who only calls APIs never loads what training needs; and what one library costs, no stage pays unasked."""

import os
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


# It runs at each `dvc repro`.
NOT_OF_CHECK = (
    "numpy", "PIL", "safetensors", "cryptography.x509", "concurrent.futures", "likeness.run", "likeness.purchases.buy",
    "likeness.store.items", "likeness.lora.signature", "likeness.networks",
)  # fmt: skip


@pytest.mark.parametrize(
    ("program", "unneeded"),
    [
        ("import stages.train, stages.evaluate", (*HEAVY, "numpy", "PIL", "safetensors")),
        ("import stages.resize, stages.enhance, stages.caption", (*COMMANDS, "cv2", "onnxruntime", "ray", "likeness.cluster")),
        ("from stages.check import main; main()", (*COMMANDS, *HEAVY, *NOT_OF_CHECK)),
        ("import likeness.cli.diff", (*HEAVY, "numpy", "PIL", "likeness.config", "likeness.evaluate")),
        ("import gallery.cli.serve, gallery.generation.comfyui", HEAVY),
    ],
    ids=["training", "pictures", "check", "diff", "a worker for ComfyUI"],
)  # fmt: skip
def test_a_program_starts_without_what_only_its_work_needs(program: str, unneeded: tuple[str, ...]):
    assert loaded(program, unneeded) == "[]"


def test_no_library_tells_its_makers_that_it_is_used(tmp_path: Path) -> None:
    """onnxruntime 1.32 gives the machine a number at its import, and keeps events to be sent in the user's
    folder; MLflow 3 reports, too."""
    shown = ", ".join(f"os.environ['{name}_DISABLE_TELEMETRY']" for name in ("MLFLOW", "HF_HUB"))
    program = f"import likeness.faces.session, os; print({shown})"
    kept = {name: text for name, text in os.environ.items() if not name.endswith("DISABLE_TELEMETRY")}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=kept | {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == "true true\n"
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def loaded(program: str, modules: tuple[str, ...]) -> str:
    """Which of the modules a process has loaded after a program."""
    program = f"import sys; {program}; print([name for name in {modules} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()
