"""The common part of our remote providers: address, key, limits and quote."""

from typing import ClassVar

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from likeness.http.keys import check_place
from likeness.http.rate_limit import Limits
from likeness.purchases.prices import Prices, Quote


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class Remote:
    """`api_key_env` names the variable that holds the key, null where the server wants none; `seconds` is what one
    item takes, for plans."""

    base_url: str
    api_key_env: str | None
    seconds: float = Field(gt=0)
    limits: Limits

    def __post_init__(self) -> None:
        """See that the key may go there before anything is bought (likeness/http/keys.py)."""
        check_place(type(self).__name__, self.base_url, self.api_key_env)

    remote: ClassVar[bool] = True
    neural: ClassVar[bool] = True

    @property
    def in_flight(self) -> int:
        """As many items as requests."""
        return self.limits.in_flight

    def usd_max(self, prices: Prices) -> float:
        """The most one item can cost."""
        raise NotImplementedError

    def quote(self, prices: Prices) -> Quote:
        """One item, at most."""
        return Quote(calls=1, usd=self.usd_max(prices), seconds=self.seconds)


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class RemoteJobs(Remote):
    """A job is looked at every `poll_s` for `job_limit_s`."""

    poll_s: float = Field(gt=0)
    job_limit_s: float = Field(gt=0)
