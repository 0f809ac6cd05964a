# pyright: basic
# mostly transformers calls, whose Auto classes are untyped.
"""Captions by a local image-text-to-text model, greedily decoded so that they are reproducible.

Source: https://huggingface.co/docs/transformers/main/tasks/image_text_to_text, transformers 5.23 (read
2026-11).
"""

from functools import cached_property
from typing import Any, ClassVar, cast

from PIL import Image
from pydantic import Field
from pydantic.dataclasses import dataclass

from likeness.caption import Described
from likeness.caption.text import one_line
from likeness.digests import Json, sha256_bytes, sha256_file
from likeness.errors import ConfigError, InputError
from likeness.images import RGB
from likeness.networks import LocalNetwork
from likeness.paths import RepositoryPaths
from likeness.pipeline.manifest import FaceEntry
from likeness.settings import HUB_COMMIT, NetworkLicence, own_path, refuse_missing_path

# What decides a model's words in its folder.
MODEL_FILES = ("*.safetensors", "*.bin", "*.json", "*.jinja", "*.model", "*.txt")


@dataclass(frozen=True, kw_only=True)
class VlmCaptioner(LocalNetwork):
    """Asks `model` (hub id or folder) the question `prompt`; loads it at the first image."""

    model: str = Field(min_length=1)
    revision: str | None
    licence: NetworkLicence
    prompt: str
    max_new_tokens: int = Field(ge=1, le=1024)
    side_px: int = Field(ge=32)

    name: ClassVar[str] = "vlm"

    def __post_init__(self) -> None:
        """Refuse before anything runs.

        Raises:
            ConfigError: neither a folder (`missing-weights`) nor a hub id pinned to a commit (`unpinned-model`).
        """
        if own_path(self.model).is_dir():
            return
        repository = RepositoryPaths.here().root
        refuse_missing_path("caption.provider.model", self.model, repository, reason="missing-weights")
        if HUB_COMMIT.fullmatch(self.revision or "") is None:
            raise ConfigError(
                f"caption.provider: {self.model} is not a folder, and revision {self.revision!r} is not a commit",
                reason="unpinned-model",
                remedy="give the hub id's 40-digit commit as revision, or the path of a downloaded model",
            )

    def identity(self) -> dict[str, Json]:
        """The model (digest of its folder, or id and commit), the question and what changes the answer."""
        return {
            "name": self.name,
            "model": self._digest or [self.model, self.revision],
            "prompt": self.prompt,
            "max_new_tokens": self.max_new_tokens,
            "side_px": self.side_px,
            "device": self.device_type,
        }

    def describe(self, rgb: RGB, *, face: FaceEntry | None, swapped: bool, item: str = "") -> Described:
        """The model's answer on one line; whether the face was swapped makes no difference to it.

        Raises:
            InputError: it gave no answer (`caption-empty`).
        """
        image = Image.fromarray(rgb)
        image.thumbnail((self.side_px, self.side_px), Image.Resampling.LANCZOS)
        with self.turn:
            text = one_line(self._answer(image))
        if not text:
            raise InputError(
                f"{self.model} gave no answer",
                reason="caption-empty",
                remedy="write the caption in captions_override/, or change caption.provider.prompt",
            )
        return Described(text=text)

    @cached_property
    def _digest(self) -> str | None:
        folder = own_path(self.model)
        if not folder.is_dir():
            return None
        files = sorted({path for pattern in MODEL_FILES for path in folder.glob(pattern)})
        return sha256_bytes("".join(f"{path.name} {sha256_file(path)}\n" for path in files).encode())

    def load(self) -> tuple[Any, Any]:
        """The processor and the model.

        Raises:
            ConfigError: they do not load.
        """
        import torch
        from transformers import AutoModelForImageTextToText, AutoProcessor

        from likeness.aligned import align_module

        # bf16 halves a GPU's memory; on a CPU it is slower than fp32.
        dtype = torch.bfloat16 if self.device_type == "cuda" else torch.float32
        try:
            model_of = str(own_path(self.model)) if self._digest else self.model
            processor = AutoProcessor.from_pretrained(model_of, revision=self.revision)
            kind = AutoModelForImageTextToText
            model = kind.from_pretrained(model_of, revision=self.revision, dtype=dtype)
        except (OSError, ValueError, ImportError) as error:
            raise ConfigError(
                f"caption.provider.model: {self.model} does not load: {error}",
                reason="missing-weights",
                remedy="check the id, the revision and the network, or give the path of a downloaded model",
            ) from error
        model = cast(Any, model).to(self.device_type).eval()
        align_module(model)
        return processor, model

    def _answer(self, image: Image.Image) -> str:
        import torch

        from likeness.aligned import align_tensors

        processor, model = self.network
        inputs = align_tensors(self._inputs(processor, image).to(self.device_type, model.dtype))
        greedy = {"do_sample": False, "num_beams": 1, "max_new_tokens": self.max_new_tokens}
        with torch.inference_mode():
            tokens = model.generate(**inputs, **greedy)[0]
        asked = inputs["input_ids"][0] if "input_ids" in inputs else tokens[:0]
        if len(tokens) >= len(asked) and torch.equal(tokens[: len(asked)], asked):
            tokens = tokens[len(asked) :]  # decoder-only models repeat the question
        return processor.decode(tokens, skip_special_tokens=True)

    def _inputs(self, processor: Any, image: Image.Image) -> Any:
        if not getattr(processor, "chat_template", None):
            return processor(images=image, text=self.prompt or None, return_tensors="pt")
        content = [{"type": "image", "image": image}, {"type": "text", "text": self.prompt}]
        how = {"add_generation_prompt": True, "tokenize": True, "return_dict": True, "return_tensors": "pt"}
        return processor.apply_chat_template([{"role": "user", "content": content}], **how)
