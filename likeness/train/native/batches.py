"""What the loop reads: latents by bucket, prompts, and the batches of both.

Shapes: B batch, N examples of a bucket, C latent channels, H and W height and width."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from likeness.diffusion.bases import Condition
from likeness.train.native.data import BatchMembers, Bucket, Order


@dataclass(frozen=True)
class Rows:
    """What a tensor [N,...] of equal tensors gives, where they are read only when a batch asks for them."""

    tensors: Sequence[Tensor]

    def __getitem__(self, members: Sequence[int]) -> Tensor:
        return torch.stack([self.tensors[number] for number in members])


@dataclass(frozen=True, kw_only=True)
class BucketTensors:
    """All examples of one bucket: latents [N,C,H/8,W/8] float32, size conditions [N,6], and what the error
    in each cell counts [N,1,H/8,W/8], unless all count alike: its mean is 1, or `prior_weight` in pictures of the class.
    `texts` [N,K] numbers each example's captions."""

    latents: Tensor | Rows
    time_ids: Tensor
    texts: NDArray[np.int64]
    weights: Tensor | Rows | None


@dataclass(frozen=True, kw_only=True)
class Batch:
    """What one batch of B shows: latents [B,C,H/8,W/8], condition [B,...] and weights [B,1,H/8,W/8]; `of_class`
    [P,...] is the condition of its first images without the trigger, where outputs are preserved."""

    latents: Tensor
    condition: Condition
    weights: Tensor | None
    of_class: Condition | None = None


@dataclass(frozen=True, kw_only=True)
class TrainingSet:
    """What the loop reads: its batches come to `device`, whether the set lies there or in files (`fits`). `computed` and `reused`
    count items, `cut` captions too long.

    `prompts` holds each text once, read or, where the text encoders learn, as tokens; the last is the empty one, where
    captions are dropped. `collate` makes the condition of a batch of them. `of_class` has the number of a text without the
    trigger by that of the text, where outputs are preserved.
    """

    order: Order
    device: torch.device
    buckets: dict[Bucket, BucketTensors]
    prompts: Sequence[Condition]
    collate: Callable[[Sequence[Condition]], Condition]
    of_class: Mapping[int, int] = field(default_factory=dict[int, int])
    computed: int
    reused: int
    cut: int

    def batch(
        self,
        batch: BatchMembers,
        members: Tensor,
        orders: Sequence[int | None] | None = None,
        preserved: int = 0,
    ) -> Batch:
        """A batch; `members` [B] holds `batch.members` on the device, `orders` says which of its captions each shows
        (the first), or None for none. Of so many the base's output is `preserved`."""
        tensors = self.buckets[batch.bucket]
        if tensors.time_ids.device != members.device:  # where they lie, their numbers are looked up
            members = torch.tensor(batch.members, device=tensors.time_ids.device)
        shown = list(zip(batch.members, orders or [0] * len(batch.members), strict=True))
        texts = [-1 if order is None else int(tensors.texts[member, order]) for member, order in shown]
        of_class = [
            self.of_class[int(tensors.texts[member, order or 0])] for member, order in shown[:preserved]
        ]

        def rows(of: Tensor | Rows) -> Tensor:
            return (of[batch.members] if isinstance(of, Rows) else of[members]).to(self.device)

        return Batch(
            latents=rows(tensors.latents),
            condition=self._condition(texts, tensors.time_ids[members]),
            weights=None if tensors.weights is None else rows(tensors.weights),
            of_class=self._condition(of_class, tensors.time_ids[members[:preserved]]) if preserved else None,
        )

    def _condition(self, texts: Sequence[int], time_ids: Tensor) -> Condition:
        condition = {**self.collate([self.prompts[text] for text in texts]), "time_ids": time_ids}
        return {name: value.to(self.device) for name, value in condition.items()}

    def first(self) -> Batch:
        """A batch of the first example alone."""
        return self.batch(BatchMembers(next(iter(self.buckets)), (0,)), torch.tensor([0]))
