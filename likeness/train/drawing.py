"""The settings with which training draws samples: evaluate's, if it draws at all.

conf/train/default.yaml takes them over by `${drawing:}` (hydra_plugins/). They are train's own then: where nothing is drawn
while training, a new prompt of evaluate's trains nothing anew.
"""

from collections.abc import Mapping
from typing import Any

from likeness.config import Config
from likeness.errors import ConfigError
from likeness.settings import Section

# What the pictures of the class need (train.data.prior_images), and what samples need beside (sample_every_steps).
CLASS_PICTURES = ("negative_prompt", "steps", "guidance_scale", "review_explicit", "max_explicit")
SAMPLES = ("prompts", "seeds", "side_px", "jpeg_quality")


def drawing(
    sample_every_steps: int | None, prior_images: int, evaluate: Mapping[str, Any], ingest: Mapping[str, Any]
) -> dict[str, Any] | None:
    """The section `train.drawing` as conf/ composes it; None where nothing is drawn."""
    drawn, every = {**ingest, **evaluate}, (*CLASS_PICTURES, *SAMPLES)
    needed = every if sample_every_steps else CLASS_PICTURES if prior_images else ()
    return {name: drawn[name] if name in needed else None for name in every} if needed else None


def drawn_as_train_says(cfg: Config) -> Config:
    """The settings with those of `train.drawing` in evaluate's and ingest's places.

    Raises:
        ConfigError: there are none.
    """
    own = cfg.train.drawing
    if own is None or (own.prompts is None and cfg.train.selection.sample_every_steps):
        raise ConfigError(
            "train.drawing does not say what is drawn with while training",
            remedy="run `make params`",
            reason="no-drawing",
        )
    names = CLASS_PICTURES if own.prompts is None else (*CLASS_PICTURES, *SAMPLES)

    def filled(section: Section) -> Section:
        known = [name for name in names if name in type(section).model_fields]
        return section.model_copy(update={name: getattr(own, name) for name in known})

    return cfg.model_copy(update={"evaluate": filled(cfg.evaluate), "ingest": filled(cfg.ingest)})
