"""A package that somebody else wrote and installed: a paid captioner, made from the Protocol of likeness.providers alone.

`install` writes it and its metadata into a folder of sys.path, as pip would. It asks a server at `url` for each caption.
"""

from pathlib import Path

PACKAGE = '''"""Captions from Acme's desk."""

import json
import os
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar

from likeness.caption import Described
from likeness.errors import AuthError
from likeness.purchases.buy import Delivery, Purchase
from likeness.purchases.prices import Quote, price_of
from likeness.digests import sha256_pixels
from likeness.store.keys import item_key


@dataclass(frozen=True, kw_only=True)
class AcmeCaptioner:
    """`url` is where the desk answers, `tone` how it speaks."""

    url: str
    tone: str

    name: ClassVar[str] = "acme"
    remote: ClassVar[bool] = True
    neural: ClassVar[bool] = True
    api_key_env: ClassVar[str] = "ACME_KEY"
    in_flight: ClassVar[int] = 2

    def identity(self):
        return {"name": self.name, "tone": self.tone}

    def quote(self, prices):
        return Quote(calls=1, usd=price_of(prices, "acme", "caption").usd, seconds=1)

    def purchase_key(self, pixels_sha256):
        return item_key("acme-caption", 1, self.identity(), [pixels_sha256])

    @contextmanager
    def opened(self, buyer):
        yield Desk(self, buyer)


@dataclass(frozen=True)
class Desk:
    settings: AcmeCaptioner
    buyer: object

    def describe(self, rgb, *, face, swapped, item=""):
        price = self.buyer.spending.price("acme", "caption").usd
        digest = sha256_pixels(rgb)

        def order():
            request = urllib.request.Request(self.settings.url, data=digest.encode())
            with urllib.request.urlopen(request, timeout=60) as reply:
                return Delivery(files={"text": reply.read()}, usd=price, usage={})

        def ready():
            if not os.environ.get("ACME_KEY"):
                raise AuthError("Acme wants a key", remedy="set ACME_KEY")

        bought = self.buyer.buy(
            Purchase(what="acme caption", item=item, key=self.settings.purchase_key(digest), usd_max=price,
                     ready=ready, order=order)
        )
        text = bought.files["text"].path.read_text()
        return Described(text=text, cost_usd=float(bought.record["cost_usd"]))
'''
TARGET = "acme_captions.AcmeCaptioner"
CONF = """max_failure_ratio: 0.2
provider:
  _target_: acme_captions.AcmeCaptioner
  url: http://127.0.0.1:1
  tone: plain
"""
PRICE = """acme:
  caption: {usd: 0.03, per: call, source: Acme's list, date: "2026-11-28"}
"""


def install(folder: Path) -> None:
    """Put the package into a folder that is, or will be, on sys.path."""
    (folder / "acme_captions.py").write_text(PACKAGE)
    metadata = folder / "acme_captions-0.1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-captions\nVersion: 0.1\n")
    (metadata / "entry_points.txt").write_text(
        "[likeness.providers]\ncaption.acme = acme_captions:AcmeCaptioner\n"
    )
