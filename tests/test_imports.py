"""Who only calls APIs never loads what training needs; and what one library costs, no stage pays unasked."""

import subprocess
import sys
from pathlib import Path

import yaml

from likeness.pipeline.stage import STAGES

ROOT = Path(__file__).parent.parent
HEAVY = ("torch", "diffusers", "transformers", "peft", "mlflow")
TENSORS = {"train", "evaluate"}


def remote_providers() -> set[str]:
    """The modules of the providers in conf/ that send their work elsewhere."""
    settings = (
        yaml.safe_load(path.read_text()).get("provider", {})
        for spec in STAGES
        if spec.provider
        for path in (ROOT / "conf" / spec.name).glob("*.yaml")
    )
    return {
        str(one["_target_"]).rpartition(".")[0] for one in settings if "base_url" in one and "_target_" in one
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
