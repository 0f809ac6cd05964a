# pyright: basic
# mostly torch and spandrel calls, which are untyped.
"""Super-resolution by a network of the user's: any single-image architecture that spandrel knows.

Real-ESRGAN, ESRGAN, DAT, SwinIR and more are recognised by the weights file alone. spandrel is an optional
extra: it needs torchvision, whose builds must match torch's, so it is no part of the core installation.
Source: https://github.com/chaiNNer-org/spandrel, 0.4.2, ModelLoader and ImageModelDescriptor (read
2026-11).
"""

import importlib.util
from typing import Any, ClassVar

import numpy as np
from PIL import Image
from pydantic import Field
from pydantic.dataclasses import dataclass

from likeness.digests import Json, Sha256, check_digest, check_file
from likeness.enhance import Enhanced
from likeness.enhance.tiles import Floats, tiled
from likeness.errors import ConfigError
from likeness.images import RGB
from likeness.networks import LocalNetwork
from likeness.settings import NetworkLicence, own_path

INSTALL = "pip install likeness[superres], with the torchvision build that belongs to the torch installed"


@dataclass(frozen=True, kw_only=True)
class SuperresEnhancer(LocalNetwork):
    """Enlarges with the network in `weights`, then brings the result to `scale` if its factor is another."""

    weights: str = Field(min_length=1)
    sha256: Sha256
    licence: NetworkLicence
    scale: int = Field(ge=1, le=8)
    tile_px: int = Field(ge=32)
    overlap_px: int = Field(ge=0)
    half_on_gpu: bool

    name: ClassVar[str] = "superres"

    def __post_init__(self) -> None:
        """Refuse before anything runs.

        Raises:
            ConfigError: the weights are missing (`missing-weights`), or spandrel is (`missing-extra`).
        """
        remedy = "download it (conf/enhance/superres.yaml says where), or choose `enhance: lanczos`"
        check_file("enhance.provider.weights", own_path(self.weights), remedy)
        if importlib.util.find_spec("spandrel") is None:
            what = "enhance: superres needs spandrel, which is not installed"
            raise ConfigError(what, reason="missing-extra", remedy=INSTALL)

    def identity(self) -> dict[str, Json]:
        """The weights' digest and what changes pixels: fp16 does, and the kind of device."""
        own = {name: getattr(self, name) for name in ("name", "sha256", "scale", "tile_px", "overlap_px")}
        return {**own, "device": self.device_type, "half": self._half}

    def enhance(self, rgb: RGB, *, item: str = "") -> Enhanced:
        """Enlarge uint8 [H, W, 3] RGB to [scale * H, scale * W, 3]."""
        model = self.network
        image = np.ascontiguousarray(rgb.transpose(2, 0, 1), dtype=np.float32) / np.float32(255)
        pieces = {"tile_px": self.tile_px, "overlap_px": self.overlap_px}
        with self.turn:  # the memory of one tile, however many threads ask
            big = tiled(self._run, image, scale=model.scale, **pieces)
        pixels = np.ascontiguousarray((big.transpose(1, 2, 0) * 255).round().clip(0, 255).astype(np.uint8))
        if model.scale == self.scale:
            return Enhanced(rgb=pixels)
        size = (rgb.shape[1] * self.scale, rgb.shape[0] * self.scale)
        return Enhanced(rgb=np.array(Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS)))

    @property
    def _half(self) -> bool:
        return self.half_on_gpu and self.device_type == "cuda" and self.network.supports_half

    def load(self) -> Any:
        """Spandrel's descriptor of the network.

        Raises:
            ConfigError: the file is another than was reviewed, or no network that enlarges.
        """
        path = own_path(self.weights)
        check_digest("enhance.provider.weights", path, self.sha256)
        from likeness.aligned import align_module

        try:
            import spandrel  # pyright: ignore[reportMissingImports]  # here, because it takes seconds and is optional
        except (ImportError, RuntimeError) as error:  # RuntimeError: torchvision's build does not fit torch's
            what = f"spandrel does not import: {error}"
            raise ConfigError(what, reason="missing-extra", remedy=INSTALL) from error
        try:
            model = spandrel.ModelLoader(self.device_type).load_from_file(str(path))
        except (spandrel.UnsupportedModelError, RuntimeError) as error:  # RuntimeError: wrong shapes
            raise self._unusable(f"spandrel cannot load it: {str(error)[:200]}") from error
        is_image = isinstance(model, spandrel.ImageModelDescriptor)
        is_rgb = is_image and model.input_channels == model.output_channels == 3
        if not is_rgb or model.purpose not in ("SR", "Restoration"):
            raise self._unusable(f"it is a {model.architecture.name} network for {model.purpose}")
        align_module(model.model)
        return model.eval()

    def _unusable(self, why: str) -> ConfigError:
        return ConfigError(
            f"{self.weights} cannot enlarge an RGB image: {why}",
            reason="wrong-weights",
            remedy="choose weights of a single-image super-resolution network",
        )

    def _run(self, tile: Floats) -> Floats:
        import torch

        dtype = torch.float16 if self._half else torch.float32
        tensor = torch.tensor(tile).to(self.device_type, dtype)[None]
        return self.network.to(dtype)(tensor)[0].float().cpu().numpy()
