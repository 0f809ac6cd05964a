"""What the programs of bench/ measure beside a plain loop does what the loop does, and no more."""

from bench.settings import settings


def test_a_step_that_is_measured_learns_from_captions_as_they_are_and_keeps_nothing_else():
    cfg, _ = settings("train.schedule.steps=30")
    assert cfg.preserved_images == 0
    assert cfg.optimizer.text_encoder_lr is None
    assert cfg.data.caption_dropout == 0
    assert cfg.schedule.steps == 30
