"""likeness: photographs of one consenting adult become a dataset and a LoRA, reproducibly."""

import os

__version__ = "0.3.0"

# These libraries tell their makers of each use unless they are told not to, before they are imported.
for _name in ("ORT_DISABLE_TELEMETRY", "MLFLOW_DISABLE_TELEMETRY", "HF_HUB_DISABLE_TELEMETRY"):
    os.environ.setdefault(_name, "true")
