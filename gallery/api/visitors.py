"""Who asks, and whether the request is theirs: the cookie, the CSRF token, the role."""

import hmac
import secrets
from ipaddress import IPv4Address, IPv6Network, ip_address
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request, Response

from gallery.accounts.sessions import Visitor, csrf_token, visitor_of
from gallery.context import Gallery
from gallery.errors import RequestError, not_allowed
from gallery.tables import User

SAFE = ("GET", "HEAD", "OPTIONS")
LONGEST_COOKIE = 100


def gallery_of(request: Request) -> Gallery:
    """The gallery that the app was made for."""
    return request.app.state.gallery


GalleryDep = Annotated[Gallery, Depends(gallery_of)]


def visitor(request: Request, gallery: GalleryDep) -> Visitor:
    """Who asks.

    Raises:
        RequestError: an unsafe method without the token of this cookie, or from another site's page.
    """
    cookie = request.cookies.get(cookie_name(gallery), "")[:LONGEST_COOKIE]
    if request.method not in SAFE:
        given = request.headers.get("x-csrf", "")
        right = hmac.compare_digest(given.encode(), csrf_token(gallery.key, cookie).encode())
        origin = request.headers.get("origin")
        ours = origin is None or origin.partition("://")[2] in _hosts(request, gallery)
        if not cookie or not right or not ours:
            raise RequestError(
                403, "csrf", "This request did not come from our own page.", remedy="Load it again."
            )
    place = place_of(request.client.host) if request.client else "unknown"
    return visitor_of(gallery, cookie, place) if cookie else Visitor(cookie="", place=place)


def cookie_name(gallery: Gallery) -> str:
    """By its prefix browsers take it from this very host over TLS alone: a page of a neighbouring subdomain plants none."""
    return "session" if gallery.settings.is_local else "__Host-session"


def place_of(host: str) -> str:
    """Whom limits by place count as one: an address; of IPv6 the network of 64 bits, which whoever has one address has, too."""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if isinstance(address, IPv4Address):
        return host
    return str(address.ipv4_mapped or IPv6Network((int(address), 64), strict=False))


def _hosts(request: Request, gallery: Gallery) -> tuple[str, str]:
    return request.headers.get("host", ""), urlsplit(gallery.settings.public_url).netloc


VisitorDep = Annotated[Visitor, Depends(visitor)]


def signed_in(who: VisitorDep) -> User:
    """The user who asks.

    Raises:
        RequestError: 401.
    """
    if who.user is None:
        raise RequestError(401, "sign-in", "You are not signed in.", remedy="Sign in.")
    return who.user


UserDep = Annotated[User, Depends(signed_in)]


def owner(user: UserDep) -> User:
    """The owner who asks.

    Raises:
        RequestError: 403.
    """
    if user.role != "owner":
        raise not_allowed()
    return user


OwnerDep = Annotated[User, Depends(owner)]


def set_cookie(response: Response, gallery: Gallery, cookie: str) -> None:
    """Give the browser its session."""
    days = gallery.settings.session_days
    response.set_cookie(
        cookie_name(gallery),
        cookie,
        max_age=days * 86400,
        httponly=True,
        samesite="lax",
        path="/",
        secure=not gallery.settings.is_local,
    )


def new_cookie() -> str:
    """A cookie that signs nobody in: it carries the CSRF token of whoever signs in next."""
    return secrets.token_urlsafe(32)
