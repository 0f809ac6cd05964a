"""The loss of one step on the training set, as a pure function of (seed, step, part)."""

import torch
from torch import Tensor

from likeness.lora.base import Base, Condition
from likeness.lora.cache import TrainingSet
from likeness.lora.config import TrainConfig
from likeness.lora.loss import noisy_latents, offset_noise, target, timestep_weights, weighted_loss
from likeness.lora.randomness import derive


class Objective:
    """Draws batches, noise and timesteps on the device and runs the base on them."""

    def __init__(self, base: Base, data: TrainingSet, cfg: TrainConfig) -> None:
        self.base, self.data, self.cfg = base, data, cfg
        self.alphas = base.alphas_cumprod()
        self.weights = timestep_weights(self.alphas, cfg.weighting, base.prediction, gamma=cfg.min_snr_gamma)
        self._random = torch.Generator(base.device)
        self._epoch = -1

    def training_loss(self, step: int, part: int) -> Tensor:
        """The weighted loss of one batch, a scalar with its graph."""
        latents, condition = self._batch(step * self.cfg.gradient_accumulation + part)
        self._random.manual_seed(derive(self.cfg.seed, "noise", step, part))
        timesteps = torch.randint(
            len(self.alphas), latents.shape[:1], generator=self._random, device=latents.device
        )
        weights, offset = self.weights[timesteps], self.cfg.noise_offset
        return self._loss(latents, condition, timesteps, weights, offset, self.cfg.huber_c)

    @torch.no_grad()
    def probe(self) -> float:
        """Unweighted squared loss over fixed batches and noise, timesteps spread evenly, to compare states."""
        losses: list[Tensor] = []
        for draw in range(self.cfg.probe_draws):
            latents, condition = self._batch(draw)
            count = len(latents)
            self._random.manual_seed(derive(self.cfg.seed, "probe", draw))
            spread = (torch.arange(count, device=latents.device) + 0.5) / count + draw
            timesteps = (spread / self.cfg.probe_draws * len(self.alphas)).long()
            losses.append(self._loss(latents, condition, timesteps, torch.ones_like(spread), 0.0, None))
        return torch.stack(losses).mean().item()

    def _loss(
        self,
        latents: Tensor,
        condition: Condition,
        timesteps: Tensor,
        weights: Tensor,
        offset: float,
        huber_c: float | None,
    ) -> Tensor:
        noise = torch.randn(latents.shape, generator=self._random, device=latents.device)
        noise = offset_noise(noise, offset, self._random)
        noisy = noisy_latents(latents, noise, self.alphas, timesteps)
        wanted = target(latents, noise, self.alphas, timesteps, self.base.prediction)
        return weighted_loss(self.base.predict(noisy, timesteps, condition), wanted, weights, huber_c=huber_c)

    def _batch(self, number: int) -> tuple[Tensor, Condition]:
        epoch, position = divmod(number, self.data.order.batches_per_epoch)
        if epoch != self._epoch:
            self._batches, self._epoch = self.data.order.epoch(epoch), epoch
            members = torch.tensor([batch.members for batch in self._batches])
            self._members = members.to(self.base.device)
        return self.data.take(self._batches[position], self._members[position])
