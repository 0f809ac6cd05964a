"""Train the persona's LoRA on the dataset, prove that it loads, and only then give it its name.

Reads models/PERSONA/lora_training/ and the base model of conf/base/.
With train.selection.sample_every_steps also data/PERSONA/ingested/, whose held-out photographs the samples are compared with.
Writes models/PERSONA/PERSONA-v1.safetensors and models/PERSONA/training/{loss.csv,metrics.json,checkpoints/,samples/}.
"""

import sys

from likeness.run import Run
from likeness.stage_program import run
from likeness.train.trainer import build_trainer


def main(run: Run) -> None:
    """Train with the trainer of `train.trainer` on what passes training's door."""
    from likeness.train.door import admit  # here: it loads the models that measure faces

    settings = run.config.train
    admit(run)
    result = build_trainer(settings).train(run)
    if result is not None:
        chosen = "" if settings.selection.keep_best is None else f", of step {result.step}"
        sys.stderr.write(
            f"train: {run.paths.weights}{chosen}, changes {result.check.layers} layers, loaded and checked\n"
        )


if __name__ == "__main__":
    run("train", main)
