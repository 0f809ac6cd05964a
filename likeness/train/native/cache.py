"""Latents and text embeddings as items: computed once per pixels or caption, base and size, and then kept.

Shapes: B batch, N examples of a bucket, C latent channels, H and W height and width.
"""

import io
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial
from typing import BinaryIO, TypeVar

import numpy as np
import torch
from safetensors.torch import load, save  # pyright: ignore[reportUnknownVariableType]
from torch import Tensor

from likeness.dataset.layout import METADATA, changed
from likeness.diffusion.bases import Base, Condition
from likeness.digests import sha256_bytes
from likeness.errors import InputError
from likeness.lazy import Lazy, Spool, chosen, joined
from likeness.pipeline.batch import Made, Outcome, Work, run_batch
from likeness.store.items import Item, ItemStore, StoredFile
from likeness.store.keys import item_key
from likeness.train.config import DataConfig, TrainConfig
from likeness.train.native.batches import BucketTensors, Rows, TrainingSet
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
CPU = torch.device("cpu")
DIGEST_BYTES = 32

DEVICE_SHARE = 0.1
"""Of a GPU's free memory, what latents and prompts may take together: the step needs the rest. Of a larger set each batch is read
from the items' files and copied there: about 4 MB for four SDXL images."""

Input = TypeVar("Input")
Output = TypeVar("Output")


def fits(device: torch.device, size: int) -> bool:
    """Whether a set of so many bytes lies on the device: a GPU, of whose free memory it takes no more than its share."""
    return device.type == "cuda" and size <= DEVICE_SHARE * torch.cuda.mem_get_info(device)[0]


def encode_examples(
    examples: Sequence[TrainingExample],
    base: Base,
    cfg: TrainConfig,
    store: ItemStore,
    of_class: Callable[[str], str] | None = None,
) -> TrainingSet:
    """The examples' latents and embeddings, from the store where it has them; with what a caption is `of_class`, without
    the trigger, also those of such captions.

    Raises:
        InputError: the first image that cannot be encoded.
    """
    order = Order(examples, cfg.data, cfg.seed)
    bucket_of = {index: bucket for bucket, members in order.members.items() for index in members}
    shown = Lazy(len(examples), lambda index: captions(examples[index], cfg.data, cfg.seed))
    named = sorted({text for orders in shown for text in orders})
    texts = sorted({*named, *map(of_class, named)}) if of_class else named
    number = {text: index for index, text in enumerate(texts)}
    long = {text for text in named if base.token_count(text) > base.token_limit}
    asked = [*texts, ""] if cfg.data.caption_dropout else texts
    encoded = () if cfg.optimizer.text_encoders else asked
    with ThreadPoolExecutor(1) as encoder:
        works = joined(
            Lazy(len(examples), lambda index: latents_work(examples[index], bucket_of[index], base, encoder)),
            Lazy(len(encoded), lambda index: prompt_work(encoded[index], base, encoder)),
        )
        outcomes = run_batch("encode", works, store, workers=IN_WORK)
    stored = Stored(outcomes)
    place = base.device if fits(base.device, stored.size) else None
    prompts = stored[len(examples) :] if encoded else _in_a_file(map(save, map(base.tokenize, asked)), load)
    buckets: dict[Bucket, BucketTensors] = {}
    for bucket, members in order.members.items():
        images, of_bucket = chosen(stored, members), chosen(examples, members)
        numbers = [[number[text] for text in shown[index]] for index in members]
        weights = _weights(of_bucket, bucket, cfg.data)
        buckets[bucket] = BucketTensors(
            latents=_rows(_named("latents", images), place),
            time_ids=_stacked(_named("time_ids", images), place or CPU).to(base.dtype),
            texts=np.array(numbers),
            weights=None if weights is None else _rows(weights, place),
        )
    reused = sum(outcome.reused for outcome in outcomes)
    return TrainingSet(
        order=order,
        device=base.device,
        buckets=buckets,
        computed=len(outcomes) - reused,
        reused=reused,
        collate=base.collate,
        of_class={number[text]: number[of_class(text)] for text in named} if of_class else {},
        prompts=prompts
        if place is None
        else [{key: value.to(place) for key, value in prompt.items()} for prompt in prompts],
        cut=sum(any(text in long for text in orders) for orders in shown),
    )


def _weights(examples: Sequence[TrainingExample], bucket: Bucket, cfg: DataConfig) -> Sequence[Tensor] | None:
    """What the error in each cell of each example counts, in a file; None: all alike."""
    alike = cfg.prior_weight == 1 or not any(example.prior for example in examples)
    if cfg.face_weight == cfg.outside_weight == 1 and alike:
        return None
    # Torch sums a large image alone in another order than one among several, as which it counts.
    rows = min(len(examples), 2)
    return _in_a_file((_cells(example, bucket, cfg, rows).numpy() for example in examples), torch.tensor)


def _cells(example: TrainingExample, bucket: Bucket, cfg: DataConfig, rows: int) -> Tensor:
    cells = torch.tensor(face_cells(example, bucket)).unsqueeze(0)
    weights = cfg.outside_weight + (cfg.face_weight - cfg.outside_weight) * cells
    mean = torch.stack([weights] * rows).mean((2, 3), keepdim=True)[0]
    # Where no face is seen, all counts alike, also when nothing outside of it counts.
    within = torch.where(mean > 0, weights / mean, torch.ones_like(weights))
    return within * (cfg.prior_weight if example.prior else 1.0)


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


def _named(name: str, images: Sequence[Condition]) -> Sequence[Tensor]:
    return Lazy(len(images), lambda at: images[at][name])


def _rows(tensors: Sequence[Tensor], place: torch.device | None) -> Tensor | Rows:
    """Equal tensors as one on the device; without a place each is read when it is asked for."""
    return Rows(tensors) if place is None else _stacked(tensors, place)


def _stacked(tensors: Sequence[Tensor], place: torch.device) -> Tensor:
    """Copied there one after the other, so that nothing is in memory twice."""
    stacked = torch.empty((len(tensors), *tensors[0].shape), dtype=tensors[0].dtype, device=place)
    for number, tensor in enumerate(tensors):
        stacked[number] = tensor
    return stacked


class Stored(Lazy[Condition]):
    """The tensors of items, `size` bytes together; memory has a digest of each, by which its file is read when it is asked for: the
    store has just verified or written it, and replaces files whole.

    Raises:
        InputError: an item could not be made, or its file is gone since.
    """

    def __init__(self, outcomes: Sequence[Outcome]) -> None:
        self._digests, self._root, self.size = bytearray(), "", 0
        for outcome in outcomes:
            file = _made(outcome).files["tensors.safetensors"]
            self._root, self.size = file.root, self.size + file.size
            self._digests += bytes.fromhex(file.sha256)
        super().__init__(len(outcomes), self._read)

    def _read(self, number: int) -> Condition:
        digest = self._digests[DIGEST_BYTES * number :][:DIGEST_BYTES].hex()
        path = StoredFile(self._root, digest, 0).path
        try:
            # A mapped file takes four times as long, and one of the maps that a process may have.
            return load(path.read_bytes())
        except FileNotFoundError as error:
            raise InputError(
                f"{path} was there when training began, and is gone: its item was deleted meanwhile",
                reason="not-encoded",
                remedy="run `dvc repro` again: it is encoded again",
            ) from error


def _made(outcome: Outcome) -> Item:
    if outcome.item is not None:
        return outcome.item
    failure = outcome.failure
    raise InputError(
        f"{outcome.work.id} could not be encoded: {failure.detail if failure else 'no result'}",
        reason="not-encoded",
        remedy=failure.remedy if failure else "",
    )


def _in_a_file(given: Iterable[Input], read: Callable[[Input], Output]) -> Lazy[Output]:
    """What `read` makes of each of the given, which wait for it in a file."""
    written = Spool(given)
    return Lazy(len(written), lambda number: read(written[number]))
