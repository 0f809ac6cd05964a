"""Where everything lies, and what a file is called.

`jade-s1-t1-sfw-enhanced.jpg`: persona, source photo, target photo, rating, stage.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from likeness.errors import ConfigError

# A persona's name is part of file names, stage names and of ids joined with "-".
PERSONA_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")
IMAGE_NAME = re.compile(
    r"(?P<persona>[a-z][a-z0-9_]{0,31})-(?P<source>s[1-9]\d*)(?:-(?P<target>t[1-9]\d*))?"
    r"-(?P<rating>sfw|review)-(?P<stage>[a-z]+)\.(?P<ext>[a-z0-9]+)"
)


def item_id(persona: str, source: str | None, target: str | None) -> str:
    """`jade-s1-t1`; without a source or a target the part is left out."""
    return "-".join(part for part in (persona, source, target) if part)


def image_name(
    persona: str, source: str | None, target: str | None, rating: str, stage: str, ext: str
) -> str:
    """`jade-s1-t1-sfw-swapped.png`."""
    return f"{item_id(persona, source, target)}-{rating}-{stage}.{ext}"


def parse_image_name(name: str) -> dict[str, str | None]:
    """The parts of a name that `image_name` made with a source; ConfigError when it is not one."""
    match = IMAGE_NAME.fullmatch(name)
    if match is None:
        raise ConfigError(f"{name!r} is not a name like jade-s1-t1-sfw-swapped.png", reason="bad-name")
    return match.groupdict()


@dataclass(frozen=True)
class PersonaPaths:
    """The folders and files of one persona, relative to the repository."""

    persona: str

    @property
    def data(self) -> Path:
        return Path("data") / self.persona

    @property
    def raw_sources(self) -> Path:
        return self.data / "raw" / "sources"

    @property
    def raw_targets(self) -> Path:
        return self.data / "raw" / "targets"

    @property
    def ingested(self) -> Path:
        return self.data / "ingested"

    @property
    def swapped(self) -> Path:
        return self.data / "swapped"

    @property
    def resized(self) -> Path:
        return self.data / "resized"

    @property
    def enhanced(self) -> Path:
        return self.data / "enhanced"

    @property
    def captions(self) -> Path:
        return self.data / "captions"

    @property
    def captions_override(self) -> Path:
        return self.data / "captions_override"

    @property
    def models(self) -> Path:
        return Path("models") / self.persona

    @property
    def lora_training(self) -> Path:
        return self.models / "lora_training"

    @property
    def dataset_zip(self) -> Path:
        return self.models / f"{self.persona}_lora_dataset.zip"

    @property
    def weights(self) -> Path:
        return self.models / f"{self.persona}-v1.safetensors"

    @property
    def training(self) -> Path:
        return self.models / "training"

    @property
    def evaluation(self) -> Path:
        return self.models / "evaluation"

    @property
    def report(self) -> Path:
        return self.models / "report"


def cache_root() -> Path:
    """`.cache` of the repository DVC was started in: DVC exports DVC_ROOT, so its temporary experiment
    folders share one item store with the repository they come from."""
    return Path(os.environ.get("DVC_ROOT", ".")) / ".cache"
