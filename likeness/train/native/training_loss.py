"""The loss of one step on the training set, as a pure function of (seed, step, part)."""

from dataclasses import replace

import torch
from torch import Tensor

from likeness.diffusion.bases import Base
from likeness.diffusion.loss import offset_noise, weighted_loss
from likeness.diffusion.randomness import derive, generator
from likeness.lora.adapter import set_dropout, without_lora
from likeness.train.config import TrainConfig
from likeness.train.native.batches import Batch, TrainingSet


class Objective:
    """Draws batches, noise and timesteps on the device and runs the base on them."""

    def __init__(self, base: Base, data: TrainingSet, cfg: TrainConfig) -> None:
        self.base, self.data, self.cfg = base, data, cfg
        self.process = base.process(cfg.objective)
        self._random = torch.Generator(base.device)
        self._epoch = -1

    def training_loss(self, step: int, part: int) -> tuple[Tensor, Tensor | None]:
        """The weighted loss of one batch, and that of the outputs to be preserved, if any: scalars with their graphs."""
        drawn = self._batch(step * self.cfg.parts + part, words=(step, part))
        if self.cfg.lora.dropout:
            set_dropout(self.base, derive(self.cfg.seed, "lora-dropout", step, part))
        self._random.manual_seed(derive(self.cfg.seed, "noise", step, part))
        timesteps = self.process.draw(len(drawn.latents), self._random)
        objective, weights = self.cfg.objective, self.process.weights(timesteps)
        return self._loss(drawn, timesteps, weights, objective.noise_offset, objective.huber_c)

    @torch.no_grad()
    def probe(self) -> float:
        """Unweighted squared loss over fixed batches and noise, timesteps spread evenly, to compare states."""
        losses: list[Tensor] = []
        set_dropout(self.base, None)
        for draw in range(self.cfg.selection.probe_draws):
            drawn = self._batch(draw)
            count, device = len(drawn.latents), drawn.latents.device
            self._random.manual_seed(derive(self.cfg.seed, "probe", draw))
            spread = (torch.arange(count, device=device) + 0.5) / count + draw
            timesteps = self.process.at(spread / self.cfg.selection.probe_draws)
            plain = replace(drawn, weights=None)
            losses.append(self._loss(plain, timesteps, torch.ones_like(spread), 0.0, None)[0])
        return torch.stack(losses).mean().item()

    def _loss(
        self, drawn: Batch, timesteps: Tensor, weights: Tensor, offset: float, huber_c: float | None
    ) -> tuple[Tensor, Tensor | None]:
        latents = drawn.latents
        noise = torch.randn(latents.shape, generator=self._random, device=latents.device)
        noise = offset_noise(noise, offset, self._random)
        noisy = self.process.noisy(latents, noise, timesteps)
        wanted = self.process.target(latents, noise, timesteps)
        if drawn.of_class is None:
            predicted = self.base.predict(noisy, timesteps, self.base.encode_condition(drawn.condition))
            return weighted_loss(predicted, wanted, weights, huber_c=huber_c, cells=drawn.weights), None
        again = slice(self.cfg.preserved_images)
        with torch.no_grad(), without_lora(self.base):
            of_class = self.base.encode_condition(drawn.of_class)
            kept = self.base.predict(noisy[again], timesteps[again], of_class)
        # One pass for both: five images at once are faster than four and one.
        both = {name: torch.cat([value, drawn.of_class[name]]) for name, value in drawn.condition.items()}
        all_noisy, all_timesteps = (torch.cat([of, of[again]]) for of in (noisy, timesteps))
        predicted: Tensor = self.base.predict(all_noisy, all_timesteps, self.base.encode_condition(both))
        count = len(latents)
        return (
            weighted_loss(predicted[:count], wanted, weights, huber_c=huber_c, cells=drawn.weights),
            weighted_loss(predicted[count:], kept, weights[again], huber_c=huber_c),
        )

    def _batch(self, number: int, *, words: tuple[int, int] | None = None) -> Batch:
        """Batch `number` of the run; with the (step, part) it is trained in, its captions are drawn, too."""
        epoch, position = divmod(number, self.data.order.batches_per_epoch)
        if epoch != self._epoch:
            self._batches, self._epoch = self.data.order.epoch(epoch), epoch
            members = torch.tensor([batch.members for batch in self._batches])
            self._members = members.to(self.base.device)
        orders = None if words is None else self._orders(words)
        preserved = self.cfg.preserved_images if words is not None else 0
        return self.data.batch(self._batches[position], self._members[position], orders, preserved=preserved)

    def _orders(self, words: tuple[int, int]) -> list[int | None]:
        """Which of its captions each image of a batch shows, None for none. Drawn on the host, where the lengths of
        prompts are known without asking the device."""
        seed, cfg = self.cfg.seed, self.cfg.data
        size = (cfg.batch_size,)
        orders = torch.zeros(size, dtype=torch.long)
        if cfg.caption_shuffles > 1:
            random = generator("cpu", seed, "caption", *words)
            orders = torch.randint(cfg.caption_shuffles, size, generator=random)
        dropped = torch.zeros(size, dtype=torch.bool)
        if cfg.caption_dropout:
            random = generator("cpu", seed, "dropout", *words)
            dropped = torch.rand(size, generator=random) < cfg.caption_dropout
        return [None if drop else int(order) for order, drop in zip(orders, dropped, strict=True)]
