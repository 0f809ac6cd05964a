"""Latents and text embeddings as items: computed once per pixels or caption, base and size, and then kept.

Shapes: N samples of a bucket, C latent channels, K tokens of a prompt, D and D2 widths of the text encoders.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch
from safetensors.torch import load, save
from torch import Tensor

from likeness.batch import Made, Outcome, Work, run_batch
from likeness.errors import InputError
from likeness.items import ItemStore, item_key, sha256_bytes
from likeness.lora.base import Base, Condition
from likeness.lora.config import TrainConfig
from likeness.lora.data import Batch, Bucket, Order, Sample, fit_image

LATENTS_VERSION = 1
PROMPT_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Shelf:
    """All samples of one bucket on the device: latents [N,C,H/8,W/8] float32 and condition [N,...]."""

    latents: Tensor
    condition: Condition


@dataclass(frozen=True, kw_only=True)
class TrainingSet:
    """What the loop reads, on the device; `computed` and `reused` count items, `cut` captions too long."""

    order: Order
    shelves: dict[Bucket, Shelf]
    computed: int
    reused: int
    cut: int

    def take(self, batch: Batch, members: Tensor) -> tuple[Tensor, Condition]:
        """Latents [B,C,H,W] and condition of a batch; `members` holds `batch.members` on the device."""
        shelf = self.shelves[batch.bucket]
        return shelf.latents[members], {key: value[members] for key, value in shelf.condition.items()}


def encode_samples(samples: Sequence[Sample], base: Base, cfg: TrainConfig, store: ItemStore) -> TrainingSet:
    """The samples' latents and embeddings, from the store where it has them.

    Raises:
        InputError: the first image that cannot be encoded.
    """
    order = Order(samples, cfg)
    buckets = {index: bucket for bucket, members in order.members.items() for index in members}
    texts = sorted({sample.text for sample in samples})
    works = [_latents_work(sample, buckets[index], base) for index, sample in enumerate(samples)]
    works += [_prompt_work(text, base) for text in texts]
    # One worker: the model's own threads or the GPU do the parallel work.
    outcomes = run_batch("encode", works, store, workers=1)
    tensors = [_tensors(outcome) for outcome in outcomes]
    prompts = dict(zip(texts, tensors[len(samples) :], strict=True))
    shelves: dict[Bucket, Shelf] = {}
    for bucket, members in order.members.items():
        parts = [tensors[index] | prompts[samples[index].text] for index in members]
        stacked = {key: torch.stack([part[key] for part in parts]).to(base.device) for key in parts[0]}
        latents = stacked.pop("latents")
        shelves[bucket] = Shelf(latents=latents, condition=_for_unet(stacked, base))
    reused = sum(outcome.reused for outcome in outcomes)
    cut = sum(base.token_count(text) > base.token_limit for text in texts)
    return TrainingSet(order=order, shelves=shelves, computed=len(outcomes) - reused, reused=reused, cut=cut)


def _latents_work(sample: Sample, bucket: Bucket, base: Base) -> Work:
    settings = {**base.identity, "bucket": list(bucket)} | ({"cut_px": sample.cut_px} if sample.cut_px else {})
    make = partial(_encode_image, sample, bucket, base)
    return Work(
        id=sample.path.stem,
        key=item_key("lora.latents", LATENTS_VERSION, settings, [sample.sha256]),
        make=make,
    )


def _encode_image(sample: Sample, bucket: Bucket, base: Base) -> Made:
    fitted = fit_image(sample.path, bucket, sample.cut_px)
    # SDXL's size condition: original height and width, top and left of the crop, target height and width
    # (Podell et al., arXiv 2307.01952, section 2.2).
    sizes = [sample.height, sample.width, fitted.crop_top, fitted.crop_left, bucket[1], bucket[0]]
    tensors = {"latents": base.encode_image(fitted.rgb).contiguous(), "time_ids": torch.tensor(sizes).float()}
    return Made(files={"tensors.safetensors": save(tensors)}, record={})


def _prompt_work(text: str, base: Base) -> Work:
    key = item_key("lora.prompt", PROMPT_VERSION, dict(base.identity), [sha256_bytes(text.encode())])
    return Work(id=f"caption {text[:24]!r}", key=key, make=partial(_encode_prompt, text, base))


def _encode_prompt(text: str, base: Base) -> Made:
    tensors = {key: value.contiguous() for key, value in base.encode_prompt(text).items()}
    return Made(files={"tensors.safetensors": save(tensors)}, record={})


def _tensors(outcome: Outcome) -> Condition:
    if outcome.item is None:
        failure = outcome.failure
        raise InputError(
            f"{outcome.work.id} could not be encoded: {failure.detail if failure else 'no result'}",
            reason="not-encoded", remedy=failure.remedy if failure else "",
        )  # fmt: skip
    return load(outcome.item.files["tensors.safetensors"].path.read_bytes())


def _for_unet(condition: Condition, base: Base) -> Condition:
    used = ("embeds", "pooled", "time_ids") if base.architecture == "sdxl" else ("embeds",)
    return {key: condition[key].to(base.dtype) for key in used}
