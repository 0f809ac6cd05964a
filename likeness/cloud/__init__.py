"""One command to a rented GPU and back: the section `cloud`. SkyPilot rents; the plan, the cap and the way home are ours."""

import re
from typing import Annotated

from pydantic import Field, model_validator

from likeness.http.rate_limit import Limits
from likeness.settings import Section

Word = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_./-]{0,63}$")]
Variable = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]{0,63}$")]


class Machine(Section):
    """A kind of machine that will do: `infra` as SkyPilot writes it (`runpod`, `aws/us-east-1`, `slurm/cluster`), one
    card, whether it may be taken away (`spot`), and whether it is one's own and costs nothing."""

    infra: Word
    gpu: Word | None = None
    spot: bool = False
    own: bool = False

    @property
    def vendor(self) -> str:
        """Whose it is: `aws` of `aws/us-east-1`."""
        return self.infra.partition("/")[0]

    @property
    def priced_as(self) -> str:
        """Its name among conf/prices.yaml's of this vendor: `RTX4090`, `L4 spot`."""
        return f"{self.gpu or 'machine'}{' spot' if self.spot else ''}"

    @property
    def words(self) -> str:
        """For a person: `runpod RTX4090`."""
        return f"{self.infra} {self.priced_as}"

    def is_card(self, device: str) -> bool:
        """Whether a device that calls itself `NVIDIA GeForce RTX 4090` has this machine's card."""
        words = re.findall(r"[a-z0-9]+", device.lower())
        runs = {"".join(words[a:b]) for a in range(len(words)) for b in range(a + 1, len(words) + 1)}
        return self.gpu is not None and all(
            part in runs for part in self.gpu.lower().replace("-", " ").split()
        )

    @model_validator(mode="after")
    def _can_be_priced(self) -> "Machine":
        if self.gpu is None and not self.own:
            raise ValueError(f"{self.infra}: name the card (gpu), or say that the machine is your own")
        return self


class RunPodConfig(Section):
    """How RunPod's own API is asked."""

    base_url: str
    api_key_env: str
    limits: Limits


class CloudConfig(Section):
    """Section `cloud`: the machines that will do, the dearest and longest that is paid for, and when a machine ends itself."""

    machines: tuple[Machine, ...] = Field(min_length=1)
    max_hours: float = Field(gt=0, le=240)
    max_usd_per_hour: float = Field(gt=0)
    max_price_age_days: int = Field(ge=0)
    silence_minutes: float = Field(gt=0)
    lease_minutes: float = Field(gt=0)
    probe_steps: int = Field(ge=1)
    disk_gb: int = Field(ge=10, le=4000)
    python: str | None
    variables: tuple[Variable, ...]
    runpod: RunPodConfig
