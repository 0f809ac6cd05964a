"""What the weights file says of its training."""

from functools import partial

from likeness.lora.said import STARTED_FROM, VALIDATION
from likeness.report.collect import Collected
from likeness.report.metrics import Metric


def _said(key: str, got: Collected) -> str | None:
    said = got.training.metadata.get(key) or None
    # sd-scripts' form of a size is Python's: (1024, 1024)
    return said and said.strip("()").replace(", ", " x ") if key == "ss_resolution" else said


WORDS = {
    "architecture": "modelspec.architecture",
    "rank": "ss_network_dim",
    "alpha": "ss_network_alpha",
    "learning rate": "ss_learning_rate",
    "steps": "ss_steps",
    "seed": "ss_seed",
    "resolution, px": "ss_resolution",
    "images an epoch, repeats counted": "ss_num_train_images",
    "started from the file of sha256": STARTED_FROM,
    "kept for validation": VALIDATION,
}

METRICS = [Metric(words=words, place="training", read=partial(_said, key)) for words, key in WORDS.items()]
