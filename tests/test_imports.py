"""Who only calls APIs never loads what training needs; and what one library costs, no stage pays unasked."""

import subprocess
import sys
from pathlib import Path

from likeness.pipeline.stage import STAGES
from likeness.providers import TASKS, provider_class, registered

ROOT = Path(__file__).parent.parent
HEAVY = ("torch", "diffusers", "transformers", "peft", "mlflow")
TENSORS = {"train", "evaluate"}


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
    modules = [*(f"stages.{spec.name}" for spec in STAGES if spec.name not in TENSORS), *sorted(providers)]
    modules += ["likeness.publish", "likeness.plan"]
    program = f"import sys, {', '.join(modules)}; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
