"""One training, from the examples to a file's bytes: composed here for the stage, and for bench and tests."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from torch import Tensor

from likeness.diffusion.bases import Base
from likeness.lazy import joined
from likeness.lora.export import DTYPES, kohya_tensors
from likeness.lora.safetensors_io import weights_bytes
from likeness.lora.said import STARTED_FROM, VALIDATION
from likeness.store.items import ItemStore
from likeness.train.config import TrainConfig
from likeness.train.native.batches import TrainingSet
from likeness.train.native.cache import encode_examples
from likeness.train.native.checkpoint import RunFolder
from likeness.train.native.data import Order, TrainingExample, dataset_digest, resolve_steps
from likeness.train.native.distributed import Ranks
from likeness.train.native.loop import LoopResult, run_key, train
from likeness.train.native.metadata import Facts, describe
from likeness.train.native.prior import class_text
from likeness.train.native.selection import Evaluator
from likeness.train.native.split import Split, split
from likeness.train.native.start import Start
from likeness.train.native.watch import OnWindow


@dataclass(frozen=True, kw_only=True)
class Job:
    """What is trained on what: settings with their steps resolved, the examples that are learned and, on the device, they
    and those that are kept for validation; `key` names the run."""

    base: Base
    cfg: TrainConfig
    facts: Facts
    examples: Sequence[TrainingExample]
    data: TrainingSet
    validation: TrainingSet | None
    split: Split
    start: Start | None
    key: str

    def train(
        self,
        folder: RunFolder,
        *,
        ranks: Ranks | None = None,
        evaluators: Sequence[Evaluator] = (),
        on_window: OnWindow = lambda step, values: None,
    ) -> LoopResult:
        """See `loop.train`; intermediate weights go to the run's folder."""
        return train(
            self.base,
            self.data,
            self.cfg,
            folder,
            ranks=ranks,
            start=self.start,
            held_out=self.validation,
            evaluators=evaluators,
            keep_weights=lambda step, lora: folder.save_weights(step, self.file(lora, step)),
            on_window=on_window,
        )

    def file(self, lora: dict[str, Tensor], steps: int) -> bytes:
        """The LoRA after so many steps as Kohya-key safetensors bytes with its metadata."""
        dtype = DTYPES[self.cfg.checkpoint.weights_dtype]
        tensors = kohya_tensors(self.base, lora, alpha=self.cfg.lora.file_alpha, dtype=dtype)
        more = {VALIDATION: self.split.words, STARTED_FROM: self.start.sha256 if self.start else ""}
        told = describe(tensors, self.facts, self.cfg, self.examples, steps=steps, more=more)
        return weights_bytes(tensors, told)


def prepare(
    base: Base,
    every: Sequence[TrainingExample],
    cfg: TrainConfig,
    items: ItemStore,
    facts: Facts,
    *,
    draw_prior: Callable[[Sequence[TrainingExample]], list[TrainingExample]] = lambda examples: [],
    start: Start | None = None,
    digests: Sequence[str] = (),
) -> Job:
    """Split the examples, draw pictures of the class, say what will be done, and encode; `digests` name what else decides
    the result, beside the file to `start` from.

    Raises:
        ConfigError, InputError: nothing could be learned.
    """
    parted = split(every, cfg.selection.validation_share)
    held_out = parted.held_out
    prior = draw_prior(parted.trained)
    examples = joined(parted.trained, prior)
    cfg = resolve_steps(examples, cfg)
    sys.stderr.write(plan(examples, cfg) + parted.told())
    of_class = partial(class_text, trigger=facts.trigger, class_word=facts.class_word)
    data = encode_examples(examples, base, cfg, items, of_class if cfg.preserved_images else None)
    if data.cut:
        sys.stderr.write(
            f"train: the captions of {data.cut} images exceed {base.token_limit} tokens; their ends are not read\n"
        )
    return Job(
        base=base,
        cfg=cfg,
        facts=facts,
        examples=examples,
        data=data,
        validation=encode_examples(held_out, base, cfg, items) if held_out else None,
        split=parted,
        start=start,
        key=run_key(
            base,
            cfg,
            dataset_digest(joined(every, prior)),
            *([dataset_digest(held_out)] if held_out else []),
            *([start.sha256] if start else []),
            *digests,
        ),
    )


def plan(examples: Sequence[TrainingExample], cfg: TrainConfig) -> str:
    """What is about to happen, in numbers a person can check before it costs time."""
    order = Order(examples, cfg.data, cfg.seed)
    shown = sum(example.repeats for example in examples)
    steps_per_epoch = order.batches_per_epoch / cfg.parts
    prior = sum(example.prior for example in examples)
    drawn = f", {prior} of them of the class, drawn by the base" if prior else ""
    buckets = ", ".join(f"{w}x{h}: {len(members)}" for (w, h), members in order.members.items())
    return (
        f"train: {len(examples)} images ({buckets}){drawn}, with repeats {shown} an epoch\n"
        f"train: {steps_per_epoch:g} steps an epoch of {cfg.data.batch_size} x {cfg.parts} images"
        f", {cfg.schedule.steps} steps in all ({cfg.schedule.steps / steps_per_epoch:.1f} epochs)\n"
    )
