"""Swaps bought from MaxStudio: photographs go to a bucket under presigned addresses, jobs are ordered and polled."""

import math
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, cast

import numpy as np
from PIL import Image
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass as settings

from likeness.digests import Json, sha256_pixels
from likeness.errors import InputError
from likeness.faces import Face
from likeness.faces.face import Box, shared_px2
from likeness.images import decode_rgb, encode_png
from likeness.purchases.buy import Buyer, Delivery, Job, PendingOrder, Purchase
from likeness.purchases.prices import Prices, price_of
from likeness.store.keys import item_key
from likeness.store.presigned import PresignedUploads
from likeness.store.s3_config import S3Config
from likeness.swap import Portrait, Swapped, Swapper
from likeness.vendors.maxstudio import MaxStudio
from likeness.vendors.remote import RemoteJobs

# Raised when an equal order would be another one.
ORDER_VERSION = 1
RESULT = "result"


@settings(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class MaxStudioSwapper(RemoteJobs):
    """`inputs_url` is an S3 prefix the account's photographs are lent from for `inputs_expire_s`."""

    api_key_env: str
    inputs_url: str
    inputs_expire_s: int = Field(ge=60, le=7 * 86_400)
    s3: S3Config
    max_result_mb: float = Field(gt=0)

    name: ClassVar[str] = "maxstudio"
    version: ClassVar[int] = 1

    def identity(self) -> dict[str, Json]:
        """The vendor, which names no version of its model, and what is done to its results."""
        return {"name": self.name, "version": self.version}

    def purchase_key(self, source_sha256: str, target_sha256: str, face: Face) -> str:
        """The key a swap is bought under, of both photographs' pixels and the target's face that is meant."""
        asked = {"face": [round(value) for value in face.box_px]}
        return item_key("maxstudio-swap", ORDER_VERSION, asked, [source_sha256, target_sha256])

    def detect_key(self, target_sha256: str) -> str:
        """The key the vendor's boxes of a target's faces are bought under."""
        return item_key("maxstudio-detect", ORDER_VERSION, {}, [target_sha256])

    def usd_max(self, prices: Prices) -> float:
        """One swap."""
        return price_of(prices, "maxstudio", "swap").usd

    @contextmanager
    def opened(self, buyer: Buyer) -> Generator[Swapper, None, None]:
        """Ready to buy; connects at the first purchase."""
        inputs = PresignedUploads(self.inputs_url, expire_s=self.inputs_expire_s, s3=self.s3)
        with MaxStudio(self, self.api_key_env, buyer.stop) as account:
            yield _Swaps(self, account, inputs, buyer)


@dataclass(frozen=True)
class _Swaps:
    settings: MaxStudioSwapper
    account: MaxStudio
    inputs: PresignedUploads
    buyer: Buyer

    def swap(self, source: Portrait, target: Portrait, *, item: str = "") -> Swapped:
        """The target with the source's face; the vendor chooses nothing: the face that is meant is named."""
        of_source, of_target = sha256_pixels(source.rgb), sha256_pixels(target.rgb)
        bought = self.buyer.buy(
            Purchase(
                what="maxstudio swap",
                item=item,
                key=self.settings.purchase_key(of_source, of_target, target.face),
                usd_max=self._usd("swap"),
                ready=lambda: self.account.ready(first=self.inputs.check),
                order=lambda: self._order(source, target, of_target, item),
                job=Job(
                    collect=self._collect, poll_s=self.settings.poll_s, limit_s=self.settings.job_limit_s
                ),
                pictures=(RESULT,),
            )
        )
        rgb = decode_rgb(bought.files[RESULT].path.read_bytes(), name="MaxStudio's result")
        cost = float(bought.record["cost_usd"])
        height, width = target.rgb.shape[:2]
        if rgb.shape[:2] == (height, width):
            return Swapped(rgb=rgb, cost_usd=cost)
        if not math.isclose(rgb.shape[1] / rgb.shape[0], width / height, rel_tol=0.01):
            raise InputError(
                f"MaxStudio returned {rgb.shape[1]}x{rgb.shape[0]} for a target of {width}x{height}",
                reason="provider-wrong-size",
                remedy="look at the target photo: it may have been cropped; leave it out, or use another provider",
            )
        fitted = Image.fromarray(rgb).resize((width, height), Image.Resampling.LANCZOS)
        return Swapped(rgb=np.array(fitted, np.uint8), cost_usd=cost)

    def _order(self, source: Portrait, target: Portrait, of_target: str, item: str) -> dict[str, Json]:
        source_url, target_url = (
            self.inputs.url_of(encode_png(portrait.rgb), suffix=".png") for portrait in (source, target)
        )
        face = self._face(target, target_url, of_target, item)
        body = {"mediaUrl": target_url, "faces": [{"originalFace": face, "newFace": source_url}]}
        return self.account.order("/swap-image", body)

    def _collect(self, pending: PendingOrder) -> Delivery | None:
        result = self.account.finished("/swap-image", pending)
        url = cast("dict[str, Json]", result).get("mediaUrl") if isinstance(result, dict) else None
        if not isinstance(url, str):
            return None
        data = self.account.fetch(url, max_mb=self.settings.max_result_mb)
        return None if data is None else Delivery(files={RESULT: data}, usd=self._usd("swap"), usage={})

    def _face(self, target: Portrait, url: str, digest: str, item: str) -> dict[str, Json]:
        """MaxStudio's own box of the face that is meant, asked for once a target.

        Raises:
            InputError: it sees no face there.
        """

        def ask() -> Delivery:
            answer = self.account.ask("/detect-face-image", {"imageUrl": url})
            faces = answer.get("detectedFaces", answer.get("faces"))
            return Delivery(files={}, usd=self._usd("detect"), usage={"faces": faces})

        found = self.buyer.buy(
            Purchase(
                what="maxstudio detect",
                item=item,
                key=self.settings.detect_key(digest),
                usd_max=self._usd("detect"),
                ready=self.account.ready,
                order=ask,
            )
        )
        seen = cast("list[dict[str, Any]]", found.record["usage"]["faces"] or [])
        boxes = [box for box in seen if shared_px2(_box(box), target.face.box_px) > 0]
        if not boxes:
            raise InputError(
                "MaxStudio sees no face where the target's is",
                reason="provider-no-face",
                kind="skipped",
                remedy="nothing need be done for one photo; a clearer target photo helps",
            )
        return max(boxes, key=lambda box: shared_px2(_box(box), target.face.box_px))

    def _usd(self, what: str) -> float:
        return self.buyer.spending.price("maxstudio", what).usd


def _box(face: dict[str, Any]) -> Box:
    return (float(face["x"]), float(face["y"]), float(face["width"]), float(face["height"]))
