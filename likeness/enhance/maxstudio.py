"""Images enlarged twice by MaxStudio, bought once."""

import base64
import binascii
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass as settings

from likeness.digests import Json, sha256_pixels
from likeness.enhance import Enhanced, Enhancer
from likeness.errors import RejectedError
from likeness.images import RGB, decode_rgb, encode_png
from likeness.purchases.buy import Buyer, Delivery, Job, PendingOrder, Purchase
from likeness.purchases.prices import Prices, price_of
from likeness.store.keys import item_key
from likeness.vendors.maxstudio import MaxStudio, is_picture
from likeness.vendors.remote import RemoteJobs

# Raised when an equal order would be another one.
ORDER_VERSION = 1
RESULT = "result"
SCALE = 2


@settings(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class MaxStudioEnhancer(RemoteJobs):
    """Nothing is set but how the account is reached."""

    api_key_env: str

    name: ClassVar[str] = "maxstudio"

    def identity(self) -> dict[str, Json]:
        """The vendor; it names no version of its model."""
        return {"name": self.name}

    def purchase_key(self, pixels_sha256: str) -> str:
        """The key an enlargement is bought under."""
        return item_key("maxstudio-enhance", ORDER_VERSION, {}, [pixels_sha256])

    def usd_max(self, prices: Prices) -> float:
        """One image."""
        return price_of(prices, "maxstudio", "enhance").usd

    @contextmanager
    def opened(self, buyer: Buyer) -> Generator[Enhancer, None, None]:
        """Ready to buy; connects at the first purchase."""
        with MaxStudio(self, self.api_key_env, buyer.stop) as account:
            yield _Enhancements(self, account, buyer)


@dataclass(frozen=True)
class _Enhancements:
    settings: MaxStudioEnhancer
    account: MaxStudio
    buyer: Buyer

    def enhance(self, rgb: RGB, *, item: str = "") -> Enhanced:
        """Enlarge uint8 [H, W, 3] RGB to [2H, 2W, 3].

        Raises:
            RejectedError: what came back has another size; it is kept, and not bought again.
        """
        price = self.buyer.spending.price("maxstudio", "enhance").usd

        def order() -> dict[str, Json]:
            image = base64.b64encode(encode_png(rgb)).decode("ascii")
            return self.account.order("/image-enhancer", {"image": image})

        def collect(pending: PendingOrder) -> Delivery | None:
            data = _picture_of(self.account.finished("/image-enhancer", pending))
            return None if data is None else Delivery(files={RESULT: data}, usd=price, usage={})

        bought = self.buyer.buy(
            Purchase(
                what="maxstudio enhance",
                item=item,
                key=self.settings.purchase_key(sha256_pixels(rgb)),
                usd_max=price,
                ready=self.account.ready,
                order=order,
                job=Job(collect=collect, poll_s=self.settings.poll_s, limit_s=self.settings.job_limit_s),
                pictures=(RESULT,),
            )
        )
        big = decode_rgb(bought.files[RESULT].path.read_bytes(), name="MaxStudio's result")
        height, width = rgb.shape[:2]
        if big.shape[:2] != (SCALE * height, SCALE * width):
            raise RejectedError(
                f"MaxStudio returned {big.shape[1]}x{big.shape[0]}, not {SCALE}x of {width}x{height}",
                reason="provider-wrong-size",
                remedy="use another size in conf/resize/, or enhance=lanczos",
            )
        return Enhanced(rgb=big, cost_usd=float(bought.record["cost_usd"]))


def _picture_of(result: Json | None) -> bytes | None:
    """The picture in a finished job's answer; None when it holds none (yet)."""
    if not isinstance(result, str):
        return None
    try:
        data = base64.b64decode(result, validate=True)
    except binascii.Error:
        return None
    return data if is_picture(data) else None
