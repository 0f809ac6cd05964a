"""Latents and text embeddings as items: computed once per pixels or caption, base and size, and then kept.

Shapes: B batch, N examples of a bucket, C latent channels, H and W height and width.
"""

import io
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial
from typing import BinaryIO, TypeVar

import numpy as np
import torch
from safetensors.torch import load_file, save  # pyright: ignore[reportUnknownVariableType]
from torch import Tensor

from likeness.aligned import align_tensors
from likeness.dataset.layout import METADATA, changed
from likeness.diffusion.bases import Base, Condition
from likeness.digests import sha256_bytes
from likeness.errors import InputError
from likeness.pipeline.batch import Made, Outcome, Work, run_batch
from likeness.store.items import ItemStore
from likeness.store.keys import item_key
from likeness.train.config import DataConfig, TrainConfig
from likeness.train.native.batches import BucketTensors, TrainingSet
from likeness.train.native.data import (
    Bucket,
    Order,
    TrainingExample,
    captions,
    face_cells,
    fit_image,
)

LATENTS_VERSION = 1
PROMPT_VERSION = 1
# Items under way: while the base encodes one, the next are decoded and scaled, and the one before is written.
IN_WORK = 3

DEVICE_SHARE = 0.1
"""Of a GPU's free memory, what latents and prompts may take together: the step needs the rest. A larger set stays in the
machine's memory, and each batch is copied: about 4 MB for four SDXL images."""

Input = TypeVar("Input")
Output = TypeVar("Output")


def home(device: torch.device, size: int) -> torch.device:
    """Where a set of so many bytes lies: on the device, unless it would take more than its share of a GPU's free memory."""
    if device.type != "cuda":
        return device
    free, _ = torch.cuda.mem_get_info(device)
    return device if size <= DEVICE_SHARE * free else torch.device("cpu")


def encode_examples(
    examples: Sequence[TrainingExample], base: Base, cfg: TrainConfig, store: ItemStore,
    of_class: Callable[[str], str] | None = None,
) -> TrainingSet:  # fmt: skip
    """The examples' latents and embeddings, from the store where it has them; with what a caption is `of_class`, without
    the trigger, also those of such captions.

    Raises:
        InputError: the first image that cannot be encoded.
    """
    order = Order(examples, cfg.data, cfg.seed)
    bucket_of = {index: bucket for bucket, members in order.members.items() for index in members}
    shown = [captions(example, cfg.data, cfg.seed) for example in examples]
    named = sorted({text for orders in shown for text in orders})
    texts = sorted({*named, *map(of_class, named)}) if of_class else named
    number = {text: index for index, text in enumerate(texts)}
    long = {text for text in named if base.token_count(text) > base.token_limit}
    asked = [*texts, ""] if cfg.data.caption_dropout else texts
    with ThreadPoolExecutor(1) as encoder:
        works = [latents_work(one, bucket_of[index], base, encoder) for index, one in enumerate(examples)]
        if not cfg.optimizer.text_encoders:
            works += [prompt_work(text, base, encoder) for text in asked]
        outcomes = run_batch("encode", works, store, workers=IN_WORK)
    files = (file for outcome in outcomes if outcome.item for file in outcome.item.files.values())
    place = home(base.device, sum(file.size for file in files))
    read = outcomes[len(examples) :]
    prompts = map(_tensors, read) if read else map(base.tokenize, asked)
    buckets: dict[Bucket, BucketTensors] = {}
    for bucket, members in order.members.items():
        images = _stacked([outcomes[index] for index in members], place)
        chosen = [examples[index] for index in members]
        buckets[bucket] = BucketTensors(
            latents=images["latents"],
            time_ids=images["time_ids"].to(base.dtype),
            texts=[[number[text] for text in shown[index]] for index in members],
            weights=_weights(chosen, bucket, cfg.data, place),
        )
    reused = sum(outcome.reused for outcome in outcomes)
    return TrainingSet(
        order=order, device=base.device, buckets=buckets, computed=len(outcomes) - reused, reused=reused, collate=base.collate,
        of_class={number[text]: number[of_class(text)] for text in named} if of_class else {},
        prompts=[{key: value.to(place) for key, value in prompt.items()} for prompt in prompts],
        cut=sum(any(text in long for text in orders) for orders in shown),
    )  # fmt: skip


def _weights(
    examples: Sequence[TrainingExample], bucket: Bucket, cfg: DataConfig, device: torch.device
) -> Tensor | None:
    images = torch.tensor([cfg.prior_weight if example.prior else 1.0 for example in examples])
    if cfg.face_weight == cfg.outside_weight == 1 and bool((images == 1).all()):
        return None
    cells = torch.tensor(np.stack([face_cells(example, bucket) for example in examples])).unsqueeze(1)
    weights = cfg.outside_weight + (cfg.face_weight - cfg.outside_weight) * cells
    mean = weights.mean((2, 3), keepdim=True)
    # Where no face is seen, all counts alike, also when nothing outside of it counts.
    within = torch.where(mean > 0, weights / mean, torch.ones_like(weights))
    return (within * images.view(-1, 1, 1, 1)).to(device)


def latents_work(
    example: TrainingExample, bucket: Bucket, base: Base, encoder: Executor | None = None
) -> Work:
    """The item that is a picture's latents and size conditions; `encoder` is the thread that runs the base."""
    cut = {"cut_px": example.cut_px} if example.cut_px else {}
    settings = {**base.encoders, "bucket": list(bucket), **cut}
    make = partial(_encode_image, example, bucket, base, encoder)
    key = item_key("lora.latents", LATENTS_VERSION, settings, [example.sha256])
    return Work(id=example.path.stem, key=key, make=make)


def picture_file(example: TrainingExample) -> BinaryIO:
    """The image as metadata.jsonl names it, also when another file lies there by now."""
    data = example.path.read_bytes()
    if sha256_bytes(data) != example.sha256:
        raise changed(f"{example.path} is not what {METADATA} records")
    return io.BytesIO(data)


def _encode_image(example: TrainingExample, bucket: Bucket, base: Base, encoder: Executor | None) -> Made:
    fitted = fit_image(picture_file(example), bucket, example.cut_px)
    # SDXL's size condition: original height and width, top and left of the crop, target height and width
    # (Podell et al., arXiv 2307.01952, section 2.2).
    sizes = [example.height, example.width, fitted.crop_top, fitted.crop_left, bucket[1], bucket[0]]
    latents = _run(encoder, base.encode_image, fitted.rgb).contiguous()
    tensors = {"latents": latents, "time_ids": torch.tensor(sizes).float()}
    return Made(files={"tensors.safetensors": save(tensors)}, record={})


def prompt_work(text: str, base: Base, encoder: Executor | None = None) -> Work:
    """The item that is a prompt's condition; `encoder` is the thread that runs the base."""
    key = item_key("lora.prompt", PROMPT_VERSION, dict(base.encoders), [sha256_bytes(text.encode())])
    return Work(id=f"caption {text[:24]!r}", key=key, make=partial(_encode_prompt, text, base, encoder))


def _encode_prompt(text: str, base: Base, encoder: Executor | None) -> Made:
    condition = _run(encoder, base.encode_prompt, text)
    tensors = {key: value.contiguous() for key, value in condition.items()}
    return Made(files={"tensors.safetensors": save(tensors)}, record={})


def _run(encoder: Executor | None, encode: Callable[[Input], Output], value: Input) -> Output:
    return encode(value) if encoder is None else encoder.submit(encode, value).result()


def _stacked(outcomes: Sequence[Outcome], device: torch.device) -> Condition:
    """The items' tensors with the item's number in front: copied there one item after the other, so that nothing is in
    memory twice."""
    stacked: Condition = {}
    for number, outcome in enumerate(outcomes):
        for name, tensor in _tensors(outcome).items():
            if number == 0:
                stacked[name] = torch.empty((len(outcomes), *tensor.shape), dtype=tensor.dtype, device=device)
            stacked[name][number] = tensor
    return stacked


def _tensors(outcome: Outcome) -> Condition:
    """The item's tensors. Some are mapped from its file: the store has just verified or written it, and replaces files
    whole."""
    if outcome.item is None:
        failure = outcome.failure
        raise InputError(
            f"{outcome.work.id} could not be encoded: {failure.detail if failure else 'no result'}",
            reason="not-encoded", remedy=failure.remedy if failure else "",
        )  # fmt: skip
    return align_tensors(load_file(outcome.item.files["tensors.safetensors"].path))
