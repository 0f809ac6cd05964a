"""How well the LoRA does its work: identity, effect, and the pictures to judge by eye."""

import re
from collections import Counter
from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from likeness.diffusion.config import IpAdapterConfig
from likeness.safety.gates import Subject, judge
from likeness.setting_problems import as_yaml
from likeness.settings import Section, Seed

Arm = Literal["base", "reference", "lora", "both"]
"""Ways to draw the person: the base alone, after a picture of the person, with the LoRA, with both."""

PLACES, BRACES = re.compile(r"\{(?:trigger|class_word)\}"), re.compile(r"[{}][^{}]{0,40}")
"""Where a prompt has the persona's words, and what else may not stand in it."""


class EvaluateConfig(Section):
    """Section `evaluate` of params.yaml; conf/evaluate/default.yaml explains each key."""

    prompts: tuple[str, ...] = Field(min_length=1)
    negative_prompt: str
    seeds: tuple[Seed, ...] = Field(min_length=1)
    steps: int = Field(ge=1)
    guidance_scale: float = Field(ge=0)
    lora_scale: float = Field(ge=0)
    strengths: tuple[Annotated[float, Field(ge=0, le=2)], ...]
    arms: tuple[Arm, ...]
    ip_adapter: IpAdapterConfig | None
    checkpoints: bool
    side_px: int | None = Field(ge=32, multiple_of=8)
    jpeg_quality: int = Field(ge=50, le=100)
    checkpoint_seeds: int = Field(ge=1)
    yaw_edges_deg: tuple[float, ...]
    face_edges_px: tuple[float, ...]
    false_accept_rate: float = Field(gt=0, lt=0.5)
    max_failure_ratio: float = Field(ge=0, le=1)
    cell_px: int = Field(ge=64)

    @property
    def reference_arms(self) -> tuple[Arm, ...]:
        """Those of the arms that are drawn after a picture of the person."""
        return tuple(arm for arm in self.arms if arm in ("reference", "both"))

    @property
    def plotted_strengths(self) -> list[float]:
        """The strengths of the XY plot, rising: that of the samples is one of them."""
        return sorted({self.lora_scale, *self.strengths})

    def drawn_prompts(self, trigger: str, class_word: str) -> list[str]:
        """The prompts with the persona's words in their places."""
        words = {"{trigger}": trigger, "{class_word}": class_word}
        return [PLACES.sub(lambda found: words[found[0]], prompt) for prompt in self.prompts]

    def named_prompts(self, trigger: str, class_word: str) -> list[str]:
        """Those of the drawn prompts that name the person."""
        drawn = self.drawn_prompts(trigger, class_word)
        return [words for prompt, words in zip(self.prompts, drawn, strict=True) if "{trigger}" in prompt]

    def twin_prompts(self, trigger: str, class_word: str) -> list[tuple[str, str]]:
        """The drawn prompts that stand there twice, with the name and with "a" instead."""
        drawn = dict(zip(self.prompts, self.drawn_prompts(trigger, class_word), strict=True))
        return [
            (words, drawn[twin])
            for prompt, words in drawn.items()
            if "{trigger}" in prompt and (twin := prompt.replace("{trigger}", "a")) in drawn
        ]

    def refused_words(self, name: str, trigger: str, class_word: str) -> str | None:
        """What a gate says of the words that would be drawn with a persona's, behind the setting's name; None where all pass."""
        # A picture is guided away from the negative prompt: what is refused elsewhere may stand there, clothes may not.
        if refusal := judge("negative prompt", Subject(text=self.negative_prompt)):
            return f"negative_prompt: {self.negative_prompt!r} {refusal.detail}: {refusal.remedy}"
        for prompt in (name, *self.drawn_prompts(trigger, class_word)):
            if refusal := judge("prompt", Subject(text=prompt)):
                return f"prompts: {prompt!r} {refusal.detail}: {refusal.remedy}"
        return None

    @model_validator(mode="after")
    def _can_be_drawn(self) -> Self:
        for prompt in self.prompts:
            # A field of Python's could be a letter of the word, or a gigabyte wide.
            if wrong := BRACES.search(PLACES.sub("", prompt)):
                raise ValueError(
                    f"prompts: in braces {prompt!r} may hold trigger or class_word only, and {wrong.group()!r} stands there"
                )
        for name, drawn in (("prompts", self.drawn_prompts("trigger", "class")), ("seeds", self.seeds)):
            if twice := [one for one, count in Counter(drawn).items() if count > 1]:
                raise ValueError(f"{name}: {twice[0]!r} is named twice")
        if not {"base", "lora"} <= {*self.arms} or len({*self.arms}) < len(self.arms):
            raise ValueError(
                f"arms: {as_yaml(self.arms)} stands there; expected: base and lora, which everything is measured by, and, "
                "where wanted, reference and both"
            )
        edges = (0.0, *self.yaw_edges_deg, 90.0)
        if any(low >= high for low, high in pairwise(edges)):
            raise ValueError(f"yaw_edges_deg: {as_yaml(self.yaw_edges_deg)} must rise, between 0 and 90")
        if any(low >= high for low, high in pairwise((0.0, *self.face_edges_px))):
            raise ValueError(f"face_edges_px: {as_yaml(self.face_edges_px)} must rise from above 0")
        return self


class ChoiceConfig(Section):
    """Section `choice` of params.yaml; conf/choice/default.yaml explains each key."""

    embedder: Literal["sface", "resnet", "own"]
    min_share: float | None = Field(ge=0, le=2)
    min_one_face: float | None = Field(ge=0, le=1)
    min_variety: float | None = Field(ge=0, le=2)
    min_adherence: float | None = Field(ge=0, le=2)
    max_leak: float | None = Field(ge=0, le=2)
    max_copied: float | None = Field(ge=0, le=1)
