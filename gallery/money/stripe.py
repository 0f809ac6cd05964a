"""Stripe: how it is asked, and who signed what its webhook says.

Source: Stripe, "Webhook signatures" (`Stripe-Signature: t=...,v1=HMAC-SHA256(secret, t.payload)`), read 2026-11.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Any

import httpx

from gallery.context import Gallery
from gallery.errors import RequestError, not_there
from gallery.settings import Settings
from likeness.http.transport import authorities

ANSWER_SECONDS = 20
TOLERANCE_SECONDS = 300
SECONDS = re.compile(r"[0-9]{1,12}")


def post(settings: Settings, path: str, form: Mapping[str, str], key: str) -> httpx.Response:
    """Stripe's answer; what was asked with the same `key` before is not done a second time.

    Raises:
        httpx.HTTPError: there is none.
    """
    return _ask(settings, "POST", path, data=dict(form), headers={"idempotency-key": key})


def get(settings: Settings, path: str, query: Mapping[str, str]) -> httpx.Response:
    """Stripe's answer to a question.

    Raises:
        httpx.HTTPError: there is none.
    """
    return _ask(settings, "GET", path, params=dict(query), headers={})


def _ask(
    settings: Settings, method: str, path: str, *, headers: dict[str, str], **more: Any
) -> httpx.Response:
    assert settings.stripe_secret is not None
    key = f"Bearer {settings.stripe_secret.get_secret_value()}"
    return httpx.request(
        method,
        f"{settings.stripe_url}/v1/{path}",
        headers=headers | {"authorization": key},
        timeout=ANSWER_SECONDS,
        follow_redirects=False,
        trust_env=False,
        verify=authorities(),
        **more,
    )


def check_signature(gallery: Gallery, payload: bytes, header: str) -> None:
    """See that Stripe sent this now.

    Raises:
        RequestError: 400.
    """
    secret = gallery.settings.stripe_webhook_secret
    if not gallery.settings.money or secret is None:
        raise not_there()
    parts = [part.partition("=") for part in header.split(",")]
    times = [value for name, _, value in parts if name.strip() == "t"]
    if len(times) != 1 or not SECONDS.fullmatch(times[0]):
        raise _unsigned()
    signed = hmac.new(
        secret.get_secret_value().encode(), times[0].encode() + b"." + payload, hashlib.sha256
    ).hexdigest()
    given = [value for name, _, value in parts if name.strip() == "v1"]
    fresh = abs(gallery.clock().timestamp() - int(times[0])) <= TOLERANCE_SECONDS
    if not fresh or not any(hmac.compare_digest(signed.encode(), one.encode()) for one in given):
        raise _unsigned()


def _unsigned() -> RequestError:
    return RequestError(400, "signature", "This was not signed by whom it says.")
