"""A reference picture beside the prompt, and the IP-Adapter for a base that cannot read one itself."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from likeness.diffusion.config import IpAdapterConfig
from likeness.diffusion.digest import CONFIG_SUFFIXES, files_digest
from likeness.errors import ConfigError
from likeness.images import RGB


@dataclass(frozen=True, kw_only=True)
class Adapter:
    """An IP-Adapter's files, the sha256 over all of them, and how strongly it acts."""

    weights: Path
    image_encoder: Path
    scale: float
    digest: str


@dataclass(frozen=True, kw_only=True)
class Reference:
    """A picture [H,W,3] that is drawn after, its file's sha256, and the adapter where the base needs one."""

    rgb: RGB
    sha256: str
    adapter: Adapter | None

    @property
    def identity(self) -> dict[str, Any]:
        """What a drawn picture depends on, for item keys."""
        adapter = self.adapter and {"digest": self.adapter.digest, "scale": self.adapter.scale}
        return {"picture": self.sha256, "adapter": adapter}


def find_adapter(cfg: IpAdapterConfig, root: Path, memo: Path | None) -> Adapter:
    """The adapter that the settings name, against the repository `root`.

    Raises:
        ConfigError: `ip-adapter-missing`.
    """
    weights, folder = (root / Path(path).expanduser() for path in (cfg.weights, cfg.image_encoder))
    files = sorted(path for path in folder.glob("*") if path.suffix in (".safetensors", *CONFIG_SUFFIXES))
    if not weights.is_file() or not any(path.suffix == ".safetensors" for path in files):
        raise ConfigError(
            f"evaluate.ip_adapter: {weights if not weights.is_file() else folder} has no .safetensors weights",
            reason="ip-adapter-missing",
            remedy="download the IP-Adapter for this base and the image encoder its page names, and name the file and the"
            " folder; or leave the arms `reference` and `both` out of evaluate.arms",
        )
    digests = [files_digest([weights], weights.parent, memo), files_digest(files, folder, memo)]
    return Adapter(weights=weights, image_encoder=folder, scale=cfg.scale, digest=":".join(digests))
