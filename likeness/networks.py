"""A user's own networks on this machine: reviewed files, a device, one thread at a time."""

import threading
from collections.abc import Generator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from likeness.errors import ConfigError
from likeness.providers import Local

if TYPE_CHECKING:
    from likeness.purchases.buy import Buyer


def require_gpu(setting: str) -> None:
    """See that torch has a GPU, as the setting's `cuda` says.

    Raises:
        ConfigError: `no-gpu`.
    """
    import torch

    if not torch.cuda.is_available():
        raise ConfigError(
            f"{setting} is cuda, but torch sees no GPU",
            reason="no-gpu",
            remedy=f"set {setting}: auto, or install a torch build with CUDA and check nvidia-smi",
        )


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class LocalNetwork(Local):
    """A network that torch runs, loaded at the first item and let go at the end; nothing is bought."""

    device: Literal["auto", "cpu", "cuda"]

    neural: ClassVar[bool] = True

    def load(self) -> Any:
        """The network, ready on `device_type`."""
        raise NotImplementedError

    @contextmanager
    def opened(self, buyer: "Buyer") -> Generator[Self, None, None]:
        """Nothing is loaded yet."""
        _ = self.turn  # made before threads are
        try:
            yield self
        finally:
            self.__dict__.pop("network", None)

    @cached_property
    def network(self) -> Any:
        """As `load` gives it, once."""
        return self.load()

    @cached_property
    def device_type(self) -> str:
        """The device that is meant: cpu or cuda."""
        import torch

        return ("cuda" if torch.cuda.is_available() else "cpu") if self.device == "auto" else self.device

    @cached_property
    def turn(self) -> threading.Lock:
        """Held by whoever runs the network: it keeps every core or the GPU busy by itself."""
        return threading.Lock()
